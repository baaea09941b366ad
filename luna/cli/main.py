"""`luna`: finds the subcommand and turns what goes wrong into an exit code.

Exit codes: 0 done, 1 the work found something wrong (a broken configuration, a replay that differs),
2 the command was used wrongly or could not start.
"""

import argparse
import gc
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "serve": "serve",
    "check": "check",
    "doctor": "doctor",
    "explain": "explain",
    "show": "show",
    "replay": "replay",
    "compare": "compare",
    "plan": "plan",
    "fixture": "fixture",
    "bundle": "bundle",
    "open": "open_bundle",
    "login": "login",
    "key": "key",
    "import": "transfer",
    "export": "transfer",
    "openapi": "openapi",
    "version": "version",
}
"""Commands, and the files that they are in, as `luna --help` lists them."""


def parser(only: str = "") -> argparse.ArgumentParser:
    """The whole command line, or as much of it as the command `only` needs: `luna serve` has no use for the others."""
    root = argparse.ArgumentParser(
        prog="luna",
        description="A local reverse proxy that makes Qwen's web chat usable from OpenAI- and Anthropic-compatible "
        "tools.",
        epilog="`luna COMMAND --help` tells more about each.",
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    for name in [COMMANDS[only]] if only in COMMANDS else dict.fromkeys(COMMANDS.values()):
        import_module(f"luna.cli.{name}").register(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    said = sys.argv[1:] if argv is None else argv
    gc.disable()  # nothing of what is imported now is garbage, and looking for some takes a tenth of the time
    try:
        arguments = parser(said[0] if said else "").parse_args(said)
    finally:
        gc.freeze()  # or the first look would be at all of it
        gc.enable()
    try:
        code: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return code
