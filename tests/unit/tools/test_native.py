"""Calls that the upstream makes itself become the client's where the client has the tool."""

from typing import Any

import pytest

from luna.model.events import Notice, ToolClose, ToolDelta, ToolOpen
from luna.tools.json_text import decode
from luna.tools.native import NativeCall
from luna.tools.numbering import Numbering
from luna.tools.schema import Toolbox
from tests.support.sifting import TOOLS

BOX = Toolbox(TOOLS)


def native(name: str, *fragments: str) -> NativeCall:
    call = NativeCall(ToolOpen(0, "round_0_1", name, native=True))
    for fragment in fragments:
        call.feed(ToolDelta(0, fragment))
    call.feed(ToolClose(0))
    return call


@pytest.mark.parametrize(
    ("name", "fragments", "arguments"),
    [
        ("search", ('{"query"', ': "/tmp/a', '.txt"}'), {"query": "/tmp/a.txt"}),
        ("search", ('{"query": "q", "limit": "5", "exact": "True"}',), {"query": "q", "limit": 5, "exact": True}),
        ("Search", ('{"Query": 42}',), {"query": "42"}),
        ("now", (), {}),
        ("now", ("",), {}),
        ("now", ("{}",), {}),
        ("search", ('{"query": "one\ntwo",}',), {"query": "one\ntwo"}),
    ],
)
def test_a_native_call_is_typed_by_the_clients_schema(
    name: str, fragments: tuple[str, ...], arguments: dict[str, Any]
) -> None:
    opening, *deltas, closing = native(name, *fragments).for_client(BOX)
    assert isinstance(opening, ToolOpen)
    assert (opening.name, opening.native) == (name.lower(), False)
    assert decode("".join(d.json for d in deltas if isinstance(d, ToolDelta))) == arguments
    assert isinstance(closing, ToolClose)


@pytest.mark.parametrize("arguments", ['{"query": "cut', "[1]", "text", '{"a": "b"c"}'])
def test_unreadable_arguments_become_a_notice(arguments: str) -> None:
    (notice,) = native("search", arguments).for_client(BOX)
    assert isinstance(notice, Notice)
    assert (notice.kind, notice.data) == ("tool-invalid", {"name": "search", "reason": "bad-json"})


def test_the_upstreams_events_are_kept_as_they_were() -> None:
    assert native("search", "{", "}").events == [
        ToolOpen(0, "round_0_1", "search", native=True),
        ToolDelta(0, "{"),
        ToolDelta(0, "}"),
        ToolClose(0),
    ]


def test_calls_are_numbered_in_the_order_in_which_they_open() -> None:
    ids = iter(("call_a", "call_b"))
    numbering = Numbering(lambda: next(ids))
    assert numbering.number(ToolOpen(0, "", "x")) == ToolOpen(0, "call_a", "x")
    assert numbering.calling
    assert numbering.number(ToolClose(0)) == ToolClose(0)
    assert not numbering.calling
    assert numbering.number(ToolOpen(7, "round_0_1", "web_search", True)) == ToolOpen(
        1, "round_0_1", "web_search", True
    )
    assert numbering.number(ToolDelta(7, "{}")) == ToolDelta(1, "{}")
    assert numbering.number(ToolClose(7)) == ToolClose(1)
    assert numbering.number(ToolOpen(0, "", "y")) == ToolOpen(2, "call_b", "y")
    assert numbering.number(Notice("x")) == Notice("x")
