"""A person at the breakpoints of a running luna, by its admin API."""

from typing import Any

import anyio
import httpcore
import msgspec

from tests.support.house import ADMIN_KEY, Running

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}
BASH = {
    "type": "function",
    "function": {
        "name": "Bash",
        "parameters": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
    },
}


def calling(command: str) -> str:
    """A prompt that makes the look-alike call the tool."""
    call = msgspec.json.encode({"name": "Bash", "arguments": {"command": command}}).decode()
    return f"[[say:<tool_call>{call}</tool_call>]]"


class Debugger:
    """Arms, looks and decides."""

    def __init__(self, luna: Running) -> None:
        self.luna = luna

    async def ask(self, method: str, path: str, body: object = None) -> httpcore.Response:
        data = msgspec.json.encode(body) if body is not None else b""
        return await self.luna.request(method, f"/api{path}", data, KEY)

    async def get(self, path: str, status: int = 200) -> Any:
        response = await self.ask("GET", path)
        assert response.status == status, response.content
        return msgspec.json.decode(response.content)

    async def post(self, path: str, body: object = None, status: int = 200) -> Any:
        response = await self.ask("POST", path, {} if body is None else body)
        assert response.status == status, response.content
        return msgspec.json.decode(response.content)

    async def arm(self, **body: object) -> str:
        """The id of the breakpoint."""
        id: str = (await self.post("/breakpoints", body, 201))["id"]
        return id

    async def halted(self, patience: float = 20) -> Any:
        """The one flow that waits, once it does; with what it waits with."""
        with anyio.fail_after(patience):
            while not (found := self.luna.house.state.breakpoints.halted):
                await anyio.sleep(0.005)
        return await self.get(f"/halted/{found[0].id}")

    async def chat(self, prompt: str, **more: object) -> httpcore.Response:
        """Ask a model."""
        body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": prompt}], **more}
        return await self.luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
