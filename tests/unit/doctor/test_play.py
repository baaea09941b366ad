"""A client's opening moves against servers that answer as they should, or not."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from luna.doctor import requests
from luna.doctor.clients import AIDER, CLAUDE_CODE, CLIENTS, CODEX, OPENCODE, Client, settings_of
from luna.doctor.findings import Finding, sound
from luna.doctor.play import KEY, NO_SERVER, Server, play
from luna.doctor.streams import Call
from luna.model.ambient import Ids
from luna.tools.profiles import recognise
from luna.upstream.exchange import InResponse, OutRequest
from luna.upstream.pool import PoolBackend
from luna.upstream.response import Response
from tests.support.ports import free_port
from tests.unit.doctor.test_streams import chat, written


class Answer(Response):
    """A whole body at once."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__("luna.test", status, ())
        self._body = body

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield self._body

    def chunks(self) -> AsyncIterator[bytes]:
        return self._pieces()

    async def aclose(self) -> None:
        """Nothing to give back."""


class Answering:
    """A server that gives these answers, one after the other, the last one again and again."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self._answers = list(answers)
        self.asked: list[OutRequest] = []

    async def open(self, request: OutRequest) -> InResponse:
        self.asked.append(request)
        return Answer(*(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]))

    async def aclose(self) -> None:
        """Nothing is open."""


async def played(client: Client, *answers: tuple[int, bytes], key: str = "") -> tuple[list[Finding], list[OutRequest]]:
    backend = Answering(*answers)
    return await play(client, Server(backend, "http://luna.test", "m", key), Ids(b"play")), backend.asked


def words(text: str) -> tuple[int, bytes]:
    events = [chat()[0], chat()[3]]
    events[0]["choices"][0]["delta"]["content"] = text
    events[1]["choices"][0]["finish_reason"] = "stop"
    return 200, written("chat", events)


async def test_a_missing_server_is_told_once() -> None:
    backend = PoolBackend()
    url = f"http://127.0.0.1:{free_port()}"
    findings = await play(CLAUDE_CODE, Server(backend, url, "m"), Ids(b"play"))
    await backend.aclose()
    assert [(one.verdict, one.text, one.hint) for one in findings] == [
        ("failure", f"Nothing answers at {url}.", NO_SERVER)
    ]


async def test_a_refused_key_is_told_with_the_way_out() -> None:
    findings, asked = await played(CLAUDE_CODE, (401, b'{"error": {"message": "No key."}}'), key="of-the-person")
    first = next(one for one in findings if one.name == "first turn")
    assert (first.verdict, first.text, first.hint) == ("failure", "Status 401: No key.", KEY)
    assert not any("of-the-person" in str(one) for one in findings)
    assert all(("authorization", "Bearer of-the-person") in request.headers for request in asked)


async def test_a_text_that_was_changed_is_told() -> None:
    assert [one.verdict for one in (await played(AIDER, words(requests.BLOCK)))[0]] == ["ok"]
    findings, _ = await played(AIDER, words(requests.BLOCK.replace("&amp;", "&")))
    assert [(one.name, one.verdict) for one in findings] == [("first turn", "ok"), ("edit notation", "warning")]


async def test_a_model_that_calls_no_tool_is_a_warning_and_a_silent_one_a_failure() -> None:
    usage = written("chat", [chat()[4]])
    findings, _ = await played(OPENCODE, (200, words("Hello")[1].replace(b"data: [DONE]\n\n", b"") + usage))
    assert [(one.name, one.verdict) for one in findings[1:]] == [("first turn", "ok"), ("tool call", "warning")]
    assert sound(findings)
    findings, _ = await played(OPENCODE, (200, b"data: [DONE]\n\n"))
    assert not sound(findings)


async def test_a_call_that_the_client_cannot_run_is_told() -> None:
    events = chat()
    findings, asked = await played(OPENCODE, words("A title"), (200, written("chat", events)))
    assert "Read is no tool of the client's" in findings[-1].text
    events[1]["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] = "read"
    findings, _ = await played(OPENCODE, words("A title"), (200, written("chat", events)))
    assert "the call of read lacks filePath" in findings[-1].text
    assert len(asked) == 2, "no result goes back"


async def test_a_websocket_that_is_not_refused_in_the_right_way_is_told() -> None:
    findings, _ = await played(CODEX, (400, b"{}"))
    assert [one.text for one in findings if one.name == "WebSocket"] == ["Status 400: It does not say why."]


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_bodies_are_those_of_the_client(client: Client) -> None:
    body = msgspec.json.decode(requests.first(client, "m"))
    assert (body["model"], body.get("stream")) == ("m", True)
    assert ("tools" in body) == bool(client.tools)
    if client.tools:
        call = Call("call_1", client.tools[0].name, msgspec.json.encode(dict(client.tools[0].arguments)).decode())
        again = msgspec.json.decode(requests.second(client, "m", call, "doctor-0"))
        turns = "input" if client.protocol == "responses" else "messages"
        assert len(again[turns]) == len(body[turns]) + 2
        assert "doctor-0" in str(again[turns][-1])


@pytest.mark.parametrize("client", [CLAUDE_CODE, CODEX], ids=str)
def test_luna_recognises_it_by_its_headers(client: Client) -> None:
    assert recognise(client.headers, [tool.name for tool in client.tools]).name == client.name


@pytest.mark.parametrize("client", CLIENTS, ids=str)
def test_settings_are_filled_in(client: Client) -> None:
    texts = "\n".join(snippet.text for snippet in settings_of(client, "http://luna.test", "m-1", "k-1"))
    assert "$" not in texts.replace("$schema", "")
    assert "http://luna.test" in texts and "m-1" in texts and "k-1" in texts
    assert texts.count("http://luna.test/v1") == (0 if client.protocol == "messages" else texts.count("http://luna"))
