"""`--set STAGE.OPTION=VALUE`: options of a pipeline overridden for one command.

Owns the argument. What an overlay is belongs to `luna.config.overlay`.
"""

import argparse

from luna.config.overlay import Setting


def add_settings(command: argparse.ArgumentParser, help_text: str) -> None:
    """Let the command take any number of them, into `settings`."""
    command.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="STAGE.OPTION=VALUE",
        dest="settings",
        help=f"{help_text}; repeatable",
    )


def _setting(text: str) -> Setting:
    try:
        return Setting.read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
