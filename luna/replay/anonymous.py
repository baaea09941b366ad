"""Takes out of a recording who it was about: for what is kept in a repository or sent to somebody.

Owns the rules. A recording holds no credentials already (`luna.wire.redact`); here e-mail addresses, home folders and
the names in them, and the ids of accounts, people and chats become others of the same form, the same ones the same
everywhere, so that it still fits together. Ids that luna drew from the flow's seed stay: a replay draws them again.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

import msgspec

from luna.model import values
from luna.model.ambient import Ids
from luna.model.chat import ChatRequest
from luna.model.dialect import ClientRequest, Headers
from luna.model.events import Notice, StreamEvent
from luna.wire.frames import Failure, UpEnd, pack
from luna.wire.reader import Chunk, Exchange, Recording
from luna.wire.redact import Redactor

DRAWN = 512
"""How many ids of its seed a flow is taken to have drawn at the most."""
SHORTEST_NAME, SHORTEST_ID = 4, 5
"""Characters from which a name that was found in one place is looked for in all others."""

_EMAIL = re.compile(rb"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_HOME = re.compile(rb"(?P<lead>/home/|/Users/|[A-Za-z]:(?:\\{1,8}|/)Users(?:\\{1,8}|/))(?P<name>[^\\/\s\"'<>:|?*]+)")
_UUID = re.compile(rb"(?<![0-9A-Fa-f-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9A-Fa-f-])")
_OWNER = re.compile(
    rb'\\?"(?:user_?[iI]d|account_?[iI]d|owner_?[iI]d|uid|sub)\\?"\s*:\s*\\?"(?P<name>[\w.@-]{5,128})\\?"'
)
_COMMON = frozenset(
    b"user users home test tests root admin node ubuntu runner guest default demo public shared work model system"
    b" assistant content text role name type tool tools message messages stream data code json true false null"
    b" replay".split()
)
"""Words that mean something else nearly everywhere."""
_STANDARD = (b"example.com", b"example.org", b"example.net", b"chat.qwen.ai", b"auth.qwen.ai")

T = TypeVar("T")

_encode = msgspec.json.Encoder(enc_hook=values.encode).encode
_EVENTS = msgspec.json.Decoder(list[StreamEvent])


class Anonymity:
    """Who is called how instead, for one recording and what goes with it."""

    def __init__(
        self,
        recording: Recording,
        secrets: Iterable[str] = (),
        *,
        places: Iterable[str] = (),
        names: Iterable[str] = (),
    ) -> None:
        """`secrets` are those of the running configuration; `places` paths of this machine, the longest first, and
        `names` what it and its user are called."""
        self._redactor = Redactor(secrets)
        self._names: dict[tuple[str, bytes], bytes] = {}
        seed = bytes.fromhex(recording.head.seed)
        ids, ordered = Ids(seed), Ids(seed)
        self._own = {draw().encode() for _ in range(DRAWN) for draw in (ids.uuid, ordered.ordered)}
        self._learnt: dict[bytes, str] = {}
        spelt = [form for place in places for form in (place, place.replace("\\", "\\\\"))]
        patterns = b"|".join(re.escape(form.encode()) for form in spelt)
        self._places = re.compile(patterns) if patterns else None
        for name in names:
            self._learn("name", name.encode(), SHORTEST_NAME)
        for account in _accounts(recording):
            self._learn("account", account.encode(), SHORTEST_ID)
        for data in _bodies(recording):
            self.learn(data)

    def __repr__(self) -> str:
        return f"<Anonymity {len(self._names)} others>"

    def learn(self, data: bytes) -> None:
        """Remember the names and ids that show themselves here: they may stand alone elsewhere."""
        for found in _HOME.finditer(data):
            self._learn("user", found["name"], SHORTEST_NAME)
        for found in _OWNER.finditer(data):
            if not _UUID.fullmatch(found["name"]) and not _EMAIL.fullmatch(found["name"]):
                self._learn("owner", found["name"], SHORTEST_ID)

    def _learn(self, kind: str, name: bytes, shortest: int) -> None:
        if len(name) >= shortest and name.lower() not in _COMMON and not name.startswith(b"<redacted:"):
            self._learnt.setdefault(name, kind)

    def data(self, data: bytes, *, fields: bool = True) -> bytes:
        """A body, or part of one that holds whatever is to be found in it."""
        return self._cut(self._redactor.body(data, fields=fields), [])[0]

    def text(self, text: str) -> str:
        """A message, an address."""
        return self.data(text.encode("utf-8", "replace"), fields=False).decode("utf-8", "replace")

    def headers(self, headers: Headers) -> Headers:
        """Names stay, values lose what they tell."""
        return tuple((name, self.text(value)) for name, value in self._redactor.headers(headers))

    def chunks(self, chunks: list[Chunk]) -> list[Chunk]:
        """A stream: what is found across two reads goes into the one in which it begins."""
        whole = b"".join(chunk.data for chunk in chunks)
        stream = self._redactor.stream(fields=False)
        ends: list[int] = []
        kept = b""
        for chunk in chunks:
            kept += stream.feed(chunk.data)
            ends.append(len(kept))
        kept += stream.flush()
        if ends:
            ends[-1] = len(kept)
        if kept == whole:
            ends = _ends(chunks)
        data, ends = self._cut(kept, ends)
        starts = [0, *ends][:-1]
        return [Chunk(chunk.t, data[start:end]) for chunk, start, end in zip(chunks, starts, ends, strict=True)]

    def _cut(self, data: bytes, ends: list[int]) -> tuple[bytes, list[int]]:
        if self._places is not None:
            data, ends = _replaced(self._places, data, ends, lambda found: b"/" + self._other("place", found[0]))
        data, ends = _replaced(_EMAIL, data, ends, lambda found: self._person(found[0]))
        data, ends = _replaced(_HOME, data, ends, lambda found: found["lead"] + self._other("user", found["name"]))
        data, ends = _replaced(_UUID, data, ends, lambda found: self._uuid(found[0]))
        known = sorted((name for name in self._learnt if name in data), key=len, reverse=True)
        if known:
            words = re.compile(rb"(?<![\w-])(?:%b)(?![\w-])" % b"|".join(map(re.escape, known)))
            data, ends = _replaced(words, data, ends, lambda found: self._other(self._learnt[found[0]], found[0]))
        return data, ends

    def _person(self, address: bytes) -> bytes:
        if address.lower().endswith(_STANDARD):
            return address
        return self._other("person", address) + b"@example.com"

    def _uuid(self, found: bytes) -> bytes:
        if found in self._own or found.startswith(b"00000000-0000-4000-8000-"):
            return found
        return self._other("id", found.lower())

    def _other(self, kind: str, name: bytes) -> bytes:
        if re.fullmatch(rb"%b\d+" % kind.encode(), name) or name.lower() in _COMMON:
            return name
        known = self._names.get((kind, name))
        if known is None:
            number = sum(1 for other, _ in self._names if other == kind) + 1
            known = b"00000000-0000-4000-8000-%012d" % number if kind == "id" else b"%b%d" % (kind.encode(), number)
            self._names[kind, name] = known
        return known


def anonymous(recording: Recording, secrets: Iterable[str] = (), *, who: Anonymity | None = None) -> Recording:
    """The same recording about nobody. `secrets` are those of the running configuration; `who`, where more than the
    recording is to fit together."""
    who = who or Anonymity(recording, secrets)
    client = recording.client
    return replace(
        recording,
        client=None if client is None else _client(client, who),
        documents={name: _again(document, ChatRequest, who) for name, document in recording.documents.items()},
        recalled=[_again(each, type(each), who) for each in recording.recalled],
        exchanges=[_exchange(exchange, who) for exchange in recording.exchanges],
        events={
            name: [_EVENTS.decode(who.data(_encode(batch))) for batch in batches]
            for name, batches in recording.events.items()
        },
        headers=who.headers(recording.headers),
        sent=who.chunks(recording.sent),
        failure=None if recording.failure is None else _again(recording.failure, Failure, who),
    )


def _client(client: ClientRequest, who: Anonymity) -> ClientRequest:
    query = who.text(f"?{client.query}")[1:] if client.query else ""
    return ClientRequest(
        client.method, who.text(client.path), query, who.headers(client.headers), who.data(client.body)
    )


def _exchange(exchange: Exchange, who: Anonymity) -> Exchange:
    opened, end = exchange.opened, exchange.end
    return replace(
        exchange,
        opened=msgspec.structs.replace(
            opened,
            url=who.text(opened.url),
            headers=who.headers(opened.headers),
            **{"before": "", "text": "", "after": ""} | pack(who.data(opened.data)),
        ),
        headers=who.headers(exchange.headers),
        chunks=who.chunks(exchange.chunks),
        end=None if end is None else _again(end, UpEnd, who),
    )


def _again(value: T, kind: type[T], who: Anonymity) -> T:
    return msgspec.json.decode(who.data(_encode(value)), type=kind)


def _replaced(
    pattern: re.Pattern[bytes], data: bytes, ends: list[int], other: Callable[[re.Match[bytes]], bytes]
) -> tuple[bytes, list[int]]:
    """`data` with other words for what is found, and where its pieces end now: a find goes to the piece in which it
    begins."""
    made: list[bytes] = []
    moved: list[int] = []
    done = size = at = 0
    for found in pattern.finditer(data):
        start, end = found.span()
        while at < len(ends) and ends[at] <= start:
            moved.append(ends[at] - done + size)
            at += 1
        word = other(found)
        made += (data[done:start], word)
        size += start - done + len(word)
        done = end
        while at < len(ends) and ends[at] <= end:
            moved.append(size)
            at += 1
    made.append(data[done:])
    moved += [end - done + size for end in ends[at:]]
    return b"".join(made), moved


def _ends(chunks: list[Chunk]) -> list[int]:
    ends, size = [], 0
    for chunk in chunks:
        size += len(chunk.data)
        ends.append(size)
    return ends


def _accounts(recording: Recording) -> Iterator[str]:
    """The accounts that the recording names."""
    yield from (value for name, value in recording.headers if name == "x-luna-account-id")
    yield from (chat.whereabouts.account for chat in recording.documents.values() if chat.whereabouts is not None)
    for batches in recording.events.values():
        for event in (event for batch in batches for event in batch):
            if isinstance(event, Notice) and event.data and isinstance(event.data.get("account"), str):
                yield event.data["account"]
    if recording.failure is not None:
        yield from recording.failure.accounts


def _bodies(recording: Recording) -> Iterator[bytes]:
    if recording.client is not None:
        yield recording.client.body
    for exchange in recording.exchanges:
        yield exchange.opened.data
        yield exchange.body
    yield from (bytes(part) for recalled in recording.recalled for part in (recalled.document, recalled.items))
