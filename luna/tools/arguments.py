"""Writes a call's arguments as JSON text while they are still coming.

Owns what may go out when. A parameter that can only be a string goes out piece by piece; one that may also be null, or
be missing, as soon as it is clear that it is not `null`; every other is kept until it is complete and then typed by its
schema. One that may be a list is kept until the call is complete, because models repeat the element for each item. Of a
parameter that comes twice the first counts: it may be with the client already. One that says `null`, may be missing
and may not be null has not come.

What has been put out, in order, is one JSON object as soon as `close` has been called.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luna.tools import coerce
from luna.tools.json_text import encode, escape
from luna.tools.plain import Plain
from luna.tools.schema import ARRAY, NULL, STRING, Shape, Signature
from luna.tools.value import Sink

Put = Callable[[str], None]
Part = tuple[str, bool, str]
"""A value as it came: its text, whether it stood in CDATA, and its raw text if it did not."""


class Arguments:
    """The arguments of one call."""

    def __init__(self, signature: Signature, put: Put) -> None:
        self._signature = signature
        self._put = put
        self._given: set[str] = set()
        self._begun = False
        self._lists: dict[str, tuple[Shape, list[Part]]] = {}
        self.repeated: list[str] = []
        """Parameters that came again and were left out."""

    def __repr__(self) -> str:
        return f"<Arguments {self._signature.name}({', '.join(sorted(self._given))})>"

    @property
    def missing(self) -> list[str]:
        """What the schema requires and has not come."""
        return sorted(self._signature.parameters.required - self._given)

    def parameter(self, written: str) -> Sink:
        """Takes the value of the parameter of this name."""
        name, shape = self._signature.parameter(written)
        if name in self._lists:
            return Kept(self._lists[name][1].append)
        if name in self._given:
            self.repeated.append(name)
            return Kept(_forget)
        self._given.add(name)
        if ARRAY in shape.types and not shape.choices:
            self._lists[name] = (shape, [])
            return Kept(self._lists[name][1].append)
        if shape.choices or shape.types not in ({STRING}, {STRING, NULL}):
            return Kept(lambda part: self._complete(name, shape, [part]))
        if self._signature.parameters.means_absent(name, None):
            return Flowing(self._put, begin=lambda: self._key(name), null=lambda: self._given.discard(name))
        self._key(name)
        return Flowing(self._put, null=(lambda: self._put("null")) if shape.nullable else None)

    def whole(self, values: Mapping[str, Any]) -> None:
        """Takes all parameters at once, from JSON."""
        for name, value in coerce.fitted(dict(values), self._signature.parameters).items():
            self._given.add(name)
            self._member(name, value)

    def close(self) -> None:
        """No more parameters come."""
        for name, (shape, parts) in self._lists.items():
            self._complete(name, shape, parts)
        self._put("}" if self._begun else "{}")

    def _complete(self, name: str, shape: Shape, parts: Sequence[Part]) -> None:
        """The value of a parameter that came by itself."""
        value = coerce.from_texts(parts, shape)
        bare = value not in shape.choices and not any(quoted for _, quoted, _ in parts)
        says_null = bare and isinstance(value, str) and value.strip() == "null"
        if self._signature.parameters.means_absent(name, None if says_null else value):
            self._given.discard(name)
        else:
            self._member(name, value)

    def _member(self, name: str, value: Any) -> None:
        self._key(name)
        self._put(encode(value))

    def _key(self, name: str) -> None:
        self._put(f'{"," if self._begun else "{"}"{escape(name)}":')
        self._begun = True


class Flowing:
    """A string that goes out as it comes. `begin` is called before the first of it. `null` is called instead when it is
    `null` in plain text; None: then that is a string like any other."""

    def __init__(
        self, put: Put, *, begin: Callable[[], None] | None = None, null: Callable[[], None] | None = None
    ) -> None:
        self._put = put
        self._begin = begin
        self._null = null
        self._plain = Plain()
        self._start: str | None = ""
        """What came so far, as long as it could become `null`; then None."""
        if null is None:
            self._quote()

    def __repr__(self) -> str:
        return f"<Flowing {'undecided' if self._start is not None else 'string'}>"

    def literal(self, text: str) -> None:
        if self._start is not None:
            self._quote()
        self._put(escape(text))

    def plain(self, text: str) -> None:
        self._say(self._plain.feed(text))

    def end(self) -> None:
        self._say(self._plain.end())
        if self._null is not None and self._start is not None and self._start.strip() == "null":
            self._null()
            return
        if self._start is not None:
            self._quote()
        self._put('"')

    def _say(self, text: str) -> None:
        if self._start is None:
            if text:
                self._put(escape(text))
            return
        self._start += text
        if not "null".startswith(self._start.strip()):
            self._quote()

    def _quote(self) -> None:
        if self._begin is not None:
            self._begin()
        self._put(f'"{escape(self._start or "")}')
        self._start = None


class Kept:
    """A value that is needed whole."""

    def __init__(self, take: Callable[[Part], object]) -> None:
        self._take = take
        self._plain = Plain()
        self._text: list[str] = []
        self._raw: list[str] = []
        self._quoted = False

    def __repr__(self) -> str:
        return f"<Kept {sum(map(len, self._text))}>"

    def literal(self, text: str) -> None:
        self._quoted = True
        self._text.append(text)

    def plain(self, text: str) -> None:
        self._raw.append(text)
        self._text.append(self._plain.feed(text))

    def end(self) -> None:
        self._text.append(self._plain.end())
        self._take(("".join(self._text), self._quoted, "".join(self._raw)))


def _forget(part: Part) -> None:
    """A value that came too late."""
