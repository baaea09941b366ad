"""`luna key`: print the admin key of a data directory."""

import argparse
import sys

from luna.admin.door import admin_key_file
from luna.config.settings import Settings, SettingsError
from luna.disk.private import Damaged


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "key",
        help="print the admin key",
        description="Print the key that /api and the admin pages ask for. It is made at the first start.",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print it; 1 when there is none yet."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if settings.admin_key:
        print(settings.admin_key)
        return 0
    file = admin_key_file(settings.data_dir)
    try:
        key = file.look()
    except OSError as error:
        print(f"cannot read {file.path}: {error.strerror}", file=sys.stderr)
        return 1
    except Damaged as error:
        print(f"cannot use {file.path}: {error}.", file=sys.stderr)
        return 1
    if key is None:
        print(f"{file.path} does not exist yet: `luna serve` makes it at its first start.", file=sys.stderr)
        return 1
    print(key)
    return 0
