"""SQLite's words for the statements of every day (`luna/state/store/sqlite.json`): made anew, and asked for.

`python -m tests.support.statements` plays a short life of luna, sees which statements it needs, has SQLAlchemy write
them, and writes them down. The test beside (`tests/unit/state/test_texts.py`) sees that they are what SQLAlchemy says.
"""

import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
from sqlalchemy import bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from luna.model.ambient import SystemClock
from luna.state.session_expiry import tidy
from luna.state.store import schema, sql, texts
from luna.state.store.naming import names_its_rows
from luna.state.store.texts import Book, Words
from luna.state.store.upserting import sqlite_upsert
from tests.support.house import running_luna

DIALECT = sqlite.dialect()
PLAIN = (str, int, float, bool, type(None))
Wanted = tuple[str, tuple[str, ...] | None]


def statement_of(spelled: str) -> Any:
    """The statement that is spelled so, of SQLAlchemy's own."""
    values: dict[str, Any] = {name: bindparam(name) for name in re.findall(rf"\b{sql.VALUE}\d+\b", spelled)}
    names = {name: sql.made(getattr(sql, name)) for name in sql.__all__ if re.search(rf"\b{name}\b", spelled)}
    return eval(spelled, {"__builtins__": {}, "upsert": sqlite_upsert, **schema.metadata.tables, **names, **values})


def words_of(spelled: str, columns: Collection[str] | None) -> Words | None:
    """What SQLAlchemy makes of it; None where its text depends on the values."""
    statement = statement_of(spelled)
    keys = None if columns is None else [*columns]
    compiled = statement.compile(dialect=DIALECT, column_keys=keys, for_executemany=True)
    if compiled.post_compile_params or compiled.literal_execute_params:
        return None
    order = tuple(compiled.positiontup or ())
    defaults = {column.key: column.default.arg for column in compiled.insert_prefetch or ()}
    fixed = {**compiled.params, **defaults}
    given = {name: value for name, value in fixed.items() if name in order and not name.startswith(sql.VALUE)}
    kept = {name: value for name, value in given.items() if type(value) in PLAIN}
    named = None if columns is None else tuple(sorted(columns))
    return Words(spelled, str(compiled), named, order, kept, names_its_rows(statement))


def tables() -> tuple[str, ...]:
    """What makes the tables and their indexes."""
    made: list[str] = []
    for table in schema.metadata.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=DIALECT)).strip())
        made += [
            str(CreateIndex(index).compile(dialect=DIALECT)).strip()
            for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    return tuple(made)


@contextmanager
def listening() -> Iterator[set[Wanted]]:
    """What statements are asked for, as far as they can be spelled."""
    wanted: set[Wanted] = set()
    find = texts.find

    def heard(statement: Any, columns: Collection[str] | None = None) -> Any:
        spelled, _ = sql.spelled(statement)
        if spelled is not None:
            wanted.add((spelled, None if columns is None else tuple(sorted(columns))))
        return find(statement, columns)

    texts.find = heard
    try:
        yield wanted
    finally:
        texts.find = find


async def live(data: Path, *, pause: float = 1.0) -> None:
    """What luna does on an ordinary day, twice, the second time over what it has written before."""
    words = "Tell me more about it. " * 400
    for _ in range(2):
        async with running_luna(data, environ={"LUNA_RECORD": "off"}) as luna:
            said: list[dict[str, str]] = []
            for number in range(3):
                said.append({"role": "user", "content": f"{number} {words if number == 1 else 'hello'}"})
                for stream in (False, True):
                    body = {"model": "qwen3.6-plus", "messages": said, "stream": stream}
                    answer = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
                    assert answer.status == 200, answer.content
                said.append({"role": "assistant", "content": "?"})
            changed = {"model": "qwen3.6-plus", "messages": [{"role": "user", "content": "word " * 90_000}]}
            await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(changed))
            named = {"model": "qwen3.6-plus", "messages": said[-2:-1], "session_id": "named"}
            for _ in range(2):
                await luna.request(
                    "POST", "/v1/chat/completions", msgspec.json.encode(named), {"x-session-id": "named"}
                )
            await luna.request("GET", "/health/ready")
            await luna.settled()
            await anyio.sleep(pause)  # what goes on beside the requests has had its turn
            state = luna.house.state
            state.audit.tidy()
            await state.logs.tidy()
            await state.runs.tidy()
            await tidy(state.sessions, SystemClock().wall())
            await state.store.commit()


def book(wanted: Collection[Wanted]) -> Book:
    """All of these, in order."""
    ordered = sorted(wanted, key=lambda one: (one[0], one[1] or ()))
    return Book(tables(), tuple(words for one in ordered if (words := words_of(*one)) is not None))


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder, listening() as wanted:
        anyio.run(live, Path(folder) / "data", backend_options={"use_uvloop": True})
    made = book(wanted)
    texts.WORDS.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    print(f"{len(made.statements)} statements, {len(wanted) - len(made.statements)} left to SQLAlchemy")


if __name__ == "__main__":
    main()
