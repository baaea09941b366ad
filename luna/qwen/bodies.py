"""Answers of Qwen's that ship with luna, as the fixtures have them. Owns their files and their form, nothing else."""

from pathlib import Path

import msgspec

from luna.upstream.exchange import Headers

RECORDED = Path(__file__).with_name("recorded")


class Recorded(msgspec.Struct):
    """One body with the head that it came with."""

    status: int
    headers: dict[str, str]
    body: str

    def headed(self) -> Headers:
        """The head."""
        return tuple(self.headers.items())


def recorded(name: str) -> Recorded:
    """The answer of the fixture of that name."""
    return msgspec.json.decode((RECORDED / f"{name}.json").read_bytes(), type=Recorded)
