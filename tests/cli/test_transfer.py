"""`luna import` and `luna export`, as a person uses them."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luna.cli.main import main
from luna.config.preference_document import flat, understand
from luna.disk.claim import claimed
from luna.state.credentials import CredentialStore
from luna.state.keys import ProxyKeys
from tests.support.command import luna
from tests.support.stores import Database
from tests.unit.config.test_preference_document import LEAVES, at
from tests.unit.state.test_lunaproxy_accounts import RECORDS
from tests.unit.state.test_lunaproxy_records import RUN, SESSION

FIXTURE = Path("fixtures/lunaproxy")


class Said(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    for name in [name for name in os.environ if name.startswith(("LUNA_", "QWEN_"))]:
        monkeypatch.delenv(name)

    def command(*arguments: str | Path, data: Path = tmp_path / "luna") -> Said:
        code = main([str(argument) for argument in (*arguments, "--data-dir", data)])
        return Said(code, *capsys.readouterr())

    return command


@pytest.fixture
def either(run: Command, database: Database, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The same, over SQLite and over PostgreSQL."""
    for name, value in database.environ.items():
        monkeypatch.setenv(name, value)
    return run


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A LunaProxy's data directory."""
    return Path(shutil.copytree(FIXTURE, tmp_path / "lunaproxy"))


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "luna.db"}


def read(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())


def table(said: Said) -> dict[str, list[int]]:
    """The numbers, by what they count."""
    rows = [line.rsplit(None, 5) for line in said.out.splitlines() if line[:1].isalpha() and line[-1:].isdigit()]
    return {row[0]: [int(cell) for cell in row[1:]] for row in rows}


def test_everything_is_taken_over(either: Command, source: Path, tmp_path: Path) -> None:
    said = either("import", source)
    assert (said.code, said.err) == (0, "")
    assert table(said) == {
        "settings": [66, 34, 23, 9, 0],
        "accounts": [5, 4, 0, 1, 0],
        "proxy keys": [1, 1, 0, 0, 0],
        "sessions": [2, 2, 0, 0, 0],
        "runs": [7, 7, 0, 0, 0],
    }
    for sentence in (
        "session.fileBacked: what goes into a file is decided by tokenOverflow",
        "session.chatCleanup.scheduled.mode: luna only ever deletes chats that it has created itself",
        "providers[1]: luna speaks with qwen-ai alone",
        "logs: logs are in the database",
    ):
        assert f"  {sentence}\n" in said.out
    data = tmp_path / "luna"
    assert read(data / "config.json")["settings"]["session"]["compactKeepRecent"] == 6
    accounts = {record.id: record for record in CredentialStore(data / "credentials.json").load()}
    assert [*accounts] == ["work", "home", "qwen-ai-2", "main"]
    assert (accounts["work"].label, accounts["work"].max_concurrent_runs) == ("At work", 3)
    assert (accounts["work"].network_profile, accounts["work"].enabled) == ("office", True)
    assert (accounts["home"].enabled, accounts["qwen-ai-2"].enabled) == (False, False)
    key = ProxyKeys((), data / "keys.json").admit("sk_canary_proxy_key_0123456789")
    assert key is not None
    assert key.name == "default"
    for name in (
        "config.json",
        "credentials.json",
        "keys.json",
        *([] if "LUNA_DATABASE_URL" in os.environ else ["luna.db"]),
    ):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_no_secret_is_said_or_left_where_it_does_not_belong(run: Command, source: Path, tmp_path: Path) -> None:
    said = run("import", source)
    assert "canary" not in said.out + said.err
    data = tmp_path / "luna"
    holders = {path.name for path in data.iterdir() if b"canary" in path.read_bytes()}
    assert holders == {"credentials.json"}
    assert b"ticket" not in (data / "credentials.json").read_bytes()


def test_a_second_time_changes_nothing_and_says_so(either: Command, source: Path, tmp_path: Path) -> None:
    either("import", source)
    before = files(tmp_path / "luna")
    said = either("import", source)
    assert said.code == 0
    assert said.out.endswith("Nothing was changed: what can be taken over is there already.\n")
    assert {line: numbers[1] for line, numbers in table(said).items()} == dict.fromkeys(
        ["settings", "accounts", "proxy keys", "sessions", "runs"], 0
    )
    assert files(tmp_path / "luna") == before


def test_the_directory_is_only_read(run: Command, source: Path) -> None:
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.iterdir()}
    (source / "config.json").chmod(0o400)
    source.chmod(0o500)
    run("import", source)
    source.chmod(0o700)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in source.iterdir()} == before


def test_a_dry_run_says_the_same_and_does_nothing(run: Command, source: Path, tmp_path: Path) -> None:
    dry = run("import", source, "--dry-run")
    assert not (tmp_path / "luna").exists()
    assert dry.out.endswith("A dry run: nothing was changed.\n")
    assert table(dry) == table(run("import", source))
    before = files(tmp_path / "luna")
    again = run("import", source, "--dry-run")
    assert again.out.endswith("Nothing was changed: what can be taken over is there already.\n")
    assert files(tmp_path / "luna") == before


def test_what_luna_has_stays(run: Command, source: Path, tmp_path: Path) -> None:
    run("import", source)
    config = read(source / "config.json")
    accounts = config["providers"][0]["accounts"]
    accounts[0]["credentials"] = {"token": "canary-token-of-long-ago"}
    config["proxy"]["key"] = "sk_another_key"
    config["settings"]["session"]["historyLimit"] = 11
    (source / "config.json").write_bytes(msgspec.json.encode(config))
    said = run("import", source)
    numbers = table(said)
    assert (numbers["settings"][1], numbers["accounts"][1], numbers["proxy keys"]) == (1, 0, [1, 0, 0, 1, 0])
    assert "proxy.key: luna has another key with the name 'default'; revoke that first" in said.out
    assert b"long-ago" not in (tmp_path / "luna" / "credentials.json").read_bytes()
    assert read(tmp_path / "luna" / "config.json")["settings"]["session"]["historyLimit"] == 11


@pytest.mark.parametrize("name", ["config.json", "sessions.json", "runs.json"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_torn_file_is_taken_over_as_far_as_it_goes(
    run: Command, source: Path, tmp_path: Path, name: str, share: float
) -> None:
    whole = (source / name).read_bytes()
    (source / name).write_bytes(whole[: int(len(whole) * share)])
    said = run("import", source)
    assert said.code == 1
    assert f"  {name}: is damaged; " in said.out
    torn = table(said)
    others = {"config.json": ["sessions", "runs"], "sessions.json": ["settings", "runs"], "runs.json": ["accounts"]}
    for what in others[name]:
        assert torn[what][1] > 0
    (source / name).write_bytes(whole)
    mended = table(run("import", source))
    for what, numbers in mended.items():
        assert numbers[1] + numbers[2] == numbers[0] - numbers[3]
        assert numbers[1] >= 0, what
    run("export", tmp_path / "out")
    assert len(read(tmp_path / "out" / "sessions.json")) == 2
    assert len(read(tmp_path / "out" / "runs.json")) == 7
    assert len(read(tmp_path / "out" / "config.json")["providers"][0]["accounts"]) == 4


def test_accounts_before_the_tear_are_whole(run: Command, source: Path, tmp_path: Path) -> None:
    whole = (source / "config.json").read_bytes()
    (source / "config.json").write_bytes(whole[: whole.index(b'"canary-token-home"') + 9])
    said = run("import", source)
    assert table(said)["accounts"][:2] == [2, 2]
    accounts = CredentialStore(tmp_path / "luna" / "credentials.json").load()
    assert [account.id for account in accounts] == ["work", "main"]


def test_half_valid_records_are_named_one_by_one(either: Command, source: Path) -> None:
    (source / "sessions.json").write_bytes(
        b'{"session::a": {"id": 7}, "session::b": {"id": "b", "createdAt": 1}, "c": 5}'
    )
    (source / "runs.json").write_bytes(b'[{"id": "r"}, {"id": "s", "status": "failed", "createdAt": 1}]')
    config = read(source / "config.json")
    config["settings"]["session"]["historyLimit"] = "many"
    (source / "config.json").write_bytes(msgspec.json.encode(config))
    said = either("import", source)
    assert said.code == 1
    for sentence in (
        "session.historyLimit: must be a whole number of at least 0; got text",
        "sessions.json session::a: Expected `str`, got `int` - at `$.id`",
        "sessions.json c: Expected `object`, got `int`",
        "runs.json [0]: Object missing required field `status`",
    ):
        assert f"  {sentence}\n" in said.out
    numbers = table(said)
    assert (numbers["sessions"], numbers["runs"]) == ([3, 1, 0, 0, 2], [2, 1, 0, 0, 1])


@pytest.mark.parametrize(
    ("content", "said"), [(b"\0\0\0", "is no JSON"), (b'"text"', "must be an object or a list"), (b"", "is no JSON")]
)
def test_a_file_that_is_nothing(run: Command, source: Path, content: bytes, said: str) -> None:
    (source / "runs.json").write_bytes(content)
    found = run("import", source)
    assert found.code == 1
    assert f"  runs.json: {said}\n" in found.out
    assert table(found)["sessions"][1] == 2


def test_a_directory_with_one_of_the_files(run: Command, source: Path) -> None:
    (source / "config.json").unlink()
    (source / "runs.json").unlink()
    said = run("import", source)
    assert said.code == 0
    assert table(said) == {
        "settings": [0] * 5,
        "accounts": [0] * 5,
        "proxy keys": [0] * 5,
        "sessions": [2, 2, 0, 0, 0],
        "runs": [0] * 5,
    }


def test_what_is_no_lunaproxy(run: Command, tmp_path: Path) -> None:
    said = run("import", tmp_path)
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"luna: {tmp_path} has none of config.json, sessions.json and runs.json: it is no LunaProxy data directory.\n"
    )
    assert not (tmp_path / "luna").exists()


def test_lunas_own_directory_is_refused(run: Command, source: Path) -> None:
    before = files(source)
    for command in (("import", source), ("export", source, "--replace")):
        said = run(*command, data=source)
        assert said.code == 2
        assert "is luna's own data directory" in said.err
    assert files(source) == before


def test_a_directory_that_another_luna_works_in_is_refused(run: Command, source: Path, tmp_path: Path) -> None:
    with claimed(tmp_path / "luna"):
        said = run("import", source)
    assert said.code == 2
    assert said.err == f"luna: Another luna works in {tmp_path / 'luna'}. Stop it first.\n"


def test_a_bad_setting(run: Command, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNA_PORT", "x")
    assert run("import", source).code == 2
    monkeypatch.delenv("LUNA_PORT")
    monkeypatch.setenv("LUNA_DATABASE_URL", "mysql://somebody:secret@host/luna")
    said = run("import", source)
    assert (said.code, said.err) == (2, "luna: LUNA_DATABASE_URL names 'mysql'; luna knows sqlite and postgresql.\n")


def test_an_export_has_lunaproxys_shapes_and_no_secret(either: Command, source: Path, tmp_path: Path) -> None:
    either("import", source)
    target = tmp_path / "out"
    said = either("export", target)
    assert said.code == 0
    assert said.out.splitlines() == [
        f"{target}: 4 accounts, 2 sessions, 7 runs.",
        "The accounts are without their credentials; --with-credentials writes them too.",
        "Proxy keys are not in it: luna knows only their digests.",
    ]
    assert not any(b"canary" in content for content in files(target).values())
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.iterdir()} == {0o600}
    config = read(target / "config.json")
    assert config["proxy"] == {"host": "127.0.0.1", "port": 8080, "key": ""}
    assert (config["models"], config["logs"]) == ([], [])
    assert config["settings"]["session"]["rollingHistoryK"] == 12


def test_an_export_with_credentials_can_be_imported(either: Command, source: Path, tmp_path: Path) -> None:
    either("import", source)
    said = either("export", tmp_path / "out", "--with-credentials")
    assert "The credentials are in it, in clear: keep it to yourself." in said.out
    assert either("import", tmp_path / "out", data=tmp_path / "second").code == 0
    first, second = (CredentialStore(tmp_path / name / "credentials.json").load() for name in ("luna", "second"))
    assert first == second


def test_an_export_writes_over_nothing_unasked(run: Command, source: Path, tmp_path: Path) -> None:
    run("import", source)
    target = tmp_path / "out"
    target.mkdir()
    (target / "runs.json").write_text("mine")
    said = run("export", target)
    assert (said.code, said.err) == (
        2,
        f"luna: {target} has runs.json already. Name another directory, or add --replace.\n",
    )
    assert files(target) == {"runs.json": b"mine"}
    assert run("export", target, "--replace").code == 0
    assert len(read(target / "runs.json")) == 7


def test_an_export_of_nothing(run: Command, tmp_path: Path) -> None:
    said = run("export", tmp_path / "out")
    assert said.out == f"{tmp_path / 'out'}: 0 accounts, 0 sessions, 0 runs.\n"
    assert not (tmp_path / "luna").exists()
    assert (read(tmp_path / "out" / "sessions.json"), read(tmp_path / "out" / "runs.json")) == ({}, [])
    assert flat(understand(read(tmp_path / "out" / "config.json")["settings"]).preferences) == {
        leaf.path: leaf.default for leaf in LEAVES
    }


def test_as_a_process(source: Path, tmp_path: Path) -> None:
    done = luna("import", str(source), data_dir=tmp_path / "luna")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split("  ")[-1].strip() == "damaged"


def values(path: str, default: Any) -> st.SearchStrategy[Any]:
    """Values that this setting may have."""
    match default:
        case bool():
            return st.booleans()
        case int() | None:
            return st.integers(1, 10**6)
        case float():
            return st.integers(1, 1000).map(lambda number: number / 1000 if "Threshold" in path else number)
        case _:
            return st.just(default)


@st.composite
def lunaproxies(draw: st.DrawFn) -> dict[str, Any]:
    """Whole data directories, with values everywhere."""
    settings_document: dict[str, Any] = {}
    for leaf in draw(st.lists(st.sampled_from(LEAVES), max_size=12, unique_by=lambda leaf: leaf.path)):
        place = settings_document
        *groups, name = leaf.path.split(".")
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = draw(values(leaf.path, leaf.default))
    accounts = [
        {
            "id": record.id,
            "name": record.label,
            "enabled": record.enabled,
            "credentials": {
                "token": record.credentials.token,
                "cookies": "; ".join(f"{cookie.name}={cookie.value}" for cookie in record.credentials.cookies),
            },
            **({"maxConcurrentRuns": record.max_concurrent_runs} if record.max_concurrent_runs else {}),
            **({"networkProfileId": record.network_profile} if record.network_profile else {}),
        }
        for record in draw(st.lists(RECORDS, max_size=2, unique_by=(lambda r: r.id, lambda r: r.credentials.token)))
    ]
    sessions = draw(st.lists(SESSION, max_size=3, unique_by=lambda session: session["id"]))
    return {
        "config.json": {
            "providers": [{"id": "qwen-ai", "credentials": {}, "accounts": accounts}],
            "settings": settings_document,
        },
        "sessions.json": {f"session::{session['id']}": session for session in sessions},
        "runs.json": draw(st.lists(RUN, max_size=3, unique_by=lambda run: run["id"])),
    }


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(lunaproxies())
def test_what_goes_in_comes_out(
    run: Command, tmp_path_factory: pytest.TempPathFactory, documents: dict[str, Any]
) -> None:
    base = tmp_path_factory.mktemp("round")
    (base / "in").mkdir()
    for name, document in documents.items():
        (base / "in" / name).write_bytes(msgspec.json.encode(document))
    assert run("import", base / "in", data=base / "luna").code == 0
    assert run("export", base / "out", "--with-credentials", data=base / "luna").code == 0
    written = {name: read(base / "out" / name) for name in documents}
    there = flat(understand(written["config.json"]["settings"]).preferences)
    for leaf in LEAVES:
        said = at_path(documents["config.json"]["settings"], leaf.path)
        if said is not None and leaf.path != "tokenOverflow.sanitizer.enabled":
            assert there[leaf.path] == said, leaf.path
    accounts = {account["id"]: account for account in written["config.json"]["providers"][0]["accounts"]}
    for account in documents["config.json"]["providers"][0]["accounts"]:
        account["credentials"] = {name: value for name, value in account["credentials"].items() if value}
        assert account.items() <= accounts[account["id"]].items()
    taken: set[str] = set()
    for key, session in documents["sessions.json"].items():
        found = written["sessions.json"][key]
        for number, message in enumerate(session["messages"]):
            if message["id"] in taken:  # in two sessions: the second has another id then
                message["id"] = found["messages"][number]["id"]
            taken.add(message["id"])
        assert session.items() <= found.items()
    found_runs = {run["id"]: run for run in written["runs.json"]}
    for one in documents["runs.json"]:
        assert one.items() <= found_runs[one["id"]].items()
    assert run("import", base / "out", data=base / "second").code == 0
    assert run("export", base / "again", "--with-credentials", data=base / "second").code == 0
    assert {name: read(base / "again" / name) for name in documents} == written


def at_path(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def test_a_setting_can_be_found_by_its_path() -> None:
    assert at_path(at("a.b", 5), "a.b") == 5
