"""The look-alike as a process of its own: `python -m luna.demo --port 8090 [--pace 20] [--fixtures DIR]`.

Prints one line of JSON when it listens: `{"url", "token", "refresh_token", "cookies"}`, the credentials
of a made-up user, the cookies as a `Cookie` header. Ends on SIGINT and SIGTERM.
"""

import argparse
import signal
import sys
from pathlib import Path

import anyio
import msgspec

from luna.demo.serve import Lookalike


async def run(port: int, pace: float, fixtures: Path | None) -> None:
    """Serve until told to end. `pace` in seconds."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with Lookalike(port=port, pace=pace, fixtures=fixtures) as lookalike:
            session = lookalike.login()
            told = {
                "url": lookalike.url,
                "token": session.token,
                "refresh_token": session.refresh_token,
                "cookies": session.cookie_header,
            }
            sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
            sys.stdout.flush()
            async for _ in signals:
                return


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m luna.demo", description="A look-alike of chat.qwen.ai.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--pace", type=float, default=0.0, metavar="MS", help="milliseconds between two frames")
    parser.add_argument("--fixtures", type=Path, metavar="DIR", help="folder of bodies for [[replay:NAME]]")
    given = parser.parse_args()
    anyio.run(run, given.port, given.pace / 1000, given.fixtures, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    main()
