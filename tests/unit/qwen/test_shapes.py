"""The shapes of what Qwen sends: those of the fixtures are known, what is new is found, values never show."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.protocols.sse import SSEReader
from luna.qwen.bodies import RECORDED
from luna.qwen.documented import PHASES
from luna.qwen.known import BASE, BODIES, Known, body_of, make_base, of_fixture, phases, read_base
from luna.qwen.shapes import FRAMES, Shape, of_answer, of_frame, of_status, of_stream, place_of, without_details
from luna.qwen.stream import StreamReader
from tests.support.scenarios import FIXTURES
from tests.support.scripted import FINISHED, created, delta

FOLDERS = sorted(folder for folder in FIXTURES.iterdir() if (folder / "meta.json").is_file())
SHIPPED = Known.shipped()


def frames(fixture: str) -> list[bytes]:
    return SSEReader().feed((FIXTURES / fixture / "body.sse").read_bytes())


def test_what_ships_is_fresh() -> None:
    again = "run `python -m luna.qwen.known fixtures/wire`"
    assert BASE.read_text() == make_base(FIXTURES), again
    assert {path.stem for path in RECORDED.glob("*.json")} == set(BODIES)
    for name in BODIES:
        assert (RECORDED / f"{name}.json").read_bytes() == body_of(FIXTURES / name), again


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_nothing_in_the_fixtures_is_new(folder: Path) -> None:
    assert SHIPPED.new(of_fixture(folder)) == set()


def test_the_table_names_the_phases_that_the_reader_understands() -> None:
    assert sorted(PHASES) == phases(read_base(BASE.read_text()))
    for phase in PHASES:
        reader = StreamReader("m")
        reader.feed(map(msgspec.json.encode, (created(), delta("x", phase=phase), FINISHED)))
        assert reader.samples.take()[1] == [], phase


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_that_is_not_known_is_found(phase: str) -> None:
    without = Known(shape for shape in read_base(BASE.read_text()) if shape[:3] != ("phase", FRAMES, phase))
    body = msgspec.json.encode(delta("x", phase=phase))
    assert without.new(of_frame(body)) == {Shape("phase", FRAMES, phase)}
    assert SHIPPED.new(of_frame(body)) == set()


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        ({"phase": "dreaming"}, Shape("phase", FRAMES, "dreaming")),
        ({"phase": "answer", "status": "paused"}, Shape("word", FRAMES, "choices[].delta.status=paused")),
        ({"role": "critic"}, Shape("word", FRAMES, "choices[].delta.role=critic")),
        ({"mood": 3}, Shape("field", FRAMES, "choices[].delta.mood", "number")),
        ({"content": ["x"]}, Shape("field", FRAMES, "choices[].delta.content", "list")),
        ({"content": None}, None),
        (
            {"extra": {"new": {"deep": 1, "deeper": {"x": [1]}}}},
            Shape("field", FRAMES, "choices[].delta.extra.new", "object"),
        ),
        ({"extra": {"tool_result": {"whatever": "a tool says"}}}, None),
        ({"extra": {"local_mcp": {"AnyServer": [{"tool_name": "x", "params": {"q": 1}}]}}}, None),
    ],
)
def test_what_is_new_in_a_frame_is_named_once(frame: dict[str, Any], found: Shape | None) -> None:
    payload = msgspec.json.encode({"choices": [{"delta": frame}]})
    assert without_details(SHIPPED.new(of_frame(payload))) == ([found] if found is not None else [])


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"success": False, "data": {"code": "Brand_New", "details": "?"}}, Shape("code", "refusals", "Brand_New")),
        ({"error": {"code": "other_error", "details": "?"}}, Shape("code", "refusals", "other_error")),
        ({"ret": ["FAIL_SYS_NEW::said"], "data": {"url": "?"}}, Shape("code", "refusals", "FAIL_SYS_NEW")),
        ({"success": False, "reason": 7}, Shape("field", "refusals", "reason", "number")),
        ({"success": False, "data": {"code": "sk-4f9a8b7c6d5e4f3a"}}, Shape("code", "refusals", "*")),
        (
            {"success": True, "request_id": "r", "data": {"id": 7}},
            Shape("field", "POST /api/v2/chats/new", "data.id", "number"),
        ),
    ],
)
def test_what_is_new_in_an_answer_is_named(document: dict[str, Any], found: Shape) -> None:
    assert without_details(SHIPPED.new(of_answer("POST /api/v2/chats/new", document))) == [found]
    if found.place == "refusals":
        assert without_details(SHIPPED.new(of_frame(msgspec.json.encode(document)))) == [found]


def test_ids_are_no_part_of_a_place() -> None:
    assert place_of("GET", "/api/v2/chats/11111111-aaaa-4aaa-8aaa-000000000001") == "GET /api/v2/chats/*"
    assert place_of("GET", "/api/v2/task/status/task-0001") == "GET /api/v2/task/status/*"
    assert place_of("POST", "/api/v2/files/parse/status") == "POST /api/v2/files/parse/status"


def test_names_that_are_data_are_no_part_of_a_path() -> None:
    document = {
        "data": {"a@b.c": 1, "8f3e2d1c0b": 2, "11111111-aaaa-4aaa-8aaa-000000000001": 3, "x" * 41: 4, "fine": 5}
    }
    paths = {shape.name for shape in of_answer("GET /x", document) if shape.kind == "field"}
    assert paths == {"data", "data.*", "data.fine"}


def test_what_was_said_in_a_chat_is_not_looked_at() -> None:
    document = {"data": {"chat": {"history": {"messages": {"abc": {"content": "x"}}}, "messages": [{"any": "thing"}]}}}
    paths = {shape.name for shape in of_answer("GET /x", document) if shape.kind == "field"}
    assert sorted(paths)[-2:] == ["data.chat.history.messages", "data.chat.messages"]


def test_a_status_is_told_without_what_a_type_may_carry() -> None:
    assert of_status(200, 429, "application/json; charset=utf-8") == of_status(200, 429, "Application/JSON")
    assert of_status(200, 200, "text/x secret value").name == "200 *"
    assert SHIPPED.new({of_status(418, 418, "text/plain")})


def test_what_is_no_json_is_found_without_being_quoted() -> None:
    found = of_stream(b'data: {"choices": CANARY\n\n')
    assert found == {Shape("word", FRAMES, "a payload that is no JSON")}


CANARY = "Zq7-canary value/9"
LEAVES = st.sampled_from([CANARY, f"x{CANARY}", 123456789, 3.5, True, None])
KEYS = st.sampled_from(["code", "phase", "status", "role", "action", "details", "ret", "error", "data", "url", CANARY])
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


@given(DOCUMENTS, st.sampled_from(["choices", "response.info", "data", "ret", "success"]))
def test_no_value_is_ever_told(document: Any, place: str) -> None:
    wrapped: list[Any] = [document, {place: document}, {"success": False, "data": document}]
    wrapped.append({"choices": [{"delta": document}]})
    for each in wrapped:
        told = "".join(map(str, of_answer("GET /x", each) | of_frame(msgspec.json.encode(each))))
        assert "canary" not in told
        assert "123456789" not in told
