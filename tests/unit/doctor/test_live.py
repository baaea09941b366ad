"""The live probes, against the look-alike: what is new is told, and what was made is gone."""

from pathlib import Path

import anyio
import msgspec
import pytest
from sqlalchemy import select

from luna.cli.doctor_account import probed
from luna.config.settings import Settings
from luna.demo.faults import Fault
from luna.demo.serve import Lookalike
from luna.disk.claim import claimed
from luna.doctor.live import Report, written
from luna.model.errors import Kind, LunaError
from luna.state.store import Store
from luna.state.store.tables import chats
from luna.wire.redact import Redactor

NAMES = [
    *("user", "models", "settings", "chat list", "file permit"),
    *("new chat", "short answer", "thinking", "stop", "delete chat"),
]


def settings(site: Lookalike, data: Path, **more: str) -> Settings:
    login = site.login("anna")
    environ = {
        "LUNA_DATA_DIR": str(data),
        "LUNA_QWEN_BASE_URL": site.url,
        "LUNA_QWEN_AUTH_URL": site.url,
        "QWEN_AI_TOKEN": login.token,
        "QWEN_AI_COOKIES": login.cookie_header,
    }
    return Settings.from_environment(environ=environ | more)


async def ledger(data: Path) -> list[tuple[str, str, bool]]:
    """Purpose, state and whether upstream's id is known, of every chat that is written down."""
    async with Store.opened(data) as store:
        rows = await store.read(select(chats))
    return [(row.purpose, row.state, bool(row.chat_id)) for row in rows]


def verdicts(report: Report) -> dict[str, str]:
    return {probe.name: probe.verdict for probe in report.probes}


async def test_ten_probes_find_nothing_new_and_leave_nothing(tmp_path: Path) -> None:
    async with Lookalike() as site:
        report = await probed(settings(site, tmp_path), "")
        assert verdicts(report) == dict.fromkeys(NAMES, "ok"), report.findings()
        assert [probe.name for probe in report.probes] == NAMES
        assert all(probe.shapes for probe in report.probes)
        assert (len(site.state.chats), site.state.counters.chats_deleted) == (0, 1)
    assert await ledger(tmp_path) == [("doctor", "deleted", True)]


async def test_a_new_shape_is_a_warning(tmp_path: Path) -> None:
    async with Lookalike() as site:
        site.faults.push(Fault("unknown-phase"))
        report = await probed(settings(site, tmp_path), "")
    assert {name for name, verdict in verdicts(report).items() if verdict != "ok"} == {"short answer"}
    told = next(finding for finding in report.findings() if finding.verdict == "warning")
    assert "research_notes" in told.text


@pytest.mark.parametrize("fault", ["rate-limit", "cut", "internal"])
async def test_a_probe_that_fails_does_not_keep_the_chat(tmp_path: Path, fault: str) -> None:
    async with Lookalike() as site:
        site.faults.push(Fault(fault), times=2)
        report = await probed(settings(site, tmp_path), "")
        assert verdicts(report)["short answer"] == "failure"
        assert verdicts(report)["delete chat"] == "ok"
        assert len(site.state.chats) == 0


async def test_who_gives_up_leaves_no_chat(tmp_path: Path) -> None:
    async with Lookalike() as site:
        site.faults.push(Fault("stall"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(probed, settings(site, tmp_path), "")
            with anyio.fail_after(30):
                while not site.state.counters.completions:
                    await anyio.sleep(0.005)
            assert len(site.state.chats) == 1
            tasks.cancel_scope.cancel()
        assert (len(site.state.chats), site.state.counters.chats_deleted) == (0, 1)


async def test_a_chat_that_stays_is_in_the_ledger(tmp_path: Path) -> None:
    async with Lookalike() as site:
        site.faults.push(Fault("http-500"), times=9, path="/api/v2/chats/*[!w]")  # all but `new`
        report = await probed(settings(site, tmp_path), "")
        assert verdicts(report)["delete chat"] == "failure"
        assert len(site.state.chats) == 1
    assert await ledger(tmp_path) == [("doctor", "open", True)]


async def test_a_human_is_asked_for_once(tmp_path: Path) -> None:
    async with Lookalike() as site:
        site.faults.push(Fault("waf-json"))
        report = await probed(settings(site, tmp_path), "")
        assert [probe.name for probe in report.probes[-2:]] == ["short answer", "delete chat"]
        assert len(site.state.chats) == 0


async def test_a_login_that_is_over_ends_it(tmp_path: Path) -> None:
    async with Lookalike() as site:
        told = settings(site, tmp_path, QWEN_AI_TOKEN="worthless", QWEN_AI_COOKIES="token=worthless")
        report = await probed(told, "")
    assert verdicts(report) == {"user": "failure"}


async def test_beside_a_luna_that_works_the_login_is_only_read(tmp_path: Path) -> None:
    async with Lookalike() as site:
        told = settings(site, tmp_path)
        site.expire(told.qwen_token)
        with claimed(tmp_path):
            report = await probed(told, "")
        assert verdicts(report) == {"user": "failure"}
        assert site.state.counters.refreshes == 0
        assert not (tmp_path / "luna.db").exists(), "the ledger is that of the luna that works"
        assert verdicts(await probed(told, "")) == dict.fromkeys(NAMES, "ok"), "alone it renews it"


async def test_without_an_account_it_does_not_begin(tmp_path: Path) -> None:
    async with Lookalike() as site:
        with pytest.raises(LunaError) as refused:
            await probed(settings(site, tmp_path, QWEN_AI_TOKEN="", QWEN_AI_COOKIES=""), "")
        assert refused.value.kind is Kind.NO_ACCOUNT


async def test_a_report_holds_no_value(tmp_path: Path) -> None:
    async with Lookalike() as site:
        told = settings(site, tmp_path)
        report = await probed(told, "")
    report.probes[0].text = f"a message with {told.qwen_token}"
    data = written(report, Redactor([told.qwen_token]).body)
    assert told.qwen_token not in data.decode()
    assert "anna" not in data.decode()
    assert msgspec.json.decode(data, type=Report).probes[1:] == report.probes[1:]
