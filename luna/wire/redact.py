"""Takes secrets out of what is about to be recorded.

Owns the header rules, the placeholders and the redaction of streams. Where secrets stand in a body is
`luna.wire.scan`. Pure, and to be applied before anything leaves memory. A secret is replaced by
`<redacted:N>`, the same one by the same N within a recording, so that equality survives; a
placeholder is left as it is, so that redacting twice changes nothing.
"""

import functools
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from urllib.parse import quote

import msgspec

from luna.wire.scan import Find, Scanner

Headers = tuple[tuple[str, str], ...]

HOLD_LIMIT = 1024 * 1024
"""Bytes. What a stream holds back at most; a field longer than that takes the rest of its stream with it."""

TOGETHER = 64 * 1024
"""Bytes of texts that are looked at as one: where something is found, each is looked at again."""

_PLACEHOLDER = re.compile(rb"(?:<redacted:\d+>)+")
_TELLING_HEADER = re.compile(r"authorization|cookie|token|secret|passw|api-?key|proxy-key|signature|^bx-(?!v$)")
_PROOF = re.compile(r"\bCredential=([^/,\s]+)|\bSignature=([^,\s]+)")
"""What the signed requests of object stores hold: `OSS4-HMAC-SHA256 Credential=ID/scope,Signature=hex`."""
_LEARN = 16
"""Characters from which a credential found in a header is looked for everywhere else."""
_REPEATED, _NAMEABLE = 16, 512
"""So many secrets of a request's body are looked for in its answer; and so long, at most, is each."""


class Redactor:
    """Redacts one recording. `secrets` are those known beforehand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._scanner = _knowing(tuple(secrets)).copy()
        self._numbers: dict[bytes, int] = {}
        self._known_headers: dict[tuple[str, str], str] = {}

    def __repr__(self) -> str:
        return f"<Redactor {self._scanner!r} replaced={len(self._numbers)}>"

    @property
    def knows(self) -> int:
        """How many secrets it looks for everywhere; it only grows."""
        return self._scanner.literals

    def learn(self, secret: str) -> None:
        """From now on this is a secret wherever it stands."""
        _teach(self._scanner, secret)

    def body(self, data: bytes, *, fields: bool = True) -> bytes:
        """A whole body. `fields` asks for the JSON field rules too."""
        finds, _ = self._scanner.scan(data, fields=fields, final=True)
        return self.replaced(data, finds) if finds else data

    def request(self, data: bytes) -> bytes:
        """A client's whole body. An answer may repeat what it calls a secret (`metadata` of a response), in a stream,
        where nothing is looked for by its field: the first of them are learnt, short ones with their field."""
        finds, _ = self._scanner.scan(data, fields=True, final=True)
        for find in finds[:_REPEATED]:
            secret, whole = data[find.first : find.last], data[find.start : find.end]
            if not secret or _PLACEHOLDER.fullmatch(secret):
                continue
            if whole.startswith(b'"') and len(whole) <= _NAMEABLE:
                self._scanner.add_within(whole, find.first - find.start, find.last - find.start)
            if _LEARN <= len(secret) <= _NAMEABLE and b"\\" not in secret:
                self.learn(secret.decode("utf-8", "replace"))
        return self.replaced(data, finds)

    def texts(self, texts: list[bytes], *, fields: bool = False) -> list[bytes]:
        """Each of them, whole JSON. One look at many of them, and mostly that is all it takes."""
        kept: list[bytes] = []
        for some in _together(texts):
            finds, _ = self._scanner.scan(b"\n".join(some), fields=fields, final=True)
            kept += [self.body(text, fields=fields) for text in some] if finds else some
        return kept

    def text(self, text: str) -> str:
        """A message, a path, a header's value."""
        if not text:
            return text
        return self.body(text.encode("utf-8", "replace"), fields=False).decode("utf-8", "replace")

    def query(self, query: str) -> str:
        """What follows the `?` of a URL."""
        return self.text(f"?{query}")[1:]

    def stream(self, *, fields: bool) -> "RedactedStream":
        """For a body that comes in pieces."""
        return RedactedStream(self, self._scanner, fields)

    def headers(self, headers: Headers) -> Headers:
        """Names stay, telling values go: of cookies their values, of an authorization all but its scheme."""
        telling = {pair: self._telling(*pair) for pair in headers if _is_telling(pair[0])}  # they come first: we learn
        plain = "\n".join([pair[1] for pair in headers if pair not in telling] if telling else [v for _, v in headers])
        clean = self.text(plain) == plain  # one look at all of them, and mostly that is all it takes
        if clean and not telling:
            return headers
        return tuple(
            [
                (pair[0], telling[pair] if pair in telling else pair[1] if clean else self.text(pair[1]))
                for pair in headers
            ]
        )

    def _telling(self, name: str, value: str) -> str:
        known = self._known_headers.get((name, value))
        if known is None:
            known = self._known_headers[name, value] = self._without_credentials(name.lower(), value)
        return known

    def _without_credentials(self, name: str, value: str) -> str:
        match name:
            case "cookie":
                return "; ".join(self._cookie(pair) for pair in value.split(";") if pair.strip())
            case "set-cookie":
                pair, mark, attributes = value.partition(";")
                return self._cookie(pair) + mark + attributes
            case "authorization" | "proxy-authorization":
                scheme, space, credentials = value.partition(" ")
                if space:
                    for id_, signature in _PROOF.findall(credentials):
                        self.learn(id_ or signature)  # a store that says no repeats them in its reply
                    return f"{scheme} {self._credential(credentials)}"
        return self._credential(value)

    def _cookie(self, pair: str) -> str:
        name, mark, value = pair.strip().partition("=")
        if not mark:
            return self._credential(name)
        return f"{name}={self._credential(value) if 'token' in name else self._placeholder(value.encode())}"

    def _credential(self, value: str) -> str:
        if len(value) >= _LEARN:
            self.learn(value)
        return self._placeholder(value.encode())

    def _placeholder(self, secret: bytes) -> str:
        if not secret or _PLACEHOLDER.fullmatch(secret):
            return secret.decode()
        return f"<redacted:{self._numbers.setdefault(secret, len(self._numbers) + 1)}>"

    def replaced(self, data: bytes, finds: list[Find]) -> bytes:
        """`data` with placeholders. Finds that overlap become one."""
        return self.between(data, secrets_of(finds), 0, len(data)) if finds else data

    def between(self, data: bytes, secrets: list[tuple[int, int]], start: int, end: int) -> bytes:
        """`data[start:end]`, with placeholders for those secrets, by their places in `data`."""
        pieces: list[bytes] = []
        for first, last in secrets:
            pieces += (data[start:first], self._placeholder(data[first:last]).encode())
            start = last
        return b"".join([*pieces, data[start:end]])


def _together(texts: list[bytes]) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    size = 0
    for text in texts:
        some.append(text)
        size += len(text)
        if size > TOGETHER:
            yield some
            some, size = [], 0
    if some:
        yield some


def redacted(text: str) -> str:
    """A text by itself, which belongs to no recording."""
    if "=" not in text and "eyJ" not in text:
        return text  # where nothing is known beforehand, all that gives itself away has one of them
    return Redactor().text(text)


def secrets_of(finds: list[Find]) -> list[tuple[int, int]]:
    """Where the secrets stand, in order. Finds that overlap become one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted((find.first, find.last) for find in finds if find.first < find.last):
        if found and first < found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


@functools.lru_cache(maxsize=256)
def _is_telling(name: str) -> bool:
    return _TELLING_HEADER.search(name.lower()) is not None


@functools.lru_cache(maxsize=8)
def _knowing(secrets: tuple[str, ...]) -> Scanner:
    """The same secrets come with every flow."""
    scanner = Scanner()
    for secret in secrets:
        _teach(scanner, secret)
    return scanner


def _teach(scanner: Scanner, secret: str) -> None:
    for spelling in _spellings(secret):
        scanner.add(spelling)


@functools.lru_cache(maxsize=64)
def _spellings(secret: str) -> tuple[bytes, ...]:
    """Also as JSON and URLs spell it."""
    plain = (secret.encode("utf-8", "replace"), quote(secret, safe="", errors="replace").encode())
    found = [each for spelling in plain for each in (spelling, msgspec.json.encode(spelling.decode())[1:-1])]
    return tuple(dict.fromkeys(found))


class RedactedStream:
    """Redacts a body piece by piece: what goes in comes out at once but for an end in which a secret may have begun.
    No byte is lost, and however the body is cut, what comes out together is the same."""

    def __init__(self, redactor: Redactor, scanner: Scanner, fields: bool) -> None:
        self._redactor = redactor
        self._scanner = scanner
        self._fields = fields
        self._held = b""
        self._closed = False

    def __repr__(self) -> str:
        return f"<RedactedStream held={len(self._held)}{' closed' if self._closed else ''}>"

    def feed(self, data: bytes) -> bytes:
        """What can be kept of it so far."""
        return self.feed_all([data])[0]

    def feed_all(self, pieces: list[bytes]) -> list[bytes]:
        """The same of several that follow one another, looked at as one. A secret comes out with the piece that it ends
        in."""
        if self._closed:
            return [b""] * len(pieces)
        before = len(self._held)
        data = b"".join([self._held, *pieces])
        finds, settled = self._scanner.scan(data, fields=self._fields, final=False)
        if not before and not finds and settled == len(data):
            return pieces  # as nearly always
        self._held = data[settled:]
        secrets = secrets_of(finds)
        kept: list[bytes] = []
        done, at, passed = 0, before, 0
        for piece in pieces:
            at += len(piece)
            end = min(at, settled)
            here = bisect_left(secrets, (end,))
            if here and end < secrets[here - 1][1]:  # it goes on in the next piece
                here -= 1
                end = max(done, secrets[here][0])
            kept.append(self._redactor.between(data, secrets[passed:here], done, end))
            done, passed = end, here
        if len(self._held) > HOLD_LIMIT:
            self._closed, self._held = True, b""
            kept[-1] += b"<redacted: the rest of this body>"
        return kept

    def flush(self) -> bytes:
        """The body is over: the rest of it. What had begun like a secret and was cut counts as one."""
        data, self._held = self._held, b""
        if not data:
            return data
        finds, _ = self._scanner.scan(data, fields=self._fields, final=True)
        return self._redactor.replaced(data, [*finds, *self._scanner.find_cut(data)])
