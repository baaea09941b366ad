"""`/api/pipelines` and what stands beside it: the configuration as compiled, and where its flows are."""

from pathlib import Path

import anyio
import msgspec
import pytest

from luna.admin import pipeline, stages
from luna.admin.stages import StageCounts, StageWatch, count_stages
from luna.config.jsonschema import documents
from luna.config.live import LiveConfig
from luna.config.settings import Settings
from luna.core.flow import Flow
from luna.core.live import LiveFlows
from luna.core.routing import Matcher
from luna.core.snapshot import Route
from luna.model.ambient import ManualClock
from luna.state.bulletin import Bulletin, Onlooker
from tests.support.machine import flow_of, pipeline_of
from tests.support.panel import Panel
from tests.unit.config.shop import CHAT, STAGES, Shop, write

ROUTES = """\
version: 1
aliases:
  - {model: "gpt-*", as: qwen3.6-plus}
routes:
  - name: special
    match: {path: /special}
    pipeline: chat
    with:
      far:
        attempts: 2
        idle: 5s
    record: all
  - {name: all, pipeline: chat}
"""
FILES = {
    "routes.yaml": ROUTES,
    "pipelines/chat.yaml": CHAT.replace("version: 1", "version: 1\nabout: A chat.").replace(
        "use: far", "use: far\n    idle: ${IDLE:-10s}"
    ),
}


@pytest.fixture
async def config(tmp_path: Path) -> LiveConfig:
    return await LiveConfig.load(Settings(routes=write(tmp_path, dict(FILES))), Shop(), ManualClock(), {})


@pytest.fixture
def panel(config: LiveConfig) -> Panel:
    return Panel(api=pipeline.routes(config, LiveFlows()))


async def test_every_stage_with_its_options_and_their_places(panel: Panel) -> None:
    document = (await panel("GET", "/api/pipelines")).document
    assert (document["version"], document["aliases"]) == (1, [{"model": ["gpt-*"], "target": "qwen3.6-plus"}])
    (chat,) = document["pipelines"]
    assert (chat["name"], chat["about"], chat["routes"]) == ("chat", "A chat.", ["special", "all"])
    assert chat["place"] == {"file": "pipelines/chat.yaml", "line": 3, "col": 1}
    assert [(each["name"], each["side"], each["place"]["line"]) for each in chat["stages"]] == [
        ("decode", "request", 4),
        ("far", "transport", 5),
        ("encode", "encode", 7),
    ]
    far = chat["stages"][1]
    assert far["about"] == "Answers from far away.\n\nIn no time at all."
    options = {option["name"]: option for option in far["options"]}
    assert options["idle"] == {
        "name": "idle",
        "value": "${IDLE:-10s}",
        "default": "90s",
        "required": False,
        "written": {"file": "pipelines/chat.yaml", "line": 6, "col": 5},
        "takes": "like `10s`",
        "about": "How long to wait.",
    }
    assert (options["mode"]["value"], options["mode"]["written"]) == ("auto", None)
    assert options["mode"]["takes"] == "`auto` or `fast` or `slow`"


async def test_routes_say_what_they_change(panel: Panel) -> None:
    special, every = (await panel("GET", "/api/pipelines")).document["routes"]
    assert (special["when"], special["record"], special["place"]["line"]) == ("path is /special", "all", 5)
    assert [(each["stage"], each["option"], each["value"], each["instead"]) for each in special["overrides"]] == [
        ("far", "idle", "5s", "${IDLE:-10s}"),
        ("far", "attempts", 2, None),
    ]
    assert special["overrides"][0]["written"] == {"file": "routes.yaml", "line": 11, "col": 9}
    assert every["overrides"] == []


async def test_one_pipeline(panel: Panel) -> None:
    assert (await panel("GET", "/api/pipelines/chat")).document["name"] == "chat"
    missing = await panel("GET", "/api/pipelines/chta")
    assert (missing.status, missing.document["error"]["hint"]) == (404, "There are: chat.")


async def test_the_status_is_as_it_was(panel: Panel, config: LiveConfig) -> None:
    document = (await panel("GET", "/api/pipeline")).document
    assert document == msgspec.json.decode(msgspec.json.encode(config.status()))


async def test_the_schemas_know_every_stage_that_can_be_used(
    config: LiveConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = Panel(api=pipeline.routes(config, LiveFlows()))
    usable = sorted(set(STAGES) - {"taker"})
    pipelines = (await panel("GET", "/api/schemas/pipeline.schema.json")).document
    branches = pipelines["properties"]["stages"]["items"]["anyOf"]
    assert [branch["title"] for branch in branches] == [*usable, "a stage of your own"]
    monkeypatch.setattr(Shop, "names", lambda self: tuple(usable))
    files = {name: msgspec.json.decode(content) for name, content in documents(Shop()).items()}
    served = {name: (await panel("GET", f"/api/schemas/{name}")).document for name in files}
    assert served == files
    assert (await panel("GET", "/api/schemas/other.json")).status == 404


def at(live: LiveFlows, stage: str, pipeline: str = "test") -> Flow:
    """A running flow at that stage."""
    flow = flow_of(seed=f"{pipeline}{stage}{len(live)}".encode())
    flow.route = Route("test", Matcher(), pipeline_of(name=pipeline))
    flow.stage = stage
    live.add(flow)
    return flow


async def test_flows_are_counted_where_they_are() -> None:
    live = LiveFlows()
    assert count_stages(live) == StageCounts({})
    for stage in ("qwen", "schedule", "qwen", ""):
        at(live, stage)
    at(live, "models", "models")
    assert count_stages(live) == StageCounts({"test": {"qwen": 2, "schedule": 1, "": 1}, "models": {"models": 1}})


async def test_counts_are_told_as_they_change_to_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "EVERY", 0.01)
    monkeypatch.setattr(stages, "IDLE", 0.01)
    live, bulletin = LiveFlows(), Bulletin(ManualClock().monotonic)

    async def next_of(onlooker: Onlooker) -> list[object]:
        with anyio.fail_after(2):
            return [msgspec.json.decode(told.data)["pipelines"] for told in await onlooker.take()]

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(StageWatch(live, bulletin).run)
        flow = at(live, "schedule")
        await anyio.sleep(0.05)
        assert bulletin.number == 0, "nobody listens"
        with bulletin.listening(["runs"]):
            await anyio.sleep(0.05)
            assert bulletin.number == 0, "nobody listens to this"
        with bulletin.listening(["stages"]) as onlooker:
            assert await next_of(onlooker) == [{"test": {"schedule": 1}}]
            await anyio.sleep(0.05)
            assert bulletin.number == 1, "nothing has changed"
            flow.stage = "qwen"
            assert await next_of(onlooker) == [{"test": {"qwen": 1}}]
            with bulletin.listening(["stages"]) as other:
                assert await next_of(other) == [{"test": {"qwen": 1}}], "who comes later is told too"
            await next_of(onlooker)
            live.remove(flow)
            assert await next_of(onlooker) == [{}]
        tasks.cancel_scope.cancel()


async def test_a_change_of_the_files_is_told_once(config: LiveConfig, tmp_path: Path) -> None:
    told: list[pipeline.FilesChanged] = []
    config.on_change(lambda: told.append(pipeline.files_changed(config)))
    await config.reload()
    write(tmp_path, {"routes.yaml": ROUTES.replace("pipeline: chat}", "pipeline: chta}")})
    await config.reload()
    await config.reload()
    write(tmp_path, {"routes.yaml": ROUTES})
    await config.reload()
    write(tmp_path, {"routes.yaml": ROUTES.replace("record: all", "record: off")})
    await config.reload()
    assert [(each.version, each.in_sync, [str(one) for one in each.diagnostics]) for each in told] == [
        (1, False, ["routes.yaml:13:27: pipeline 'chta' does not exist — did you mean 'chat'?"]),
        (1, True, []),
        (2, True, []),
    ]
    assert msgspec.to_builtins(told[0])["changed"] == "files"
