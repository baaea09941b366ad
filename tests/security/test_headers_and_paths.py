"""What people may write into a request does not become a header, a line, another path at Qwen, or a file elsewhere."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from luna.admin.openapi import document
from luna.upstream.exchange import Backend, InResponse, OutRequest
from luna.upstream.pool import PoolBackend
from tests.security.wire import say
from tests.support.house import ADMIN_KEY, Running, running_luna

HOSTILE = "\r\nx-injected: yes\r\n\r\n\0\x1b[31m\u2028\n"
ASKED = [{"role": "user", "content": "[[say:ok]]"}]
PROTOCOLS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "qwen3.7-plus", "messages": ASKED},
    "/v1/responses": {"model": "qwen3.7-plus", "input": "[[say:ok]]"},
    "/v1/messages": {"model": "qwen3.7-plus", "messages": ASKED, "max_tokens": 100},
}
FIELDS = (
    "model",
    "account",
    "session_id",
    "providerSessionId",
    "thinking_mode",
    "user",
    "stop",
    "previous_response_id",
)
OUTSIDE = "canary of a file outside"
KEY = {"authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture(scope="module")
def asked_of_qwen() -> list[OutRequest]:
    """What went out."""
    return []


@pytest.fixture(scope="module")
async def luna(tmp_path_factory: pytest.TempPathFactory, asked_of_qwen: list[OutRequest]) -> AsyncIterator[Running]:
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.txt").write_text(OUTSIDE)
    (folder / "secret.md").write_text(OUTSIDE)
    (folder / "secret.yaml").write_text(OUTSIDE)
    open_, patch = PoolBackend.open, pytest.MonkeyPatch()

    async def noted(self: Backend, request: OutRequest) -> InResponse:
        asked_of_qwen.append(request)
        return await open_(self, request)  # type: ignore[arg-type]

    patch.setattr(PoolBackend, "open", noted)
    async with running_luna(folder / "data") as running:
        yield running
    patch.undo()


def posted(path: str, body: dict[str, Any], more: bytes = b"") -> bytes:
    data = msgspec.json.encode(body)
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n"
    return head.encode() + b"content-length: %d\r\n" % len(data) + more + b"\r\n" + data


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("path", PROTOCOLS)
async def test_no_field_of_a_body_breaks_out_of_its_place(
    luna: Running, asked_of_qwen: list[OutRequest], path: str, stream: bool
) -> None:
    for name in FIELDS:
        asked_of_qwen.clear()
        body = {**PROTOCOLS[path], "stream": stream, name: f"x{HOSTILE}", f"unknown{HOSTILE}": 1}
        heard = await say(luna.port, posted(path, body))
        head = heard.data.partition(b"\r\n\r\n")[0]
        assert len(heard.statuses) == 1, f"{name}: {heard}"
        assert not re.search(rb"(?m)^x-injected", head, re.IGNORECASE), name
        assert not re.search(rb"[\0\x1b]|\r(?!\n)", head), name
        for out in asked_of_qwen:
            assert re.fullmatch(r"[!-~]+", out.url), f"{name}: {out.url!r}"
            for header, value in out.headers:
                assert re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value), f"{name}: {header}"


HEADERS = ("x-luna-session-id", "x-luna-thread-id", "x-luna-subagent-id", "x-luna-account-id", "x-luna-source")


@pytest.mark.parametrize("name", [*HEADERS, "x-luna-provider-session-id", "x-luna-workspace", "user-agent"])
async def test_bytes_beyond_ascii_in_a_header_break_nothing(luna: Running, name: str) -> None:
    """Line breaks never arrive (tests/security/test_smuggling.py); C1 controls, which some read as line breaks, do."""
    more = name.encode() + b": a\x85x-injected: yes\x80\xff%0d%0ax-injected: yes\r\n"
    heard = await say(luna.port, posted("/v1/chat/completions", PROTOCOLS["/v1/chat/completions"], more))
    head = heard.data.partition(b"\r\n\r\n")[0]
    assert len(heard.statuses) == 1 and heard.statuses[0] < 500
    assert not re.search(rb"(?m)^x-injected", head)


@pytest.mark.parametrize(
    "chat", [".", "..", "../../../auths", "..%2f..", "%2e%2e", "new", "x?delete=1", "x#y", "x/../.."]
)
async def test_a_chat_of_a_client_is_a_chat_and_nothing_else(
    luna: Running, asked_of_qwen: list[OutRequest], chat: str
) -> None:
    asked_of_qwen.clear()
    body = {**PROTOCOLS["/v1/chat/completions"], "providerSessionId": chat}
    heard = await say(luna.port, posted("/v1/chat/completions", body))
    assert heard.statuses[0] in (400, 404, 502), heard
    for out in asked_of_qwen:
        path = out.url.partition("?")[0].removeprefix(luna.lookalike.url)
        assert not re.search(r"/\.{1,2}(?:/|\Z)", path) and path.count("/") <= 5, path
        assert out.method == "GET" or "/chats/" not in path


UP = ("../secret.txt", "..%2fsecret.txt", "%2e%2e%2fsecret.txt", "..%252fsecret.txt", "..\\secret.txt",
      "..%5csecret.md", "....//secret.md", "/etc/passwd", "%2fetc%2fpasswd", "..", "%2e%2e", ".", "secret.txt%00.txt",
      "../secret.md", "pipelines/../../secret.yaml", "prompts/../../secret.md")  # fmt: skip


async def test_no_id_of_the_admin_api_is_a_way_out_of_its_folder(luna: Running) -> None:
    described: dict[str, dict[str, Any]] = document(luna.house.operations)["paths"]
    tried = 0
    for path, methods in described.items():
        for method in ("GET", "DELETE", "PUT"):
            if "{" not in path or method.lower() not in methods:
                continue
            for up in UP:
                filled = re.sub(r"\{\w+(?::\w+)?\}", up.replace("\\", "\\\\"), path)
                body = b'{"text": "planted", "content": "planted"}' if method == "PUT" else b""
                answer = await luna.request(method, filled, body, KEY)
                assert answer.status < 500, f"{method} {filled}: {answer.content!r}"
                assert OUTSIDE.encode() not in answer.content and b"root:" not in answer.content, f"{method} {filled}"
                tried += 1
    assert tried > 200
    folder = luna.house.settings.data_dir.parent
    assert sorted(each.name for each in folder.iterdir()) == ["data", "secret.md", "secret.txt", "secret.yaml"]
    assert all(each.read_text() == OUTSIDE for each in folder.glob("secret.*"))


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/tmp/planted", "..", "a\0b", "a\nb", "c:\\x", ""])
async def test_no_fixture_is_kept_elsewhere(luna: Running, name: str) -> None:
    asked = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(PROTOCOLS["/v1/chat/completions"]))
    flow = dict(asked.headers)[b"x-luna-flow"].decode()
    answer = await luna.request("POST", f"/api/flows/{flow}/fixture", msgspec.json.encode({"name": name}), KEY)
    assert answer.status in (400, 404, 422), answer.content
    assert not Path("/tmp/planted").exists()


async def test_a_session_by_any_name_leaves_no_file_of_that_name(luna: Running) -> None:
    """Ids become names of files nowhere: overflow files and recordings have names of luna's own."""
    long = {**PROTOCOLS["/v1/chat/completions"], "messages": [{"role": "user", "content": "word " * 70_000}]}
    for id in ("../../planted", "planted.txt", "a/b"):
        answer = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode({**long, "session_id": id}))
        assert answer.status == 200, answer.content
    names = [path.name for path in luna.house.settings.data_dir.parent.rglob("*")]
    assert any(path.suffix == ".txt" for path in (luna.house.settings.data_dir / "overflow").iterdir())
    assert not [name for name in names if "planted" in name and not name.startswith("s")], names
    assert quote("../", safe="") not in "".join(names)
