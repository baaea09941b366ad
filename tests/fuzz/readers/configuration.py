"""What stands in files that people write: routes, pipelines and prompts, and luna's own files in the data directory.

yaml         diagnostics or a snapshot, whatever the text is; no value of the environment in a diagnostic
data-files   the file is read, or moved aside and reported, or left alone (NewerFile); then luna can be used, and what
             it writes down itself it can read again
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import anyio
import msgspec

from luna.admin.door import admin_key_file, signed_out_file
from luna.config.compile import compile_files
from luna.config.diagnostics import Report
from luna.config.files import Files, read_files
from luna.config.overrides import PromptOverrides
from luna.config.preference_document import WrongPreferences, flat, plain, understand
from luna.config.preferences import PreferenceFile
from luna.config.prompts import read_prompt
from luna.config.settings import shipped_routes
from luna.config.source import parse
from luna.core.registry import Registry
from luna.disk.private import NewerFile
from luna.model.ambient import ManualClock
from luna.model.preferences import LivePreferences, Preferences
from luna.state.credentials import CredentialStore
from luna.state.drift import Drift
from luna.state.keys import ProxyKeys
from luna.state.network import Network
from tests.fuzz.guided import Target
from tests.fuzz.scratch import scratch

SECRET = "fuzz5ecretvalue"
ENVIRON = {"FUZZ": SECRET, "NUMBER": "5", "EMPTY": ""}
_REGISTRY = Registry(third_party=False)
_SHIPPED: Files = read_files(shipped_routes())
_PLACES = {b"R": "routes.yaml", b"P": "pipelines/chat.yaml", b"T": "prompts/tools/contract.md"}


def yaml(data: bytes) -> None:
    """The first byte says which file it takes the place of; any other: it is only read."""
    kind, text = data[:1], data[1:]
    report = Report()
    parse(text, "x.yaml", report, ENVIRON)
    _quiet(report, text)
    parse(text, "x.yaml", Report())
    if kind == b"T":
        read_prompt("tools/contract", "x.md", text, Report())
    place = _PLACES.get(kind)
    if place is not None and (kind == b"T" or not report.errors or Random(data).random() < 0.05):
        compiled = compile_files(_SHIPPED.with_text(place, text), _REGISTRY, ENVIRON)
        assert (compiled.snapshot is None) == bool(compiled.errors), "neither a snapshot nor an error"
        for found in (*compiled.errors, *compiled.warnings):
            assert SECRET not in str(found) or SECRET.encode() in data, f"a secret: {found}"
            assert found.line >= 1 and found.col >= 1, f"a place: {found}"


def _quiet(report: Report, text: bytes) -> None:
    for found in (*report.errors, *report.warnings):
        assert SECRET not in str(found) or SECRET.encode() in text, f"a secret: {found}"


_FOLDER = scratch()
_CLOCK = ManualClock()


def _preferences(path: Path) -> None:
    file = PreferenceFile(path, LivePreferences())
    assert understand(plain(file.live.current)).preferences == file.live.current, "unstable: the settings"
    [str(problem) for problem in file.problems]
    patch = {"session": {"historyLimit": None}}
    try:
        anyio.run(file.patch, patch)
    except WrongPreferences as error:
        assert error.problems
    again = PreferenceFile(path, LivePreferences())
    assert again.live.current == file.live.current, "unstable: the file"


def _credentials(path: Path) -> None:
    store = CredentialStore(path)
    records = store.load()
    store.save(records)
    assert CredentialStore(path).load() == records, "unstable: credentials"


def _network(path: Path) -> None:
    network = Network(path)
    network.secrets()
    [network.profile(profile.id) for profile in network.profiles()]


def _keys(path: Path) -> None:
    keys = ProxyKeys((), path, clock=_CLOCK)
    assert keys.admit("sk-nobody") is None
    repr(keys)


def _drift(path: Path) -> None:
    drift = Drift(_CLOCK, path=path)
    assert drift.open >= 0


def _overrides(path: Path) -> None:
    overrides = PromptOverrides(path)
    overrides.edit(_SHIPPED)
    overrides.states()


def _door(path: Path) -> None:
    for file in (admin_key_file(path.parent), signed_out_file(path.parent)):
        file.load()


_FILES: dict[int, tuple[str, Callable[[Path], None]]] = {
    80: ("config.json", _preferences),
    67: ("credentials.json", _credentials),
    78: ("network.json", _network),
    75: ("keys.json", _keys),
    68: ("drift.json", _drift),
    79: ("prompts.json", _overrides),
    65: ("admin.key", _door),
    83: ("signed-out.json", _door),
}


def data_files(data: bytes) -> None:
    """The first byte says which file it is."""
    name, read = _FILES.get(data[0] if data else 0, _FILES[80])
    for old in _FOLDER.iterdir():
        old.unlink()
    path = _FOLDER / name
    path.write_bytes(data[1:])
    try:
        read(path)
    except NewerFile:
        assert path.read_bytes() == data[1:], "a newer file was touched"


def _yaml_seeds() -> Iterator[bytes]:
    yield b"R" + _SHIPPED.routes.data
    yield from (b"P" + file.data for file in _SHIPPED.pipelines)
    yield from (b"T" + file.data for file in _SHIPPED.prompts)
    yield b"Ra: &a [1, *b]\nb: &b {x: *a}\nc: *c\n"
    yield b"X" + b"a: &a [x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c]\n"
    yield b"X" + b'"a": !!int "5"\n? [x]\n: |+\n  t\n<<: {b: 1}\n--- \n...\nx: ${FUZZ} ${NUMBER} ${MISSING:-d} $$\n'
    yield b"Rroutes:\n  - match: {path: /v1/*, model: '*max*', headers: {x: y}}\n    pipeline: chat\n    record: all\n"


def _file_seeds() -> Iterator[bytes]:
    settings = plain(Preferences())
    yield b"P" + msgspec.json.encode({"version": 1, "settings": settings})
    yield b"P" + msgspec.json.encode({"settings": {"session": {"historyLimit": 5}}, "proxy": {}})
    yield from (
        b"P" + msgspec.json.encode({"settings": {path.split(".")[0]: {path.split(".")[-1]: value}}})
        for path, value in list(flat(Preferences()).items())[:40]
    )
    yield (
        b'C{"version":1,"accounts":[{"id":"a","provider":"qwen-ai","credentials":{"token":"'
        + SECRET.encode()
        + b'","cookies":[{"name":"a","value":"b","expires":5.0}]}}]}'
    )
    yield b'N{"version":1,"profiles":[{"id":"p","name":"P","mode":"http-proxy","proxyUrl":"http://u:p@h:1","verified":{"ip":"1.1.1.1","at":5}}],"workers":[{"id":"w","name":"W","baseUrl":"https://w.example","key":"k"}]}'
    yield (
        b'K{"version":1,"keys":[{"name":"default","sha256":"'
        + b"ab" * 32
        + b'","created_at":5.0,"last_used_at":null}]}'
    )
    yield (
        b'D{"version":1,"findings":[{"id":"x","kind":"field","place":"frames",'
        b'"name":"a.b","type":"text","first":1.0,"last":2.0,"count":3}]}'
    )
    yield b"Aluna-0123456789\n"
    yield b'S{"a":5}'
    yield b'O{"version":1,"overrides":{"tools/contract":"Hello {{tools}}","nobody":"x"}}'


_YAML_WORDS = (
    b"&a ",
    b"*a",
    b"<<: ",
    b"!!str ",
    b"!!python/object:os.system ",
    b"!x ",
    b"- ",
    b": ",
    b"? ",
    b"|\n",
    b">-\n",
    b"--- \n",
    b"...\n",
    b"%YAML 1.1\n",
    b"{",
    b"}",
    b"[",
    b"]",
    b"${FUZZ}",
    b"${NUMBER}",
    b"$${",
    b"${",
    b"# ",
    b"'",
    b'"',
    b'"\\U0011ffff"',
    b"\\x41",
    b"\t",
    b"0x10",
    b"1e999",
    b".inf",
    b"~",
    b"use: limit",
    b"with:",
    b"pipeline: chat",
    b"max-tokens: 5",
    b"10MB",
    b"5s",
    b"routes:",
    b"stages:",
    b"aliases:",
    b"(a+)+$",
    b"{{ system }}",
    b"---\nvariables: []\n---\n",
)

TARGETS = {
    "yaml": Target("yaml", yaml, _yaml_seeds, _YAML_WORDS, largest=12 * 1024, slow=1.0, short=80),
    "data-files": Target("data-files", data_files, _file_seeds, (b'"version":2', b'"version":1', b'"settings":')),
}
