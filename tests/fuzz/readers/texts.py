"""Texts: what a model writes, what a client quotes, what a person filters by.

markup         the sieve: the same calls, text and notices wherever the pieces end; events that obey the grammar
json-answer    the document in an answer, which then is valid, or what is wrong
conversation   a conversation's words on their way into files, summaries and prompts: whole, within their bounds, and
               no content that looks like the frame around it
filters        a condition that means the same for a run in memory and for its row, or FilterError with a column
"""

import re
from collections.abc import Iterable, Iterator
from random import Random

import msgspec
from sqlalchemy import create_engine, insert, select

from luna.conversation import overflow
from luna.conversation.digest import History
from luna.conversation.sanitize import sanitize
from luna.conversation.stored import packed, read_back
from luna.conversation.summary import Room, record
from luna.conversation.titles import first_words
from luna.filters.explain import explain, sentence
from luna.filters.operators import LIVE_OPERATORS
from luna.filters.parse import parse
from luna.filters.predicate import holds
from luna.filters.scan import FilterError
from luna.model.chat import Message, Text, ToolCall, ToolResult
from luna.model.events import ToolClose, ToolDelta, ToolOpen
from luna.model.preferences import Sanitizer
from luna.protocols.tokens import weight
from luna.qwen.conversation import continuation, flatten
from luna.state.run import RunRecord, folded, lines
from luna.state.run_query import where
from luna.state.store.schema import metadata, runs
from luna.tools import json_answer
from luna.tools.history import as_text
from luna.tools.json_text import decode
from luna.tools.native import NativeCall
from luna.tools.profiles import PROFILES
from luna.tools.schema import Toolbox
from tests.fuzz import sieve
from tests.fuzz.guided import Target
from tests.support.sifting import TOOLS, events_of, summed
from tests.support.transcripts import NEAR_MISSES, SOUP, garbled, in_pieces, transcript

_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "n": {"type": "integer"},
        "of": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
    "required": ["name"],
    "additionalProperties": False,
}
_TOOLBOX = Toolbox(TOOLS)


def markup(data: bytes) -> None:
    """An answer with calls in it."""
    text = data.decode("utf-8", "replace")
    pieces = in_pieces(Random(data), text)
    assert not sieve.differs(pieces), "it matters where the pieces end"
    assert not sieve.leaks(pieces), "a tag in the text"
    summed(events_of(pieces, broken=True))
    native = NativeCall(ToolOpen(0, "c", "search", native=True))
    native.feed(ToolDelta(0, text))
    native.feed(ToolClose(0))
    native.for_client(_TOOLBOX)


def answer(data: bytes) -> None:
    """An answer that was to be JSON."""
    text = data.decode("utf-8", "replace")
    for schema in (_SCHEMA, {}):
        read = json_answer.read(text, schema)
        assert bool(read.text) != bool(read.problems), "neither a document nor a problem"
        if read.text:
            assert json_answer.read(read.text, schema).text == read.text, "a document that is none"
            msgspec.json.decode(read.text)
    decode(text)


def conversation(data: bytes) -> None:
    """Turns, separated by form feeds; the first letter of each says whose it is."""
    messages = [_message(number, turn) for number, turn in enumerate(data.decode("utf-8", "replace").split("\f"))]
    for message in messages:
        again = read_back(message.role, packed(message))
        assert again == message, "unstable: a stored message"
    for profile in PROFILES:
        first_words(messages, profile)
        history = History.of(messages, profile, "s")
        assert len(history.digests) == len(history.turns), "a digest for each turn"
    whole = overflow.document(messages, "Header")
    assert whole.count("<turn") >= 0
    for wanted in (Sanitizer(), msgspec.structs.replace(Sanitizer(), max_message_chars=10, max_assistant_messages=9)):
        sanitize(messages, wanted).document("Header")
    record(messages, "before", Room(500, 2000), weight)
    told = as_text(messages)
    flat = flatten(told, _around)
    if len([one for one in told if one.role != "system"]) > 1:
        assert len(_BLOCK.findall(flat)) == len(_END.findall(flat)), f"blocks: {flat[:300]!r}"
    continuation(told)


_BLOCK, _END = re.compile(r"<turn\b", re.IGNORECASE), re.compile(r"</turn\b", re.IGNORECASE)


def _around(*, system: str, turns: str, current: str) -> str:
    return f"{system}\n{turns}\n{current}"


def _message(number: int, turn: str) -> Message:
    words = turn[1:]
    match turn[:1]:
        case "s":
            return Message("system", [Text(words)])
        case "a":
            return Message("assistant", [Text(words)])
        case "c":
            return Message("assistant", [ToolCall(f"c{number}", "search", words)])
        case "r":
            return Message("tool", [ToolResult(f"c{number - 1}", [Text(words)])])
        case _:
            return Message("user", [Text(words)])


_NOW = 1_790_000_000.0
_RUN = RunRecord(
    id="flow_1",
    status="completed",
    created_at=_NOW - 60,
    duration_ms=1234.5,
    first_event_ms=100.0,
    input_tokens=900,
    output_tokens=None,
    model="qwen3-max" + "a" * 60,
    target="qwen3-max",
    account_id="work",
    session_id="s_1",
    client="key",
    agent="claude-code",
    route="chat",
    protocol="openai-chat",
    preview="Fix the test",
    preview_folded=folded("Fix the test ") + "a" * 60,
    tools=lines(["Bash", "Read" + "a" * 50]),
)
_ENGINE = create_engine("sqlite://")
metadata.create_all(_ENGINE, tables=[runs])
_CONNECTION = _ENGINE.connect()
_CONNECTION.execute(insert(runs), msgspec.structs.asdict(_RUN))


def filters(data: bytes) -> None:
    """A filter."""
    text = data.decode("utf-8", "replace")
    for operators in (LIVE_OPERATORS, None):
        try:
            condition = parse(text, _NOW, operators) if operators else parse(text, _NOW)
        except FilterError as error:
            assert 1 <= error.column <= len(text) + 1, f"column: {error.column} of {len(text)}"
            continue
        said = sentence(explain(condition))
        assert condition is None or said
        msgspec.json.encode(explain(condition))
        if operators is None:
            there = _CONNECTION.execute(select(runs.c.id).where(where(condition))).all()
            assert bool(there) == holds(condition, _RUN), "not the same in the database"


def _answers() -> Iterator[bytes]:
    for seed in range(40):
        draw = Random(seed)
        made = transcript(draw).written
        yield made.encode()[:4000]
        yield garbled(draw, made).encode("utf-8", "replace")[:4000]


def _turns() -> Iterable[bytes]:
    from tests.unit.conversation.test_sanitizer_preferences import EFFECTS

    for _, messages, *_ in EFFECTS:
        yield "\f".join(f"{one.role[0]}{one.text}" for one in messages).encode()[:4000]


_FILTERS = (
    '~m qwen* & ~d >2s | !(~e | ~t Bash) ~q "fix the test"',
    "~b <1h ~x",
    "~n >=10k ~f<500ms ~o active",
    "~b 2026-11-22..2026-11-23T10:00",
    "fix test",
    "~args 'rm -rf' ~doc password",
    "~o fail* ~p openai* ~r chat ~s s_* ~c claude* ~a w?rk",
    "~m *a*a*a*a*b",
)

TARGETS = {
    "markup": Target("markup", markup, _answers, tuple(word.encode() for word in (*SOUP, *NEAR_MISSES)), short=80),
    "json-answer": Target(
        "json-answer",
        answer,
        lambda: [
            b'{"name":"a","n":1,"of":["a"]}',
            b'Here:\n```json\n{"name": "x"}\n```\nDone',
            b"So {'name': 'y', n: 2,} ok",
            b"[1,2",
        ],
        (b"```json\n", b"~~~", b'"name":', b"{", b"}", b"True", b"None", b"//", b"/*"),
    ),
    "conversation": Target(
        "conversation",
        conversation,
        _turns,
        (b"\fa", b"\fu", b"\fs", b"\fc", b"\fr", b"<turn", b"</turn", b"<\\turn", b"# ", b"<task>", b"</task>"),
        short=80,
    ),
    "filters": Target(
        "filters",
        filters,
        lambda: [text.encode() for text in _FILTERS],
        (*(f"~{letter} ".encode() for letter in "masgcrpoetqdfnbx"), b"*", b"?", b"..", b"*a"),
        largest=1200,
    ),
}
