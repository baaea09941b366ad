"""A change that breaks a pinned fixture is refused where `reload-gate` says so; what was in force stays."""

from pathlib import Path
from typing import Any

import msgspec

from tests.faults.test_reload import own_configuration
from tests.support.house import ADMIN_KEY, Running, running_luna

KEY = {"authorization": f"Bearer {ADMIN_KEY}"}


async def call(luna: Running, method: str, path: str, **body: Any) -> Any:
    answer = await luna.request(method, path, msgspec.json.encode(body) if method == "POST" else b"", KEY)
    assert answer.status < 400, answer.content
    return msgspec.json.decode(answer.content)


async def ask(luna: Running) -> tuple[str, str]:
    """The flow's id and what the model said."""
    body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": "[[say:one two three four five]]"}]}
    answer = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
    assert answer.status == 200, answer.content
    flow = next(value.decode() for name, value in answer.headers if name.lower() == b"x-luna-flow")
    return flow, msgspec.json.decode(answer.content)["choices"][0]["message"]["content"]


def limited(routes: Path) -> str:
    chat = (routes.parent / "pipelines" / "chat.yaml").read_text()
    return chat.replace("- use: limit", "- use: limit\n    max-tokens: 2")


async def test_a_reload_that_breaks_a_fixture_is_refused(tmp_path: Path) -> None:
    routes = own_configuration(tmp_path / "conf")
    gated = routes.read_text().replace("version: 1\n", "version: 1\nreload-gate: fixtures\n", 1)
    assert "reload-gate" in gated
    routes.write_text(gated)
    environ = {"LUNA_ROUTES": str(routes), "LUNA_RECORD": "all"}
    async with running_luna(tmp_path / "data", environ=environ) as luna:
        flow, said = await ask(luna)
        made = await call(luna, "POST", f"/api/flows/{flow}/fixture", name="five-words", minimise=False)
        assert made["folder"] == "fixtures/wire/five-words"
        assert (routes.parent / made["folder"] / "recording.jsonl").is_file()

        edit = {"path": "pipelines/chat.yaml", "text": limited(routes)}
        plan = await call(luna, "POST", "/api/plan", files=[edit])
        assert {(each["kind"], each["verdict"], each["boundary"]) for each in plan["findings"]} == {
            ("flow", "changes", "events limit"),
            ("fixture", "changes", "events limit"),
        }
        assert [each["breaks"] for each in plan["findings"] if each["kind"] == "fixture"] == [True]
        assert (await call(luna, "POST", "/api/plan"))["changed"] == 0, "nothing is tried: nothing changes"

        (routes.parent / "pipelines" / "chat.yaml").write_text(limited(routes))
        assert await luna.house.config.reload() is False
        status = await call(luna, "GET", "/api/pipeline")
        assert (status["version"], status["inSync"]) == (1, False)
        assert "fixture 'five-words' would come out differently" in status["diagnostics"][0]["message"]
        assert (await ask(luna))[1] == said, "what was in force stays"

        routes.write_text(gated.replace("reload-gate: fixtures", "reload-gate: off"))
        assert await luna.house.config.reload() is True
        assert (await ask(luna))[1] != said


async def test_a_change_that_breaks_nothing_passes_the_gate(tmp_path: Path) -> None:
    routes = own_configuration(tmp_path / "conf")
    routes.write_text(routes.read_text().replace("version: 1\n", "version: 1\nreload-gate: fixtures\n", 1))
    environ = {"LUNA_ROUTES": str(routes), "LUNA_RECORD": "all"}
    async with running_luna(tmp_path / "data", environ=environ) as luna:
        flow, _ = await ask(luna)
        await call(luna, "POST", f"/api/flows/{flow}/fixture", name="five-words")
        routes.write_text(f"{routes.read_text()}\n# a word\n")
        assert await luna.house.config.reload() is True
        assert luna.house.config.cell.current.version == 2
