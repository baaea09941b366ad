"""Cookies, tokens and credentials, as people paste them and sites set them.

The first byte says which. What must hold: a header that can stand in a request, a jar that comes back from its own
header, claims or nothing, and LunaError(BAD_REQUEST) without the value that was wrong.
"""

import base64
from collections.abc import Callable, Iterator

import msgspec

from luna.model.errors import Kind, LunaError
from luna.qwen.cookies import CookieJar
from luna.qwen.credentials import Credentials
from luna.qwen.tokens import read_claims
from luna.state.credentials import VERSION, Record
from luna.state.discretion import Discretion
from luna.wire.redact import Redactor
from tests.fuzz.guided import Target

NOW = 1_790_000_000.0
HOST = "chat.qwen.ai"
SECRET = "fuzz5ecretvalue"


def _cookies(data: bytes) -> None:
    jar = CookieJar.parse(data.decode("utf-8", "replace"))
    header = _sound(jar)
    again = CookieJar.parse(header)
    assert again.header(HOST, "/", NOW) == header, "unstable: a jar"
    assert SECRET not in repr(jar) or any(SECRET in one.name for one in jar.cookies()), f"a secret: {jar!r}"


def _set(data: bytes) -> None:
    """The first line is what was pasted before, the others are `set-cookie` headers."""
    first, *others = data.decode("latin-1").split("\n")
    jar = CookieJar.parse(first)
    for host in (HOST, "auth.qwen.ai"):
        jar.absorb(tuple(("set-cookie", line) for line in others), host, "/api/v2/x", NOW)
    _sound(jar)
    written = msgspec.json.encode(jar.cookies())
    again = CookieJar(Record("a", "p", Credentials(cookies=tuple(jar.cookies()))).credentials.cookies)
    assert msgspec.json.encode(again.cookies()) == written, "unstable: stored cookies"


def _sound(jar: CookieJar) -> str:
    headers = [jar.header(HOST, path, NOW) for path in ("/api", "/")]
    assert all(header.isascii() and header.isprintable() for header in headers), f"no header: {headers!r}"
    return headers[-1]


def _token(data: bytes) -> None:
    claims = read_claims(data.decode("utf-8", "replace"))
    if claims is not None:
        assert claims.lifetime is None or claims.lifetime > 0
        assert isinstance(claims.guest, bool)


def _form(data: bytes) -> None:
    try:
        said = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = {"token": data.decode("utf-8", "replace")}
    fields = {key: value for key, value in said.items() if isinstance(value, str)}
    try:
        read = Credentials.read(fields)
        Credentials.read(fields, read)
    except LunaError as error:
        assert error.kind is Kind.BAD_REQUEST
        assert SECRET not in f"{error!r} {error.told} {error.detail}" or SECRET in fields, f"a secret: {error!r}"
        return
    assert SECRET not in repr(read)
    for value in read.secrets():
        assert value.isascii() and value.isprintable(), f"no header: {value!r}"
    record = Record("a", "qwen-ai", read)
    assert msgspec.json.decode(msgspec.json.encode(record), type=Record) == record, f"unstable: version {VERSION}"
    Discretion(read.secrets)
    Redactor(read.secrets())


_SORTS: dict[int, Callable[[bytes], None]] = {67: _cookies, 83: _set, 84: _token, 70: _form}


def run(data: bytes) -> None:
    """One of them."""
    _SORTS.get(data[0] if data else 0, _form)(data[1:])


def _seeds() -> Iterator[bytes]:
    yield b"CCookie: ssxmod_itna=abc; token=eyJ; acw_tc=" + SECRET.encode() + b"\r\ncnaui=1; a=b=c;;x"
    yield b"Sa=1; b=2\na=3; Max-Age=60; Domain=.qwen.ai\nb=; expires=Thu, 01 Jan 1970 00:00:00 GMT\nc=d; HttpOnly"
    yield b"Sa=1\na=2; Expires=Wed, 21 Oct 2026 07:28:00 +9999; Domain=ai\nx=y; Max-Age=-5; path=x"
    claims = b'{"id":"u","exp":1800000000,"iat":1790000000,"email":"a@guest.com"}'
    yield b"Te30." + base64.urlsafe_b64encode(claims).rstrip(b"=") + b".c2ln"
    yield (
        b'F{"token":"Bearer '
        + SECRET.encode()
        + b'","cookies":"a=b; c=d","refreshToken":"r","userAgent":"UA","sec-ch-ua":"x"}'
    )
    yield b'F{"apiKey":"\\"' + SECRET.encode() + b'\\"","cookie":"","bx-ua":"y"}'


_WORDS = (
    b"; ",
    b"=",
    b"Cookie: ",
    b"\r\n",
    b"Max-Age=",
    b"Expires=",
    b"Domain=",
    b"Path=/",
    b"Secure",
    b"SameSite=None",
    b"qwen.ai",
    b".qwen.ai",
    b"Wed, 21 Oct 2026 07:28:00 GMT",
    b"9999999999999999",
    b"0001",
    b"-0000",
    b"eyJ",
    b".",
    b"Bearer ",
    b'"',
    SECRET.encode(),
    b'"refresh_token":"x"',
)

TARGETS = {"credentials": Target("credentials", run, _seeds, _WORDS)}
