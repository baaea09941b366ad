"""Every reader of foreign bytes: its whole corpus, and some hundred new inputs. `make fuzz` is the long form."""

import logging
from collections.abc import Iterator

import pytest

from tests.fuzz.__main__ import stored
from tests.fuzz.guided import Search, taken
from tests.fuzz.readers import READERS


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("reader", READERS)
def test_the_corpus_is_read_as_it_should_be(reader: str) -> None:
    target, corpus = READERS[reader].target(), stored(reader)
    assert corpus, "python -m tests.fuzz --reader NAME --keep makes one"
    for data in corpus:
        _, _, error = taken(target, data)
        assert error is None, f"{data[:500]!r}"


@pytest.mark.parametrize("reader", READERS)
def test_a_short_search_finds_nothing(reader: str) -> None:
    target = READERS[reader].target()
    search = Search(target, seed=1, timed=False)
    search.begin(stored(reader)[: min(60, target.short)])
    for _ in range(target.short):
        search.step()
    assert not search.tally.findings, "\n".join(finding.told for finding in search.tally.findings.values())
