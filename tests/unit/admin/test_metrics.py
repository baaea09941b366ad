"""`/metrics`: who may read it, and what it says of the house."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import anyio
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from luna.admin import metrics as subject
from luna.admin import observed
from luna.admin.door import Door
from luna.core.live import LiveFlows
from luna.model.ambient import ManualClock
from luna.state.accounts import Accounts
from luna.state.metrics import Metrics
from luna.state.runs import Runs
from luna.state.store import Store
from tests.support.house import running_luna
from tests.support.machine import Scripted, flow_of
from tests.support.panel import KEY, Panel
from tests.support.prometheus import parse
from tests.support.samples import PNG, data_url


@dataclass
class _State:
    word: str


@dataclass
class _Account:
    state: _State


@dataclass
class _Accounts:
    states: list[str] = field(default_factory=list)

    def all(self) -> list[_Account]:
        return [_Account(_State(word)) for word in self.states]


def panel(metrics: Metrics, *, open: bool) -> Panel:
    door = Door(KEY, ManualClock())
    return Panel(open_routes=subject.routes(metrics, door, open=open), door=door)


async def test_on_this_machine_everybody_may_read_it() -> None:
    said = await panel(Metrics(0.0), open=True)("GET", "/metrics", key="")
    assert said.status == 200
    assert said.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert said.headers["cache-control"] == "no-store"
    assert parse(said.body.decode())["luna_flow_seconds"].type == "histogram"


async def test_a_running_luna_counts_the_files_that_it_brings_to_qwen(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": data_url(PNG, "image/png")}}
    body = {
        "model": "qwen3.7-plus",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, picture]}],
    }
    async with running_luna(tmp_path) as luna:
        for _ in range(2):
            answered = await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
            assert answered.status == 200, answered.content
        said = parse((await luna.request("GET", "/metrics")).content.decode())
    uploads = said["luna_uploads_total"]
    assert (uploads.value(outcome="completed"), uploads.value(outcome="reused")) == (1, 1)
    assert said["luna_upload_bytes_total"].value() == len(PNG)


@pytest.mark.parametrize(("key", "status"), [("", 401), ("wrong", 401), (KEY, 200)])
async def test_where_others_reach_it_the_key_is_needed(key: str, status: int) -> None:
    said = await panel(Metrics(0.0), open=False)("GET", "/metrics", key=key)
    assert said.status == status
    assert (b"luna_" in said.body) == (status == 200)


async def test_what_is_said_of_the_house(store: Store) -> None:
    clock, live, metrics = ManualClock(), LiveFlows(), Metrics(0.0)
    runs, accounts = Runs(store, clock), _Accounts(["ready", "ready", "cooling"])
    observed.observe_house(
        metrics,
        live=live,
        runs=runs,
        accounts=cast("Accounts", accounts),
        store=store,
        clock=clock,
        chats=lambda: {"open": 3, "deleted": 4, "orphaned": 0},
    )
    waiting = runs.begin("flow_1")
    runs.begin("flow_2").running("env")
    live.add(flow_of(Scripted()))
    clock.advance(12.0)
    runs.push()
    await store.commit()
    said = parse(metrics.registry.render())
    assert said["luna_flows_active"].value() == 1
    assert [said["luna_runs_active"].value(status=s) for s in ("queued", "running", "streaming")] == [1, 1, 0]
    assert said["luna_tasks"].value() == len(anyio.get_running_tasks())
    assert said["luna_queue_oldest_seconds"].value() == 12
    assert said["luna_accounts"].value(state="ready") == 2
    assert said["luna_accounts"].value(state="cooling") == 1
    assert said["luna_chats"].value(state="deleted") == 4
    assert (said["luna_store_queue"].value(), said["luna_store_writable"].value()) == (0, 1)
    assert said["luna_store_commits_total"].value() >= 1
    assert said["luna_store_commit_seconds_total"].value() > 0
    assert said["luna_store_lost_total"].value() == 0
    runs.end(waiting, outcome="client-gone")
    assert parse(metrics.registry.render())["luna_queue_oldest_seconds"].value() == 0


async def test_a_database_that_refuses_is_seen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics(0.0)
    clock = ManualClock()
    observed.observe_house(
        metrics, live=LiveFlows(), runs=Runs(store, clock), accounts=cast("Accounts", _Accounts()), store=store,
        clock=clock,
    )  # fmt: skip
    monkeypatch.setattr(type(store), "problem", "disk full")
    said = parse(metrics.registry.render())
    assert said["luna_store_writable"].value() == 0
    assert "luna_chats" not in said
    await anyio.lowlevel.checkpoint()


DOCUMENTED = Path(__file__).parents[3] / "docs" / "operations.md"


async def exposition(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a luna that has every figure there is, and has answered."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    async with running_luna(folder, environ={"LUNA_TRACES": "on", "LUNA_RECORD": "all"}) as luna:
        for words in ("Hello!", "[[fault:internal]]"):
            body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": words}]}
            await luna.request("POST", "/v1/chat/completions", msgspec.json.encode(body))
        with anyio.fail_after(60):
            while True:
                said = (await luna.request("GET", "/metrics")).content.decode()
                read = parse(said)
                if "luna_recordings" in read and read["luna_loop_lag_seconds"].value("_count"):
                    return said
                await anyio.sleep(0.02)


async def test_others_read_it_too_and_every_figure_is_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await exposition(tmp_path, monkeypatch)
    families = {family.name: family for family in text_string_to_metric_families(said)}
    ours = parse(said)
    for name, family in ours.items():
        theirs = families.get(name) or families[name.removesuffix("_total")]
        assert theirs.type == family.type and theirs.documentation == family.help
        read = {(one.name, tuple(sorted(one.labels.items()))): one.value for one in theirs.samples}
        assert read == family.samples
    text = DOCUMENTED.read_text()
    table = text.partition("### Figures")[2].partition("### Traces")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    described = {name: row for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    assert set(described) == set(ours), "the table in docs/operations.md and /metrics name the same figures"
    for name, row in described.items():
        assert row[2].strip() == ours[name].type, name
        labels = {label for _, each in ours[name].samples for label, _ in each} - {"le"}
        assert not labels or labels == set(row[3].strip().split(", ")), name
    spoken = set(re.findall(r"\b((?:luna|process)_[a-z_]+)", text))
    assert {name.removesuffix("_bucket") for name in spoken} <= set(ours), "nothing else is spoken of"


async def test_what_a_person_on_call_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = parse(await exposition(tmp_path, monkeypatch))
    assert said["luna_leases"].value() == said["luna_halted"].value() == said["luna_draining"].value() == 0
    assert said["luna_upstream_exchanges"].value(state="open") == 0
    assert said["luna_upstream_connections"].value(state="busy") == 0
    assert said["luna_snapshots"].value() == 0
    assert said["luna_recordings"].value() >= 0 and said["luna_recordings_bytes"].value() >= 0
    assert said["luna_disk_free_bytes"].value() > 0 and said["luna_threads"].value() > 1
    assert said["process_open_fds"].value() < said["process_max_fds"].value()
    assert 0 <= said["luna_loop_lag_worst_seconds"].value() < 60
    first = [float(dict(labels)["le"]) for name, labels in said["luna_first_event_seconds"].samples if "_buck" in name]
    assert {0.1, 0.5, 1.0, 5.0, 30.0} <= {*first}
    lag = [float(dict(labels)["le"]) for name, labels in said["luna_loop_lag_seconds"].samples if "_buck" in name]
    assert min(lag) <= 0.001 and 0.1 in lag
