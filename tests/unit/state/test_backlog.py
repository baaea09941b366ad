"""What waits while the database refuses: as much as there may be, in its order, and the oldest go first."""

import errno
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select

from luna.model.errors import LunaError
from luna.state.store import Store
from luna.state.store.backlog import EACH, Backlog
from luna.state.store.tables import chats
from luna.state.store.transaction import Transactions, Write

ADD = insert(chats)


def row(number: int, title: str = "") -> dict[str, object]:
    plain = {"account_id": "a", "state": "open", "purpose": "main", "created_at": float(number)}
    return {"id": f"c{number}", "title": title, **plain}


def write(size: int) -> Write:
    return ADD, [("x" * (size - EACH),)]


def sizes(backlog: Backlog) -> list[int]:
    return [EACH + len(rows[0][0]) for _, rows in backlog]


@given(st.lists(st.integers(EACH, EACH + 2_000), max_size=30), st.integers(1, 12), st.integers(0, 8_000))
def test_the_latest_that_fit_are_kept(sent: list[int], most: int, room: int) -> None:
    backlog = Backlog(most, room)
    given_up = 0
    for size in sent:
        backlog.append(write(size))
        given_up += backlog.shorten()
    kept = sizes(backlog)
    assert kept == sent[given_up:]
    assert len(kept) <= most
    assert sum(kept) <= room or len(kept) == 1
    if given_up:
        assert len(kept) == most or sum(kept) + sent[given_up - 1] > room, "no more are given up than need be"


@given(st.lists(st.sampled_from(["add", "weigh", "take", "clear"]), max_size=40))
def test_what_was_not_weighed_as_it_came_is_weighed_later(steps: list[str]) -> None:
    backlog, plain = Backlog(100, 3_000), Backlog(100, 3_000)
    for step in [*steps, "add", "weigh"]:
        for each in (backlog, plain):
            match step:
                case "add":
                    each.append(write(EACH + 100 * (1 + len(each))))
                case "take":
                    each.take(2)
                case "clear":
                    each.clear()
                case "weigh":
                    again = Backlog(100, 3_000)  # knows of nothing before
                    again.extend(each)
                    again.shorten()
                    if each is backlog:
                        each.shorten()
                    else:
                        each.clear()
                        each.extend(again)
    assert sizes(backlog) == sizes(plain)


def test_rows_by_name_are_weighed_too() -> None:
    backlog = Backlog(size=2 * EACH + 10)
    for _ in range(2):
        backlog.append((ADD, [{"title": "12345", "count": 7, "body": None}]))
    assert backlog.shorten() == 0
    backlog.append((ADD, [{"title": "1"}, {"title": b"2"}]))
    assert backlog.shorten() == 1


async def test_what_is_given_up_while_the_database_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bring_in, full = Transactions.bring_in, True

    def refused(self: Transactions, *what: Any) -> list[str]:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return bring_in(self, *what)

    monkeypatch.setattr("luna.state.store.writer.PAUSES", (0.01,))
    async with Store.opened(tmp_path) as store:
        monkeypatch.setattr(Transactions, "bring_in", refused)
        monkeypatch.setattr(store._writer, "_waiting", Backlog(size=5 * EACH))
        await anyio.sleep(0)
        store.write(ADD, row(0))
        with pytest.raises(LunaError, match="No space left"):
            await store.settle()
        for number in range(1, 9):
            store.write(ADD, row(number, "title"))
        waiting, lost = store.describe()["waiting"], store.describe()["lost"]
        full = False
        await store.settle()
        kept = [found.id for found in await store.read(select(chats.c.id).order_by(chats.c.created_at))]
    assert lost > 0
    assert waiting == len(kept) - 1, "the first had been taken already"
    assert kept == ["c0", *(f"c{number}" for number in range(1 + lost, 9))]
    assert caplog.text.count("the oldest are given up") == 1
    assert f"the database takes writes again; {lost} were given up" in caplog.text
