"""`luna`: finds the subcommand and turns what goes wrong into an exit code.

Exit codes: 0 done, 1 the work found something wrong (a broken configuration, a replay that differs),
2 the command was used wrongly or could not start.
"""

import argparse
import sys
from collections.abc import Sequence

from luna.cli import check, explain, key, login, openapi, replay, serve, transfer, version


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(
        prog="luna",
        description="A local reverse proxy that makes Qwen's web chat usable from OpenAI- and Anthropic-compatible "
        "tools.",
        epilog="`luna COMMAND --help` tells more about each.",
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for module in (serve, check, explain, replay, login, key, transfer, openapi, version):
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
