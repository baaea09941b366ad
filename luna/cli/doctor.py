"""`luna doctor`: what is wrong with the installation, with a client, or with what Qwen answers.

Owns the flags, what is printed, and the exit codes. What is looked at is `luna.doctor`'s.
"""

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import msgspec

from luna.config.settings import Settings, SettingsError
from luna.model.errors import LunaError

if TYPE_CHECKING:
    from luna.doctor.clients import Snippet
    from luna.doctor.findings import Finding

CLIENTS = ("claude-code", "codex", "cline", "aider", "opencode", "qwen-code", "continue")
README = "README.md"
_EXAMPLE = """\
example:
  luna doctor                     # the installation
  luna doctor claude-code         # that client's first requests against the luna that runs, and its settings
  luna doctor --live              # ten cheap probes of your own account at Qwen

exit codes: 0 nothing failed (warnings included), 1 something did, 2 the command was used wrongly or could not begin.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "doctor",
        help="say what is wrong: with the installation, a client, or Qwen",
        description="Examine the installation; with CLIENT, play that client's first requests against the luna that"
        " runs and print the settings to paste; with --live, probe your own account at Qwen.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = command.add_mutually_exclusive_group()
    what.add_argument("client", nargs="?", choices=CLIENTS, metavar="CLIENT", help=", ".join(CLIENTS))
    what.add_argument("--live", action="store_true", help="probe the account at Qwen; what it makes it deletes")
    what.add_argument(
        "--matrix",
        nargs="?",
        const=Path(README),
        type=Path,
        metavar="FILE",
        help=f"play every client against a look-alike and write the table into FILE ({README})",
    )
    command.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    command.add_argument("--url", help="with CLIENT: the luna to play against (default: as the settings say)")
    command.add_argument("--key", help="with CLIENT: a proxy key (default: the first of LUNA_PROXY_KEY)")
    command.add_argument("--model", default="qwen3.7-plus", help="with CLIENT: the model (%(default)s)")
    command.add_argument("--account", default="", help="with --live: the account (default: the only or first one)")
    command.add_argument("--report", type=Path, metavar="FILE", help="with --live: where the report goes")
    command.add_argument("--port", type=int, help="the port of luna (LUNA_PORT, default 8080)")
    command.add_argument("--routes", metavar="FILE", help="the routes file (LUNA_ROUTES, default ./routes.yaml)")
    command.add_argument("--data-dir", type=Path, help="where luna keeps its state (LUNA_DATA_DIR, default ./data)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examine; 1 when something failed."""
    logging.disable(logging.CRITICAL)  # what matters is among the findings
    try:
        settings = Settings.from_environment(routes=arguments.routes, data_dir=arguments.data_dir, port=arguments.port)
        if arguments.matrix is not None:
            return _matrix(arguments.matrix)
        if arguments.live:
            return _live(settings, arguments)
        if arguments.client is not None:
            return anyio.run(_client, settings, arguments)
        return _print(anyio.run(_installation, settings), arguments.json)
    except (SettingsError, OSError) as error:
        print(f"luna: {error}", file=sys.stderr)
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
    return 2


async def _installation(settings: Settings) -> "list[Finding]":
    from luna.doctor.installation import examine
    from luna.model.ambient import SystemClock
    from luna.upstream.pool import PoolBackend

    backend = PoolBackend()
    try:
        return await examine(settings, os.environ, backend, SystemClock())
    finally:
        await backend.aclose()


async def _client(settings: Settings, arguments: argparse.Namespace) -> int:
    from luna.doctor.clients import CLIENTS as PLAYED
    from luna.doctor.clients import settings_of
    from luna.doctor.play import Server, play
    from luna.model.ambient import Ids
    from luna.upstream.pool import PoolBackend

    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = (arguments.url or f"http://{host}:{settings.port}").rstrip("/").removesuffix("/v1")
    key = arguments.key or next(iter(settings.proxy_keys), "")
    client = next(one for one in PLAYED if one.name == arguments.client)
    backend = PoolBackend()
    try:
        findings = await play(client, Server(backend, url, arguments.model, key), Ids())
    finally:
        await backend.aclose()
    # The key itself stays where it is: a terminal is copied into reports.
    return _print(
        findings, arguments.json, settings_of(client, url, arguments.model, "YOUR-PROXY-KEY" if key else "unused")
    )


def _print(findings: "list[Finding]", as_json: bool, snippets: "list[Snippet] | None" = None) -> int:
    from luna.doctor.findings import lines, sound

    if as_json:
        document = {"ok": sound(findings), "findings": findings, "settings": snippets or []}
        print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        print(*lines(findings), sep="\n")
        for snippet in snippets or ():
            print(f"\nInto {snippet.where}:\n\n{snippet.text}")
    return 0 if sound(findings) else 1


def _live(settings: Settings, arguments: argparse.Namespace) -> int:
    from luna.cli.doctor_account import probed
    from luna.cli.known import secrets_of
    from luna.doctor.live import written
    from luna.wire.redact import Redactor

    report = anyio.run(probed, settings, arguments.account)
    path: Path = arguments.report or settings.data_dir / "doctor.json"
    redactor = Redactor(secrets_of(settings))  # afterwards: what was renewed meanwhile is a secret, too
    data = written(report, redactor.body)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(data)
    code = _print(report.findings(), arguments.json)
    if not arguments.json:
        print(f"\nThe report, with names and types and no values: {path}")
    return code


def _matrix(path: Path) -> int:
    from luna.doctor.matrix import make, put

    text = path.read_text(encoding="utf-8")
    try:
        put(text, "")
    except ValueError as error:
        print(f"luna: {path}: {error}", file=sys.stderr)
        return 2
    made, sound = anyio.run(make)
    path.write_text(put(text, made), encoding="utf-8")
    print(made)
    return 0 if sound else 1
