"""The probes of `/api/debug`, through a whole luna and the look-alike: what they find, and what they leave behind."""

from pathlib import Path
from typing import Any

import msgspec

from luna.state.uploads import Uploads
from tests.support.house import ADMIN_KEY, Running, running_luna

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}


async def post(running: Running, path: str, body: dict[str, Any] | None = None) -> Any:
    response = await running.request("POST", f"/api/debug/{path}", msgspec.json.encode(body or {}), KEY)
    assert response.status == 200, response.content
    return msgspec.json.decode(response.content)


async def get(running: Running, path: str) -> Any:
    response = await running.request("GET", path, headers=KEY)
    assert response.status == 200, response.content
    return msgspec.json.decode(response.content)


async def gone(running: Running, chat: str) -> bool:
    return all(one.id != chat for one in running.lookalike.state.chats)


async def test_a_round_trip_shows_what_the_client_gets_and_what_qwen_kept(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as running:
        told = await post(running, "qwen-roundtrip", {"messages": [{"role": "user", "content": "Hello!"}]})
        assert told["ok"], told
        assert told["completionContent"] == told["answerFromChatById"] != ""
        words = len(told["completionContent"])
        assert told["contentListPhases"] == [{"phase": "answer", "status": "finished", "len": words}]
        assert told["chatCurrentId"]
        flow = await get(running, f"/api/flows/{told['flowId']}")
        assert (flow["run"]["status"], flow["run"]["providerChatId"]) == ("completed", told["chatId"])
        assert flow["recording"]["exchanges"]
        assert await gone(running, told["chatId"])
        assert await get(running, "/api/sessions") == []
        assert (await get(running, "/api/runtime"))["leases"] == []
        await running.settled()


async def test_the_wire_is_shown_without_its_secrets(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as running:
        told = await post(running, "qwen-wire")
        assert told["ok"], told
        wire = told["wire"]
        assert (wire["attempt"], wire["responseStatus"]) == (1, 200)
        assert wire["payload"]["chat_id"] == told["chatId"]
        assert 0 < len(told["firstChunks"]) <= 3
        assert "data:" in told["firstChunks"][0]
        for secret in running.house.accounts.secrets():
            assert secret not in msgspec.json.encode(told).decode()
        assert await gone(running, told["chatId"])


async def test_a_file_reaches_the_model_in_both_ways(tmp_path: Path) -> None:
    async with running_luna(tmp_path) as running:
        told = await post(running, "qwen-file-flow", {"marker": "MARK-7", "rawModes": ["files_id_only_with_file_ids"]})
        assert told["ok"], told
        assert [one["mode"] for one in told["attachTests"]] == ["top_level_file_ids", "message_files_object"]
        assert told["upload"]["fileId"] and "?" not in told["upload"]["fileUrl"]
        for one in told["attachTests"]:
            files = one["wire"]["payload"]["messages"][0]["files"]
            assert [file["id"] for file in files] == [told["upload"]["fileId"]]
            assert one["flowId"] and await gone(running, one["chatId"])
        assert [one["mode"] for one in told["rawAttachTests"]] == ["files_id_only_with_file_ids"]
        assert running.house.services[Uploads].made == 1, "the second way finds the first one's upload"


async def test_a_probe_that_fails_says_why(tmp_path: Path) -> None:
    async with running_luna(tmp_path, account=False) as running:
        for path in ("qwen-roundtrip", "qwen-wire"):
            told = await post(running, path)
            assert (told["ok"], told["error"]["kind"]) == (False, "no-account")
            assert (await get(running, f"/api/flows/{told['flowId']}"))["run"]["status"] == "failed"
        told = await post(running, "qwen-file-flow")
        assert (told["ok"], told["error"]["kind"], told["upload"]) == (False, "no-account", None)
    async with running_luna(tmp_path / "other") as running:
        told = await post(running, "qwen-roundtrip", {"model": "no-such-model"})
        assert (told["ok"], told["error"]["kind"]) == (False, "model-gone")
