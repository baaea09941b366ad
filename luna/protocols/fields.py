"""Which of a body's top-level fields luna names as ignored.

Owns the rule; each protocol brings the table of its own fields:

    read                 some code reads the field; never named
    bookkeeping          changes nothing about the answer; never named
    harmless defaults    says what luna does anyway; named only with another value
    everything else      known or not, named unless it is null
"""

from collections.abc import Mapping, Set

import msgspec

from luna.protocols.body import read

_NAME_LENGTH = 64
_VALUE = msgspec.json.Decoder()


class FieldTable(msgspec.Struct, frozen=True):
    """One protocol's fields. `harmless`: field → the values that ask for nothing."""

    read: Set[str]
    bookkeeping: Set[str]
    harmless: Mapping[str, tuple[object, ...]]

    def ignored(self, fields: dict[str, msgspec.Raw]) -> list[str]:
        """The names to report, in the client's order; overlong ones are cut. Raises LunaError(BAD_REQUEST)."""
        return [name[:_NAME_LENGTH] for name, raw in fields.items() if self._is_named(name, raw)]

    def _is_named(self, name: str, raw: msgspec.Raw) -> bool:
        if name in self.read or name in self.bookkeeping or (value := bytes(raw)) == b"null":
            return False
        return name not in self.harmless or read(_VALUE, value) not in self.harmless[name]
