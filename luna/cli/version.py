"""`luna version`: which luna this is, and on what it runs."""

import argparse
import platform
from importlib.metadata import version

from luna import __version__

LIBRARIES = ("granian", "httpcore", "msgspec", "anyio")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser("version", help="print the version", description="Print luna's version.")
    command.add_argument("--verbose", action="store_true", help="with Python and the libraries that matter in a report")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    print(f"luna {__version__}")
    if arguments.verbose:
        print(f"python {platform.python_version()} on {platform.platform()}")
        for name in LIBRARIES:
            print(f"{name} {version(name)}")
    return 0
