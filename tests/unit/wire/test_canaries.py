"""Secrets are found however they are spelt, and what is said of a find gives nothing away."""

import base64
import json  # noqa: TID251 - what other programs write
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna.wire import canaries

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=10, max_size=40)
SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "JSON": lambda text: json.dumps(text, ensure_ascii=False).encode(),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text, ensure_ascii=False), ensure_ascii=False).encode(),
    "JSON in ASCII": lambda text: json.dumps(text).encode(),
    "percent": lambda text: quote(text, safe="").encode(),
    "form": lambda text: quote_plus(text).encode(),
    "hexadecimal": lambda text: text.encode().hex().upper().encode(),
    "UTF-16": lambda text: text.encode("utf-16-le"),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 with something before": lambda text: base64.b64encode(b"user:" + text.encode()),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"ab" + text.encode() + b"and more"),
    "backwards": lambda text: text.encode()[::-1],
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@settings(max_examples=15, deadline=None)
@given(secret=SECRETS, before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_every_spelling_is_found(spelling: str, secret: str, before: bytes, after: bytes) -> None:
    data = before + b" " + SPELLINGS[spelling](secret) + b" " + after
    leak = canaries.find([secret], {"harmless": b"nothing", "file": data})
    assert leak is not None
    assert leak.file == "file"


def test_a_find_names_its_place_and_not_the_secret() -> None:
    leak = canaries.find(["correct-horse"], {"a.json": b"{}", "b.json": b"{\n\n  correct-horse"})
    assert str(leak) == "line 3 of b.json (plain)"


def test_a_secret_in_a_file_name_is_found_and_not_repeated() -> None:
    leak = canaries.find(["correct-horse"], {"correct-horse.json": b"{}"})
    assert leak is not None
    assert leak.line == 0
    assert "correct-horse" not in str(leak)


def test_what_is_too_short_is_not_looked_for() -> None:
    assert canaries.find(["true", "en-US", ""], {"a": b"true en-US"}) is None


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_nothing_is_found_where_nothing_is(data: bytes) -> None:
    assert canaries.find(["a-secret-of-32-characters-0123456"], {"file": data}) is None
