"""`luna openapi`: the description of the admin API, without a luna that runs.

Owns printing it. The document is made by the code that answers (`luna.admin.openapi`); the UI's types are made of it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import anyio
import msgspec

from luna.admin.openapi import document
from luna.config.settings import Settings
from luna.server.assemble import assemble


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "openapi",
        help="print the description of the admin API",
        description="Print the OpenAPI document that a running luna serves at /api/openapi.json.",
    )
    command.add_argument("--write", metavar="FILE", type=Path, help="write it there instead")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    made = anyio.run(_document)
    if arguments.write is None:
        sys.stdout.write(made.decode())
    else:
        arguments.write.write_bytes(made)
    return 0


async def _document() -> bytes:
    with tempfile.TemporaryDirectory(prefix="luna-openapi-") as folder:
        async with assemble(Settings(data_dir=Path(folder), routes=Settings.from_environment({}).routes)) as house:
            return msgspec.json.format(msgspec.json.encode(document(house.operations)), indent=1) + b"\n"
