"""Which request takes which route: compiled matchers, verdicts in words, and the lint for routes nobody can reach.

Pure. Keys of one matcher are ANDed, the values of one key ORed; routes are tried in file order.
"""

from collections.abc import Iterator
from functools import cached_property

import msgspec

from luna.model.dialect import ClientRequest, Facts, Headers
from luna.model.values import Globs

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key"})
"""Their values, and the patterns for them, stay out of every verdict."""


class RequestFacts(msgspec.Struct, frozen=True):
    """What routing may ask of a request without its body. Header names are lower case."""

    method: str
    path: str
    headers: Headers
    size: int
    """Bytes of the body."""

    @classmethod
    def of(cls, request: ClientRequest) -> "RequestFacts":
        """Of a request as it came off the wire."""
        return cls(request.method, request.path, request.headers, len(request.body))


class Alias(msgspec.Struct, frozen=True):
    """A client's model names, and the model they stand for."""

    model: Globs
    target: str


class Verdict(msgspec.Struct, frozen=True):
    """Whether a route matches, and the sentence that says why."""

    matched: bool
    reason: str


class Matcher(msgspec.Struct, frozen=True, dict=True):
    """One route's conditions; None (or empty) means "any"."""

    method: Globs | None = None
    path: Globs | None = None
    model: Globs | None = None
    headers: tuple[tuple[str, Globs], ...] = ()
    tools_any: Globs | None = None
    tools_all: tuple[Globs, ...] = ()
    tools_none: Globs | None = None
    stream: bool | None = None
    size_min: int | None = None
    size_max: int | None = None

    def matches(self, request: RequestFacts, body: Facts) -> bool:
        """The decision alone."""
        return self.stands_at(request.method, request.path) and (
            not self.asks_more or next(self._failures(request, body), None) is None
        )

    def stands_at(self, method: str, path: str) -> bool:
        """The part of the decision that the request line tells."""
        return (self.path is None or self.path.matches(path)) and (self.method is None or self.method.matches(method))

    @cached_property
    def asks_more(self) -> bool:
        """Whether there are conditions beside path and method."""
        return msgspec.structs.replace(self, path=None, method=None) != _ANY

    def verdict(self, request: RequestFacts, body: Facts) -> Verdict:
        """The decision with its reason: the first condition that failed, or all that held."""
        failure = next(self._failures(request, body), None)
        if failure is not None:
            return Verdict(False, failure)
        return Verdict(True, self.describe())

    def describe(self) -> str:
        """All conditions, in words."""
        return "; ".join(self._conditions()) or "it has no conditions"

    def _failures(self, request: RequestFacts, body: Facts) -> Iterator[str]:
        if self.method is not None and not self.method.matches(request.method):
            yield f"method {request.method} is not {_words(self.method)}"
        if self.path is not None and not self.path.matches(request.path):
            yield f"path {request.path} is not {_words(self.path)}"
        yield from self._header_failures(request.headers)
        if self.size_min is not None and request.size < self.size_min:
            yield f"body of {request.size} bytes is smaller than {self.size_min}"
        if self.size_max is not None and request.size > self.size_max:
            yield f"body of {request.size} bytes is larger than {self.size_max}"
        if self.model is not None and (body.model is None or not self.model.matches(body.model)):
            yield f"model {body.model or '(none)'} is not {_words(self.model)}"
        if self.stream is not None and bool(body.stream) is not self.stream:
            yield f"stream is {str(bool(body.stream)).lower()}"
        yield from self._tool_failures(body)

    def _header_failures(self, headers: Headers) -> Iterator[str]:
        for name, globs in self.headers:
            values = [value for key, value in headers if key == name]
            if not values:
                yield f"header {name} is absent"
            elif not any(map(globs.matches, values)):
                secret = name in _SECRET_HEADERS
                yield f"header {name} {'does not match' if secret else f'is {values[0]!r}, not {_words(globs)}'}"

    def _tool_failures(self, body: Facts) -> Iterator[str]:
        if self.tools_any is not None and not any(map(self.tools_any.matches, body.tools)):
            yield f"no tool is {_words(self.tools_any)}"
        for globs in self.tools_all:
            if not any(map(globs.matches, body.tools)):
                yield f"no tool is {_words(globs)}"
        if self.tools_none is not None:
            unwanted = next(filter(self.tools_none.matches, body.tools), None)
            if unwanted is not None:
                yield f"tool {unwanted} is unwanted"

    def _conditions(self) -> Iterator[str]:
        for label, globs in (("method", self.method), ("path", self.path), ("model", self.model)):
            if globs is not None:
                yield f"{label} is {_words(globs)}"
        for name, globs in self.headers:
            yield f"header {name} matches" if name in _SECRET_HEADERS else f"header {name} is {_words(globs)}"
        if self.tools_any is not None:
            yield f"a tool is {_words(self.tools_any)}"
        for globs in self.tools_all:
            yield f"a tool is {_words(globs)}"
        if self.tools_none is not None:
            yield f"no tool is {_words(self.tools_none)}"
        if self.stream is not None:
            yield f"stream is {str(self.stream).lower()}"
        if self.size_min is not None:
            yield f"body has at least {self.size_min} bytes"
        if self.size_max is not None:
            yield f"body has at most {self.size_max} bytes"

    def covers(self, other: "Matcher") -> bool:
        """True when every request that `other` matches is certainly matched by this one too.
        May say False when it cannot tell; never says True wrongly."""
        # A method and a path are always there, so `*` asks nothing of them; a model or a tool may be missing.
        return (
            _globs_cover(self.method, other.method, always_there=True)
            and _globs_cover(self.path, other.path, always_there=True)
            and _globs_cover(self.model, other.model)
            and all(
                any(name == theirs and _globs_cover(globs, values) for theirs, values in other.headers)
                for name, globs in self.headers
            )
            and _globs_cover(self.tools_any, other.tools_any)
            and all(any(_globs_cover(globs, theirs) for theirs in other.tools_all) for globs in self.tools_all)
            and (self.tools_none is None or self.tools_none == other.tools_none)
            and self.stream in (None, other.stream)
            and (self.size_min is None or (other.size_min is not None and other.size_min >= self.size_min))
            and (self.size_max is None or (other.size_max is not None and other.size_max <= self.size_max))
        )


_ANY = Matcher()


def _words(globs: Globs) -> str:
    return " or ".join(globs.patterns)


def _globs_cover(outer: Globs | None, inner: Globs | None, *, always_there: bool = False) -> bool:
    """True when each pattern of `inner` certainly lies within `outer`. None is "any", and with it "none at all"
    unless the value is always there."""
    if outer is None:
        return True
    if inner is None:
        return always_there and "*" in outer.patterns
    return all(_pattern_covered(outer, pattern) for pattern in inner.patterns)


def _pattern_covered(outer: Globs, pattern: str) -> bool:
    if pattern in outer.patterns or "*" in outer.patterns:
        return True
    if not any(mark in pattern for mark in "*?["):
        return outer.matches(pattern)
    # `prefix*` covers whatever begins with that literal prefix.
    prefixes = [p[:-1] for p in outer.patterns if p.endswith("*") and not any(mark in p[:-1] for mark in "*?[")]
    return any(pattern.startswith(prefix) for prefix in prefixes)


def unreachable(matchers: list[tuple[str, Matcher]]) -> list[tuple[str, str]]:
    """(route, the earlier route that takes everything it could match), for each route that can never match."""
    found: list[tuple[str, str]] = []
    for position, (name, matcher) in enumerate(matchers):
        shadow = next((earlier for earlier, other in matchers[:position] if other.covers(matcher)), None)
        if shadow is not None:
            found.append((name, shadow))
    return found
