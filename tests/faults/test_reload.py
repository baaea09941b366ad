"""Editing the YAML while luna works: running streams are not disturbed, mistakes are refused with their place."""

import shutil
from pathlib import Path
from typing import Any

import anyio
import msgspec
from openai import AsyncOpenAI

from tests.support.house import ADMIN_KEY, Running, running_luna

ROOT = Path(__file__).parents[2]

ASIDE = """
  - name: aside
    match: {path: /v1/chat/completions}
    pipeline: aside
"""


def own_configuration(folder: Path) -> Path:
    """A copy of the shipped configuration with a second chat pipeline, and the path of its routes file."""
    for name in ("pipelines", "prompts"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "routes.yaml", folder / "routes.yaml")
    chat = (folder / "pipelines" / "chat.yaml").read_text()
    (folder / "pipelines" / "aside.yaml").write_text(chat.replace("- use: limit", "- use: limit\n    max-tokens: 3"))
    return folder / "routes.yaml"


def with_aside(routes: str) -> str:
    """The routes file with a route to the second pipeline before all others."""
    return routes.replace("routes:\n", "routes:\n" + ASIDE, 1)


async def status(luna: Running) -> dict[str, Any]:
    answer = await luna.request("GET", "/api/pipeline", headers={"authorization": f"Bearer {ADMIN_KEY}"})
    assert answer.status == 200
    document: dict[str, Any] = msgspec.json.decode(answer.content)
    return document


async def version_above(luna: Running, version: int) -> int:
    with anyio.fail_after(5):
        while (now := int((await status(luna))["version"])) <= version:
            await anyio.sleep(0.02)
    return now


async def ask(client: AsyncOpenAI, prompt: str) -> tuple[str, str]:
    answer = await client.chat.completions.create(model="qwen3.7-plus", messages=[{"role": "user", "content": prompt}])
    return answer.choices[0].message.content or "", answer.choices[0].finish_reason


async def test_the_next_request_sees_the_change_and_the_running_stream_does_not(tmp_path: Path) -> None:
    routes = own_configuration(tmp_path)
    async with (
        running_luna(tmp_path / "data", environ={"LUNA_ROUTES": str(routes)}) as luna,
        anyio.create_task_group() as tasks,
        AsyncOpenAI(base_url=f"{luna.url}/v1", api_key="x") as client,
    ):
        tasks.start_soon(luna.house.config.watch)
        before = (await status(luna))["version"]
        stream = await client.chat.completions.create(
            model="qwen3.7-plus", messages=[{"role": "user", "content": "[[count:40]][[pace:20]]"}], stream=True
        )
        chunks = 0
        reason = None
        async for chunk in stream:
            chunks += 1
            reason = chunk.choices[0].finish_reason if chunk.choices else reason
            if chunks == 5:
                routes.write_text(with_aside(routes.read_text()))
                await version_above(luna, before)
                assert (await ask(client, "[[count:40]]"))[1] == "length"
        assert (reason, chunks > 40) == ("stop", True)
        assert (await ask(client, "[[count:40]]"))[1] == "length"
        tasks.cancel_scope.cancel()


async def test_a_broken_edit_changes_nothing_and_is_reported_with_its_place(tmp_path: Path) -> None:
    routes = own_configuration(tmp_path)
    good = routes.read_text()
    async with (
        running_luna(tmp_path / "data", environ={"LUNA_ROUTES": str(routes)}) as luna,
        anyio.create_task_group() as tasks,
        AsyncOpenAI(base_url=f"{luna.url}/v1", api_key="x") as client,
    ):
        tasks.start_soon(luna.house.config.watch)
        await anyio.sleep(0.2)
        broken = with_aside(good).replace("pipeline: aside", "pipline: aside")
        routes.write_text(broken)
        with anyio.fail_after(5):
            while (now := await status(luna))["inSync"]:
                await anyio.sleep(0.02)
        line = next(n for n, text in enumerate(broken.splitlines(), 1) if "pipline" in text)
        [diagnostic, *_] = now["diagnostics"]
        assert diagnostic["file"].endswith("routes.yaml")
        assert (diagnostic["line"], diagnostic["col"]) == (line, 5)
        assert "did you mean 'pipeline'" in f"{diagnostic['message']} {diagnostic['hint']}"
        assert await ask(client, "[[say:fine]]") == ("fine", "stop")
        routes.write_text(with_aside(good))
        await version_above(luna, now["version"])
        assert (await status(luna))["inSync"]
        assert (await ask(client, "[[count:40]]"))[1] == "length"
        tasks.cancel_scope.cancel()
