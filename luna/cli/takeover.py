"""What `luna import` does: one step for each thing that LunaProxy keeps.

Owns the order of the steps and what is counted. Reads the foreign directory and never writes there; what is in luna
already stays, but for settings, which are those of the directory afterwards.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import msgspec

from luna.cli.report import Report
from luna.config.lunaproxy import others_of, settings_of
from luna.config.preference_document import flat
from luna.config.preferences import PreferenceFile
from luna.config.settings import Settings
from luna.disk.claim import claimed
from luna.disk.salvage import is_json, mended
from luna.model.errors import LunaError
from luna.model.preferences import LivePreferences
from luna.state.credentials import CredentialStore
from luna.state.keys import DEFAULT, ProxyKeys, key_problem
from luna.state.lunaproxy_accounts import accounts_of, login_of
from luna.state.lunaproxy_fields import records_of
from luna.state.store import Store
from luna.state.transfer import Known, Records, Tally, known, look, take_runs, take_sessions

CONFIG, SESSIONS, RUNS = "config.json", "sessions.json", "runs.json"
WHOLE_ACCOUNTS = 4
"""How deep a configuration may break off: an account lies below root, providers, provider and accounts."""
PRIVATE = ("config.json", "credentials.json", "keys.json")


class TransferError(Exception):
    """It cannot even begin. The sentence says why."""


async def take_over(settings: Settings, source: Path, *, dry_run: bool) -> Report:
    """Take over all that is in `source`. Raises TransferError, OSError (InUse among them), DatabaseError,
    NewerDatabase, LunaError."""
    _check(source, settings.data_dir)
    report = Report()
    with ExitStack() as stack:
        if dry_run:
            data_dir = stack.enter_context(copied(settings.data_dir))
        else:
            data_dir = settings.data_dir
            stack.enter_context(claimed(data_dir))
        document = _document(source, report)
        await _settings(document, data_dir, report)
        await _accounts(document, data_dir, report)
        client = await _key(document, settings, data_dir, report)
        sessions, runs = (_records(source, name, report) for name in (SESSIONS, RUNS))
        await _database(settings, sessions, runs, client, dry_run, report)
    return report


def _check(source: Path, data_dir: Path) -> None:
    if not any((source / name).exists() for name in (CONFIG, SESSIONS, RUNS)):
        raise TransferError(f"{source} has none of {CONFIG}, {SESSIONS} and {RUNS}: it is no LunaProxy data directory.")
    if data_dir.exists() and source.samefile(data_dir):
        raise TransferError(f"{source} is luna's own data directory. Name another for luna with --data-dir.")


@contextmanager
def copied(data_dir: Path) -> Iterator[Path]:
    """The private files in a private place, for work that must change nothing."""
    with tempfile.TemporaryDirectory() as folder:
        for name in PRIVATE:
            for file in (data_dir / name, data_dir / f"{name}.previous"):
                if file.is_file():
                    shutil.copyfile(file, Path(folder) / file.name)
        yield Path(folder)


def _read(source: Path, name: str, depth: int, report: Report) -> bytes | None:
    try:
        data = (source / name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        report.damaged(name, f"cannot be read: {error.strerror}")
        return None
    left = mended(data, depth)
    if left is None:
        report.damaged(name, "is no JSON")
    elif len(left) >= len(data) and left != data:
        report.notes.append(f"{name}: letters that are none were replaced")
    elif not is_json(data.removeprefix(b"\xef\xbb\xbf")):
        report.damaged(name, f"is damaged; {len(left)} of its {len(data)} bytes could be read")
    return left


def _document(source: Path, report: Report) -> dict[str, Any]:
    data = _read(source, CONFIG, WHOLE_ACCOUNTS, report)
    document = msgspec.json.decode(data) if data is not None else {}
    if isinstance(document, dict):
        return document
    report.damaged(CONFIG, "must be an object")
    return {}


def _records(source: Path, name: str, report: Report) -> Records:
    data = _read(source, name, 1, report)
    try:
        return records_of(data) if data is not None else []
    except msgspec.DecodeError:
        report.damaged(name, "must be an object or a list")
        return []


async def _settings(document: dict[str, Any], data_dir: Path, report: Report) -> None:
    taken = settings_of(document)
    line = report.line("settings", taken.found)
    live = LivePreferences()
    file = PreferenceFile(data_dir / "config.json", live)
    before = flat(live.current)
    await file.patch(taken.patch)
    line.taken = sum(value != before[path] for path, value in flat(live.current).items())
    for problem in taken.ignored:
        report.ignored(problem.path, problem.message, line)
    for problem in taken.wrong:
        report.damaged(problem.path, problem.message, line)
    line.there = max(taken.understood - line.taken, 0)
    for problem in others_of(document):
        report.ignored(problem.path, problem.message)
    report.notes.extend(taken.notes)


async def _accounts(document: dict[str, Any], data_dir: Path, report: Report) -> None:
    taken = accounts_of(document)
    line = report.line("accounts", taken.found)
    store = CredentialStore(data_dir / "credentials.json")
    records = await anyio.to_thread.run_sync(store.load)
    logins = {login_of(record.credentials): record.id for record in records}
    fresh = [
        record
        for record in taken.records
        if login_of(record.credentials) not in logins and all(record.id != other.id for other in records)
    ]
    for record in taken.records:
        twin = logins.get(login_of(record.credentials), record.id)
        if twin != record.id:
            report.notes.append(f"account '{record.id}' is in luna as '{twin}'")
    if fresh:
        await anyio.to_thread.run_sync(store.save, [*records, *fresh])
    line.taken, line.there = len(fresh), len(taken.records) - len(fresh)
    for remark in taken.ignored:
        report.ignored(*remark)
    for remark in taken.wrong:
        report.damaged(*remark)
    left_out = line.found - len(taken.records)
    line.ignored = min(left_out, len(taken.ignored))
    line.damaged = left_out - line.ignored
    for profile in sorted({record.network_profile for record in fresh if record.network_profile} - {"direct"}):
        report.notes.append(f"accounts go out through the network profile '{profile}': see that luna has it")


async def _key(document: dict[str, Any], settings: Settings, data_dir: Path, report: Report) -> str:
    """Takes over the proxy key; returns its name, under which its client's sessions are found."""
    proxy = document.get("proxy")
    text = proxy.get("key") if isinstance(proxy, dict) else None
    if text in (None, ""):
        report.line("proxy keys", 0)
        return ""
    line = report.line("proxy keys", 1)
    problem = key_problem(text) if isinstance(text, str) else "must be text"
    if problem:
        report.damaged("proxy.key", problem, line)
        return ""
    keys = ProxyKeys(settings.proxy_keys, data_dir / "keys.json")
    there = keys.admit(text)
    if there is not None:
        line.there = 1
        return there.name
    if keys.find(DEFAULT) is not None:
        report.ignored("proxy.key", f"luna has another key with the name '{DEFAULT}'; revoke that first", line)
        return DEFAULT
    await keys.store(DEFAULT, text)
    line.taken = 1
    return DEFAULT


async def _database(
    settings: Settings, sessions: Records, runs: Records, client: str, dry_run: bool, report: Report
) -> None:
    if dry_run:
        there = await anyio.to_thread.run_sync(look, settings.data_dir, settings.database_url)
        await _rows(None, there, sessions, runs, client, report)
    elif sessions or runs:
        failure: LunaError | None = None
        async with Store.opened(settings.data_dir, settings.database_url) as store:
            report.notes.extend(store.problems)
            try:
                await _rows(store, await store.run(known), sessions, runs, client, report)
            except LunaError as error:  # said outside, where it is not one of a group
                failure = error
        if failure is not None:
            raise failure
    else:
        report.line("sessions", 0)
        report.line("runs", 0)


async def _rows(
    store: Store | None, there: Known, sessions: Records, runs: Records, client: str, report: Report
) -> None:
    _count(report, "sessions", await take_sessions(store, sessions, there, client, SESSIONS))
    _count(report, "runs", await take_runs(store, runs, there, RUNS))


def _count(report: Report, what: str, tally: Tally) -> None:
    line = report.line(what, tally.found)
    line.taken, line.there = tally.taken, tally.there
    for remark in tally.damaged:
        report.damaged(*remark)
    line.damaged = tally.found - tally.taken - tally.there
