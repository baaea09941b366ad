"""`luna open`: shows a bundle in luna's own pages, read-only."""

import argparse
import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from luna.model.errors import LunaError

if TYPE_CHECKING:
    from luna.replay.unpack import Bundle
    from luna.server.assemble import House

_EXAMPLE = """\
example:
  luna open broken-tool-call.luna.zip

A luna of its own is started on a free port of this machine, with that one flow and nothing else. It asks nobody,
changes nothing, runs no code of the bundle, and everything it has written goes when it ends (Ctrl-C). The flow's
recording is in the bundle as recording.jsonl, for `luna replay`.

exit codes: 0 it was shown, 2 it is no bundle, or it cannot be shown.
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "open",
        help="show a bundle that `luna bundle` made",
        description="Show one flow of another machine in the pages of luna.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="the file")
    command.add_argument("--port", type=int, default=0, help="port to listen on (default: any that is free)")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show it until told to stop."""
    from luna.config.diagnostics import ConfigurationError
    from luna.replay.unpack import unpack
    from luna.server.supervise import BindError
    from luna.state.store.database import DatabaseError

    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    if not 0 <= arguments.port <= 65535:
        print("luna: --port must be from 1 to 65535.", file=sys.stderr)
        return 2
    try:
        bundle = unpack(arguments.bundle)
        return anyio.run(_show, bundle, arguments.port, backend_options={"use_uvloop": True})
    except LunaError as error:
        print(f"luna: {error.told}", file=sys.stderr)
    except (BindError, ConfigurationError, DatabaseError) as error:
        print(f"luna: {error}", file=sys.stderr)
    except OSError as error:
        print(f"luna: {arguments.bundle}: {error.strerror or error}", file=sys.stderr)
    return 2


async def _show(bundle: "Bundle", port: int) -> int:
    from luna.server.opened import opened
    from luna.server.supervise import supervise

    async with opened(bundle, port=port) as house:
        return await supervise(house, announce=partial(_announce, house, bundle), grace=1.0)


def _announce(house: "House", bundle: "Bundle") -> None:
    about = bundle.about
    origin = f"http://127.0.0.1:{house.settings.port}"
    print(f"{about.flow}, recorded by luna {about.recorded_by}, {about.versions.system}, {about.versions.python}")
    print(f"Open {origin}/login?key={house.admin_key}  (then the page Flows; Ctrl-C ends it)")
    sys.stdout.flush()
