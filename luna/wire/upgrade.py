"""Brings the frames of older recordings up to today's format, one version at a time.

Owns the ladder: `LADDER[n]` turns one frame of version n into one of version n + 1. A recording
that was worth keeping stays readable, whatever luna has learnt since.
"""

from collections.abc import Callable, Mapping
from typing import Any

from luna.wire.frames import VERSION

RawFrame = dict[str, Any]
Step = Callable[[RawFrame], RawFrame]

LADDER: Mapping[int, Step] = {}
"""Version 1 is the first: there is nothing to climb yet."""


def version_of(head: RawFrame, ladder: Mapping[int, Step] = LADDER) -> int:
    """The version of the recording that begins with `head`. Raises ValueError when it cannot be brought up to date."""
    version = head.get("v")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError("it does not begin with a head that names the format's version ('v')")
    if version > VERSION:
        raise ValueError(f"it has format {version} and this luna reads formats up to {VERSION}: update luna")
    for step in range(version, VERSION):
        if step not in ladder:
            raise ValueError(f"it has format {version}, and nothing leads from format {step} to {step + 1}")
    return version


def upgrade(frame: RawFrame, version: int, ladder: Mapping[int, Step] = LADDER) -> RawFrame:
    """The frame of a recording of that version as today's format has it."""
    for step in range(version, VERSION):
        frame = ladder[step](frame)
    return frame
