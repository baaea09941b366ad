"""What bytes are, by how they begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.upstream import sniff
from tests.support.samples import KNOWN, OLE, archive


@pytest.mark.parametrize("media_type", KNOWN)
def test_every_known_kind_is_told(media_type: str) -> None:
    assert sniff.media_type(KNOWN[media_type]) == media_type


@pytest.mark.parametrize("media_type", KNOWN)
def test_a_known_kind_without_its_beginning_is_not(media_type: str) -> None:
    assert sniff.media_type(b"x" + KNOWN[media_type]) == ""


def test_containers_that_do_not_tell_what_is_in_them() -> None:
    assert sniff.media_type(archive("a.txt")) == sniff.ZIP
    assert sniff.media_type(OLE) == sniff.OLE
    assert sniff.media_type(b"RIFF\x10\0\0\0ELSE") == ""


@pytest.mark.parametrize("frame", [b"\xff\xfb\x90\x64", b"\xff\xf3\x40\xc4", b"\xff\xf2\x10\0", b"\xff\xe3\x18\xc4"])
def test_sound_that_begins_with_a_frame(frame: bytes) -> None:
    assert sniff.media_type(frame + bytes(8)) == "audio/mpeg"


@pytest.mark.parametrize(
    "data", [b"", b"x", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"BM is not a picture", b"\xff\xff"]
)
def test_what_has_no_mark(data: bytes) -> None:
    assert sniff.media_type(data) in ("", "audio/mpeg" if data == b"\xff\xff" else "")


@given(st.binary(max_size=40))
def test_nothing_is_too_short_or_too_strange(data: bytes) -> None:
    assert isinstance(sniff.media_type(data), str)


@pytest.mark.parametrize("text", ["", "words\nand\ttabs\r\n\f", "Grüße, 世界 🌍", "\x1b[31mred\x1b[0m"])
def test_text(text: str) -> None:
    assert sniff.is_text(text.encode())


@pytest.mark.parametrize("data", [b"\0", b"a\x00b", b"\xff\xfeh\0i\0", b"caf\xe9", b"\x07"])
def test_what_is_no_text(data: bytes) -> None:
    assert not sniff.is_text(data)
