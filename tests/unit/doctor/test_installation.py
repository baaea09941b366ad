"""What the doctor says of an installation: each thing that can be wrong, with its way out."""

import os
import shutil
import sqlite3
import stat
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from luna.config.settings import Settings, shipped_routes
from luna.demo.serve import Lookalike
from luna.doctor import installation
from luna.doctor.findings import Finding, lines, sound
from luna.model.ambient import ManualClock, SystemClock
from luna.state.store import Store
from luna.state.store.tables import meta
from luna.upstream.pool import PoolBackend
from tests.support.house import running_luna
from tests.support.ports import free_port

NOW = 1_790_000_000.0


def settings(data: Path, **environ: str) -> Settings:
    return Settings.from_environment(
        environ={"LUNA_DATA_DIR": str(data), "LUNA_ROUTES": str(shipped_routes()), "LUNA_PORT": "1", **environ}
    )


def told(finding: Finding) -> tuple[str, bool]:
    """How it is, and whether somebody is told what to do."""
    return finding.verdict, bool(finding.hint)


async def test_a_fresh_installation_only_lacks_an_account(tmp_path: Path) -> None:
    backend, browser = PoolBackend(), tmp_path / "chrome"
    browser.touch(mode=0o755)
    async with Lookalike() as site:
        fresh = settings(tmp_path / "data", LUNA_PORT=str(free_port()), LUNA_QWEN_BASE_URL=site.url)
        environ = {"LUNA_BROWSER": str(browser), "PATH": os.environ["PATH"]}
        findings = await installation.examine(fresh, environ, backend, SystemClock())
    await backend.aclose()
    assert sound(findings)
    named = {finding.name: finding.verdict for finding in findings}
    assert named["accounts"] == "warning"
    for name in ("configuration", "data directory", "disk", "database", "browser", "port", "exposure"):
        assert named[name] == "ok", list(lines(findings))
    assert not (tmp_path / "data").exists(), "nothing was made"


def test_a_configuration_that_does_not_compile_fails(tmp_path: Path) -> None:
    routes = tmp_path / "routes.yaml"
    routes.write_text("version: 1\nroutes: 7\n")
    broken = settings(tmp_path, LUNA_ROUTES=str(routes))
    assert told(installation.configuration(broken, {})) == ("failure", True)
    missing = settings(tmp_path, LUNA_ROUTES=str(tmp_path / "none.yaml"))
    assert told(installation.configuration(missing, {})) == ("failure", True)


def test_a_data_directory_is_private_and_a_directory(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    assert told(installation.data_directory(data)) == ("ok", False)
    data.chmod(0o755)
    assert told(installation.data_directory(data)) == ("warning", True)
    assert stat.S_IMODE(data.stat().st_mode) == 0o755, "it is left to the person"
    (tmp_path / "file").touch()
    assert told(installation.data_directory(tmp_path / "file" / "data")) == ("failure", True)


def test_a_data_directory_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert told(installation.data_directory(tmp_path)) == ("failure", True)


@pytest.mark.parametrize(("free", "verdict"), [(10, "failure"), (200, "warning"), (900, "ok")])
def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str) -> None:
    class Usage:
        def __init__(self) -> None:
            self.free = free * 1024**2

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage())
    found = installation.disk_room(tmp_path / "not" / "there")
    assert (found.verdict, f"{free} MiB" in found.text) == (verdict, True)


def test_a_database_that_is_none_or_newer_fails(tmp_path: Path) -> None:
    database = tmp_path / "luna.db"
    database.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    assert told(installation.database(settings(tmp_path))) == ("failure", True)
    database.unlink()
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
        connection.execute("INSERT INTO meta VALUES ('version', '9999')")
    connection.close()
    assert "9999" in installation.database(settings(tmp_path)).text
    assert told(installation.database(settings(tmp_path))) == ("failure", True)


async def test_a_journal_beside_the_database_is_told(tmp_path: Path) -> None:
    pending = tmp_path / "luna.db-pending"
    async with Store.opened(tmp_path) as store:
        await anyio.sleep(0)
        store.write(store.upsert(meta), {"name": "x", "value": "y"})
        await store.commit()
        left = pending.read_bytes()
    assert installation.database(settings(tmp_path)).text == "luna.db opens"
    pending.write_bytes(left)
    assert "luna.db-pending has 1 transactions" in installation.database(settings(tmp_path)).text
    pending.write_bytes(left.replace(b"\n\x01", b"\n\x09", 1))
    assert told(installation.database(settings(tmp_path))) == ("failure", True)
    assert "version 9" in installation.database(settings(tmp_path)).text
    pending.write_bytes(b"nothing of the kind")
    assert told(installation.database(settings(tmp_path))) == ("failure", True)


def test_accounts_are_told_with_the_state_of_their_login(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    assert told(installation.accounts(settings(tmp_path), clock)[0]) == ("warning", True)
    cookie = settings(tmp_path, QWEN_AI_COOKIES="token=of-a-session")
    assert told(installation.accounts(cookie, clock)[0]) == ("ok", False)
    alone = settings(tmp_path, QWEN_AI_TOKEN="opaque-token-of-anna")
    found = installation.accounts(alone, clock)[0]
    assert told(found) == ("warning", True)
    assert "opaque" not in f"{found.text} {found.hint}"


async def test_a_login_that_has_ended_is_told(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    async with Lookalike(clock=clock) as site:
        login = site.login("anna")
    over = settings(tmp_path, QWEN_AI_TOKEN=login.token)
    clock.advance(3600)
    found = installation.accounts(over, clock)[0]
    assert (told(found), found.text) == (("failure", True), "Its login has ended.")


def test_a_browser_that_is_not_there(tmp_path: Path) -> None:
    assert told(installation.browser({"LUNA_BROWSER": "/no/such/browser"})) == ("warning", True)


@pytest.mark.parametrize(
    ("off", "verdict"),
    [(0, "ok"), (-29, "ok"), (45, "warning"), (-45, "warning"), (301, "failure"), (-4000, "failure")],
)
def test_clocks_that_differ(off: float, verdict: str) -> None:
    date = format_datetime(datetime.fromtimestamp(NOW + off, UTC), usegmt=True)
    found = installation.skew(date, NOW)
    assert found.verdict == verdict
    if verdict != "ok":
        assert ("behind" if off > 0 else "ahead") in found.text


def test_an_upstream_without_a_clock() -> None:
    assert [installation.skew(date, NOW).verdict for date in ("", "yesterday")] == ["warning", "warning"]


async def test_an_upstream_out_of_reach_and_one_that_may_not_be_asked(tmp_path: Path) -> None:
    backend = PoolBackend()
    away = settings(tmp_path, LUNA_QWEN_BASE_URL=f"http://127.0.0.1:{free_port()}")
    assert "Not compared" in (await installation.clocks(away, backend, SystemClock())).text
    (tmp_path / "config.json").write_text('{"version": 1, "settings": {"egressIsolation": {"enabled": true}}}')
    assert "egressIsolation" in (await installation.clocks(away, backend, SystemClock())).text
    await backend.aclose()


async def test_a_luna_on_the_port_says_how_it_is(tmp_path: Path) -> None:
    backend = PoolBackend()
    async with running_luna(tmp_path / "one") as luna:
        found = await installation.port(luna.house.settings, backend)
        assert (found.verdict, "is ready" in found.text) == ("ok", True)
    async with running_luna(tmp_path / "two", account=False) as luna:
        found = await installation.port(luna.house.settings, backend)
        assert (found.verdict, "No Qwen account can be used" in found.text) == ("failure", True)
    await backend.aclose()


async def test_a_port_that_is_taken_or_free(tmp_path: Path) -> None:
    backend = PoolBackend()
    async with Lookalike() as site:
        taken = settings(tmp_path, LUNA_PORT=site.url.rpartition(":")[2])
        found = await installation.port(taken, backend)
        assert (found.verdict, "is no luna" in found.text) == ("failure", True)
    free = await installation.port(settings(tmp_path, LUNA_PORT=str(free_port())), backend)
    assert (free.verdict, "is free" in free.text) == ("ok", True)
    elsewhere = await installation.port(settings(tmp_path, LUNA_HOST="192.0.2.1", LUNA_PORT="9"), _Unreachable())
    assert told(elsewhere) == ("failure", True)
    await backend.aclose()


class _Unreachable:
    async def open(self, request: Any) -> Any:
        from luna.upstream.response import broken

        raise broken("192.0.2.1", "connect", "no route")

    async def aclose(self) -> None:
        """Nothing is open."""


def test_pages_that_are_not_built(tmp_path: Path) -> None:
    assert told(installation.pages(None)) == ("warning", True)
    assert told(installation.pages(tmp_path)) == ("ok", False)


def test_who_is_reached_from_elsewhere_needs_a_key(tmp_path: Path) -> None:
    assert told(installation.exposure(settings(tmp_path))) == ("ok", False)
    assert told(installation.exposure(settings(tmp_path, LUNA_HOST="0.0.0.0"))) == ("failure", True)
    found = installation.exposure(settings(tmp_path, LUNA_HOST="0.0.0.0", LUNA_PROXY_KEY="secret-key-1"))
    assert (told(found), "secret" in found.text) == (("ok", False), False)
