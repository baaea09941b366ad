"""A stream and a document of the same events say the same, and every stream obeys the protocol's order."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from luna.model.dialect import AnswerHead, ClientRequest, Encoder, Failing
from luna.model.errors import Kind, LunaError
from luna.model.events import Finish, StreamEvent, ToolOpen
from luna.protocols.responses_dialect import OpenAIResponses
from tests.support.events import answers
from tests.support.responses_sdk import final_of

ASKED = {
    "model": "m",
    "input": "x",
    "tools": [
        {"type": "custom", "name": "Bash"},
        {"type": "function", "name": "Read"},
        {"type": "tool_search", "execution": "client"},
    ],
}


def encoder_for(*, stream: bool) -> Encoder:
    dialect = OpenAIResponses()
    parsed = dialect.parse(ClientRequest("POST", "/v1/responses", "", (), msgspec.json.encode(ASKED)))
    head = AnswerHead("resp_1", "m", 7, stream, True, prompt_tokens=lambda: 5, document=parsed.document)
    return dialect.encoder(head)


def encode(events: list[StreamEvent], *, stream: bool) -> bytes:
    encoder = encoder_for(stream=stream)
    return b"".join(encoder.feed(event) for event in events) + encoder.close()


def frames(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each with a name that is its type and a number that counts up."""
    assert stream.endswith(b"\n\n")
    found = []
    for number, frame in enumerate(stream.removesuffix(b"\n\n").split(b"\n\n")):
        name, data = frame.split(b"\n")
        payload = msgspec.json.decode(data.removeprefix(b"data: "))
        assert name == b"event: " + payload["type"].encode()
        assert payload.pop("sequence_number") == number
        found.append(payload)
    return found


PARTS = {
    "response.content_part": ("content", "content_index", "output_text"),
    "response.reasoning_summary_part": ("summary", "summary_index", "summary_text"),
}
WORDS = {
    "response.output_text": ("message", "text"),
    "response.reasoning_summary_text": ("reasoning", "text"),
    "response.function_call_arguments": ("function_call", "arguments"),
    "response.custom_tool_call_input": ("custom_tool_call", "input"),
}


class Follower:
    """What a client makes of a stream: it goes by the protocol's rules and trusts nothing but the deltas."""

    def __init__(self) -> None:
        self.output: list[dict[str, Any]] = []
        self.open: dict[str, Any] | None = None
        self.part: dict[str, Any] | None = None
        self.said = False
        """Whether the open item's words are complete."""

    def follow(self, event: dict[str, Any]) -> None:
        name, _, what = event["type"].rpartition(".")
        match name:
            case "response.output_item":
                self._item(event, what)
            case known if known in PARTS:
                self._part(event, what, *PARTS[known])
            case known if known in WORDS:
                self._words(event, what, *WORDS[known])
            case other:
                raise AssertionError(f"{other} does not belong between the start and the end")

    def _item(self, event: dict[str, Any], what: str) -> None:
        item = event["item"]
        if what == "added":
            assert self.open is None, "items never overlap"
            assert event["output_index"] == len(self.output), "indexes count up"
            assert item.get("status", "in_progress") == "in_progress"
            assert not any(item.get(key) for key in ("content", "summary", "arguments", "input")), "it begins empty"
            self.open, self.part, self.said = item, None, item["type"] == "tool_search_call"
            self.output.append(item)
            return
        assert self.open is not None
        assert self.said, "words are complete before their item is"
        if "status" in item:
            self.open["status"] = item["status"]
        if item["type"] == "tool_search_call":
            self.open["arguments"] = item["arguments"]  # they come whole
        assert item == self.open, "the item is what its deltas add up to"
        self.open = None

    def _part(self, event: dict[str, Any], what: str, field: str, place: str, kind: str) -> None:
        assert self.open is not None
        assert (event["item_id"], event[place]) == (self.open["id"], 0)
        assert event["output_index"] == len(self.output) - 1
        if what == "added":
            assert self.part is None and event["part"]["type"] == kind and event["part"]["text"] == ""
            self.part = event["part"]
            self.open[field].append(self.part)
        else:
            assert what == "done" and self.said and event["part"] == self.part

    def _words(self, event: dict[str, Any], what: str, kind: str, field: str) -> None:
        assert self.open is not None and not self.said
        assert self.open["type"] == kind
        assert (event["item_id"], event["output_index"]) == (self.open["id"], len(self.output) - 1)
        place = self.part if kind in ("message", "reasoning") else self.open
        assert place is not None, "words stand in a part"
        if what == "delta":
            assert event["delta"], "no delta is empty"
            place[field] += event["delta"]
        else:
            assert what == "done" and event[field] == place[field]
            self.said = True


def followed(events: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The output that the deltas add up to, and the last event."""
    created, started, *middle, last = events
    assert [created["type"], started["type"]] == ["response.created", "response.in_progress"]
    assert created["response"] == started["response"]
    assert (created["response"]["status"], created["response"]["output"]) == ("in_progress", [])
    follower = Follower()
    for event in middle:
        follower.follow(event)
    assert follower.open is None, "all items are closed"
    return follower.output, last


@given(answers())
def test_the_stream_adds_up_to_the_document(events: list[StreamEvent]) -> None:
    document = msgspec.json.decode(encode(events, stream=False))
    output, last = followed(frames(encode(events, stream=True)))
    assert (last["response"], output) == (document, document["output"])
    assert last["type"] == f"response.{document['status']}"


@given(answers())
def test_the_sdk_adds_it_up_alike(events: list[StreamEvent]) -> None:
    document = msgspec.json.decode(encode(events, stream=False))
    if document["status"] == "completed":
        response: dict[str, Any] = final_of(encode(events, stream=True)).to_dict()
        for item in response["output"]:  # the stream helper's own
            item.pop("parsed_arguments", None)
            for part in item.get("content") or ():
                part.pop("parsed", None)
        assert {name: response[name] for name in document} == document


@given(answers())
def test_calls_are_told_in_order_and_only_the_clients_own(events: list[StreamEvent]) -> None:
    told = [f["item"] for f in frames(encode(events, stream=True)) if f["type"] == "response.output_item.added"]
    kinds = {"Bash": "custom_tool_call", "tool_search": "tool_search_call"}
    calls = [event for event in events if isinstance(event, ToolOpen) and not event.native]
    assert [(i["call_id"], i.get("name", "tool_search"), i["type"]) for i in told if "call_id" in i] == [
        (call.id, call.name, kinds.get(call.name, "function_call")) for call in calls
    ]


@given(answers(), st.data())
def test_whatever_was_sent_an_error_can_follow(events: list[StreamEvent], data: st.DataObject) -> None:
    """The stream may break anywhere before `Finish`, even before it began."""
    encoder = encoder_for(stream=True)
    assert isinstance(encoder, Failing)
    whole = [event for event in events if not isinstance(event, Finish)]
    sent = b"".join(encoder.feed(event) for event in whole[: data.draw(st.integers(0, len(whole)))])
    *before, error, failed = frames(sent + encoder.fail(LunaError(Kind.TIMEOUT, "Too slow."), "flow_1"))
    output, _ = followed([*before, error])
    assert (error["type"], failed["type"], failed["response"]["status"]) == ("error", "response.failed", "failed")
    assert failed["response"]["output"] == output
