"""`luna key`: print the admin key of a data directory."""

import argparse
import sys

from luna.config.settings import Settings, SettingsError


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
    path = settings.data_dir / "admin.key"
    try:
        print(path.read_text().strip())
    except FileNotFoundError:
        print(f"{path} does not exist yet: `luna serve` makes it at its first start.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"cannot read {path}: {error.strerror}", file=sys.stderr)
        return 1
    return 0
