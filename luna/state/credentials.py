"""Keeps credentials on disk.

Owns what the credentials file says. How it survives is `luna.disk.private`'s. Knows no accounts; synchronous, so call
it from a worker thread.
"""

from pathlib import Path

import msgspec

from luna.disk.private import NewerFile, PrivateFile, json_decoder, json_encoder
from luna.qwen.credentials import Credentials

__all__ = ["CredentialStore", "NewerFile", "Record"]

VERSION = 1


class Record(msgspec.Struct, omit_defaults=True):
    """One account's credentials, and what a person said of it. `basis` is, for an account out of the environment, the
    digest of the variables that these are the later state of."""

    id: str
    provider: str
    credentials: Credentials
    label: str = ""
    basis: str = ""
    enabled: bool = True
    max_concurrent_runs: int | None = None
    """None: as the preferences say."""
    network_profile: str = ""
    """The id of the network profile that it goes out through; empty: directly."""


class _Document(msgspec.Struct):
    version: int
    accounts: list[Record]


class CredentialStore:
    """The file `credentials.json`. Raises OSError where the directory cannot be used, NewerFile among them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = PrivateFile(
            path,
            json_decoder(_Document, VERSION),
            json_encoder,
            advice="Save the credentials again, or repair that file and move it back.",
        )
        self.previous = self._file.previous

    def __repr__(self) -> str:
        return f"<CredentialStore {self.path}{f' problems={len(self.problems)}' if self.problems else ''}>"

    @property
    def problems(self) -> list[str]:
        """What went wrong so far, for people to read."""
        return self._file.problems

    def load(self) -> list[Record]:
        """All records; none when there is no file. A damaged file is moved aside and the generation before it is
        read. Raises OSError."""
        document = self._file.load()
        return document.accounts if document is not None else []

    def save(self, records: list[Record]) -> None:
        """Replace everything, so that whoever reads finds either the old file or the new one. Raises OSError."""
        self._file.save(_Document(VERSION, records))
