"""`luna`: finds the subcommand and turns what goes wrong into an exit code.

Exit codes: 0 done, 1 the work found something wrong (a broken configuration, a replay that differs),
2 the command was used wrongly or could not start.
"""

import argparse
import sys
from collections.abc import Sequence

from luna.cli import (
    bundle,
    check,
    compare,
    doctor,
    explain,
    fixture,
    key,
    login,
    open_bundle,
    openapi,
    plan,
    replay,
    serve,
    show,
    transfer,
    version,
)

COMMANDS = (
    serve,
    check,
    doctor,
    explain,
    show,
    replay,
    compare,
    plan,
    fixture,
    bundle,
    open_bundle,
    login,
    key,
    transfer,
    openapi,
    version,
)
"""As `luna --help` lists them."""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(
        prog="luna",
        description="A local reverse proxy that makes Qwen's web chat usable from OpenAI- and Anthropic-compatible "
        "tools.",
        epilog="`luna COMMAND --help` tells more about each.",
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.register(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return code
