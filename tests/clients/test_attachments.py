"""Pictures and documents through a whole luna, in the forms in which clients send them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from luna.model.ambient import SystemClock
from luna.state.uploads import Uploads
from tests.support.house import Running, running_luna
from tests.support.samples import JPEG, PNG, data_url

MODEL = "qwen3.7-plus"
PICTURE = {"type": "image_url", "image_url": {"url": data_url(PNG, "image/png")}}


@pytest.fixture
async def luna(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_luna(tmp_path, environ={"LUNA_RECORD": "all"}) as luna:
        if luna.house.services.get(Uploads) is None:
            luna.house.services.provide(Uploads, Uploads(SystemClock()))
        yield luna


async def post(luna: Running, path: str, body: dict[str, Any]) -> tuple[int, str]:
    reply = await luna.request("POST", path, msgspec.json.encode({"model": MODEL, **body}))
    return reply.status, reply.content.decode()


async def chat(luna: Running, *messages: dict[str, Any], **more: Any) -> tuple[int, str]:
    return await post(luna, "/v1/chat/completions", {"messages": list(messages), **more})


def user(*parts: dict[str, Any] | str) -> dict[str, Any]:
    content = [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]
    return {"role": "user", "content": content}


def text_file(name: str, text: str) -> dict[str, Any]:
    return {"type": "file", "file": {"filename": name, "file_data": data_url(text.encode(), "text/plain")}}


async def test_a_picture_and_a_document(luna: Running) -> None:
    status, said = await chat(luna, user("Look", PICTURE, text_file("a.txt", "the marker is 4711")))
    assert status == 200
    assert "You said: “Look [image 1: image-1.png] [document 1: a.txt]”." in said
    assert "You attached: image-1.png, a.txt. The file a.txt says: “the marker is 4711”." in said
    assert (luna.lookalike.state.counters.uploads, luna.lookalike.state.counters.parses) == (2, 1)


async def test_a_conversation_that_goes_on_uploads_nothing_twice(luna: Running) -> None:
    first = user("Look", PICTURE)
    _, said = await chat(luna, first)
    answer = {"role": "assistant", "content": msgspec.json.decode(said)["choices"][0]["message"]["content"]}
    other = {"type": "image_url", "image_url": {"url": data_url(JPEG, "image/jpeg")}}
    _, said = await chat(luna, first, answer, user("And this?", other))
    assert "image-2.jpg." in said
    assert luna.lookalike.state.counters.uploads == 2


async def test_a_picture_in_a_tools_result_as_claude_code_sends_it(luna: Running) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": data_url(PNG).partition(",")[2]}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "image", "source": source}]}
    status, said = await post(
        luna,
        "/v1/messages",
        {
            "max_tokens": 1000,
            "messages": [
                {"role": "user", "content": "read cat.png"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "Read", "input": {}}]},
                {"role": "user", "content": [result]},
            ],
        },
    )
    assert status == 200
    assert "You attached: image-1.png." in said


async def test_a_picture_in_a_tools_result_as_codex_sends_it(luna: Running) -> None:
    output = [{"type": "input_image", "image_url": data_url(PNG, "image/png")}]
    status, said = await post(
        luna,
        "/v1/responses",
        {
            "input": [
                {"type": "message", "role": "user", "content": "view cat.png"},
                {"type": "function_call", "call_id": "c1", "name": "view_image", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": output},
            ]
        },
    )
    assert status == 200
    assert "You attached: image-1.png." in said


@pytest.mark.parametrize(
    ("part", "status", "says"),
    [
        ({"type": "image_url", "image_url": {"url": "https://127.0.0.1/x.png"}}, 400, "leads into a private network"),
        ({"type": "image_url", "image_url": {"url": "http://a.example/x.png"}}, 400, "only https"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}, 400, "not base64"),
        (text_file("parse-fails.txt", "x"), 400, "The document 'parse-fails.txt' cannot be read by Qwen"),
        (text_file("store-refuses.txt", "x"), 502, "'store-refuses.txt' cannot be uploaded"),
        (text_file("store-fails.txt", "x"), 502, "'store-fails.txt' cannot be uploaded"),
    ],
)
async def test_what_fails_is_named(luna: Running, part: dict[str, Any], status: int, says: str) -> None:
    got, said = await chat(luna, user("Look", part))
    assert (got, says in said) == (status, True), said
    assert luna.lookalike.state.counters.completions == 0


async def test_recordings_hold_the_upload_and_no_secret(luna: Running, tmp_path: Path) -> None:
    await chat(luna, user("Look", text_file("a.txt", "words to be seen")))
    await luna.settled()
    (file,) = luna.lookalike.state.shelf._files.values()
    recorded = await _recording(tmp_path)
    assert "getstsToken" in recorded
    assert f"/{file.key}" in recorded
    link = luna.lookalike.state.shelf.link(file, luna.lookalike.url)
    for secret in (file.access_key, file.secret, file.token, link.rpartition("Signature=")[2]):
        assert secret not in recorded


async def _recording(data_dir: Path) -> str:
    """The text of the one recording, once it is written to its end."""
    with anyio.fail_after(5):
        while True:
            texts = [path.read_text() for path in (data_dir / "recordings").rglob("*.jsonl")]
            if texts and '"k":"end"' in texts[0]:
                return texts[0]
            await anyio.sleep(0.01)
