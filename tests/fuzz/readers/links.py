"""Addresses, and what stands behind them: data URLs, links, proxies, workers, the marks of file formats.

The first byte says which; the rest is what is read.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

from luna.model.errors import Kind, LunaError
from luna.protocols import pictures
from luna.server.worker_targets import Targets
from luna.state.network_records import Mode, NetworkProfile, Worker, checked_profile, checked_worker
from luna.upstream import data_url, sniff
from luna.upstream.exchange import OutRequest
from luna.upstream.forward import describe, outcome_of, request_of
from luna.upstream.guard import read_link
from luna.upstream.proxy_address import ProxyAddress
from tests.fuzz.guided import Target
from tests.support.samples import KNOWN
from tests.support.samples import data_url as as_url

SECRET = "fuzzpassw0rd"
"""What must not get into an error."""
_TARGETS = Targets(["https://chat.qwen.ai", "http://127.0.0.1:9000"])


_BREAKS = re.compile(r"\s")
"""Lines that are shorter than 76 letters make a data URL longer than what it holds explains."""


def _data(data: bytes) -> None:
    url = data.decode("utf-8", "replace")
    pictures.picture_tokens(url)
    least = data_url.size_at_least(url)
    try:
        found = data_url.decode(url)
    except ValueError as error:
        _quiet(error)
        return
    assert len(found.data) >= least or _BREAKS.search(url), f"size: {len(found.data)}, at least {least}"
    again = data_url.decode(as_url(found.data, found.media_type))
    assert again.data == found.data, "unstable: the data"


def _sniff(data: bytes) -> None:
    kind = sniff.media_type(data)
    assert kind == "" or kind == sniff.OLE or "/" in kind
    sniff.is_text(data)
    pictures.picture_tokens(as_url(data, "image/png"))


def _link(data: bytes) -> None:
    try:
        link = read_link(data.decode("utf-8", "replace"))
    except LunaError as error:
        assert error.kind is Kind.BAD_REQUEST
        return
    assert link.url.isascii() and link.url.isprintable() and " " not in link.url, f"no plain form: {link.url!r}"
    assert read_link(link.url).url == link.url, f"unstable: {link.url!r}"


def _proxy(data: bytes) -> None:
    url = data.decode("utf-8", "replace")
    try:
        proxy = ProxyAddress.parse(url)
    except ValueError as error:
        _quiet(error)
    else:
        assert SECRET not in f"{proxy!r} {proxy}" or SECRET in proxy.host, f"a password: {proxy!r}"
    modes: tuple[Mode, ...] = ("http-proxy", "socks5", "direct", "local-address")
    for mode in modes:
        profile = NetworkProfile(
            "p", "P", mode=mode, proxy_url=url, verify_ip_url=url, local_address=url, expected_ip=url
        )
        _checked(partial(checked_profile, profile))
    _checked(lambda: checked_worker(Worker("w", url, url)))


def _checked(check: Callable[[], object]) -> None:
    try:
        check()
    except LunaError as error:
        assert error.kind is Kind.BAD_REQUEST
        _quiet(error)


def _worker(data: bytes) -> None:
    value = data.decode("latin-1")
    try:
        request = request_of(value, b"")
    except ValueError as error:
        _quiet(error)
    else:
        assert describe(request)
        try:
            _TARGETS.check(request)
        except LunaError as error:
            assert error.kind is Kind.FORBIDDEN
    try:
        outcome_of(value)
    except ValueError as error:
        _quiet(error)
    except LunaError:
        pass
    try:
        _TARGETS.check(OutRequest("GET", value, address=value[:20]))
    except LunaError as error:
        assert error.kind is Kind.FORBIDDEN


def _quiet(error: Exception) -> None:
    assert SECRET not in str(error), f"a secret: {error}"


_SORTS: dict[int, Callable[[bytes], None]] = {68: _data, 83: _sniff, 76: _link, 80: _proxy, 87: _worker}


def run(data: bytes) -> None:
    """One of them."""
    _SORTS.get(data[0] if data else 0, _link)(data[1:])


def _seeds() -> Iterator[bytes]:
    for kind, sample in KNOWN.items():
        yield b"S" + sample[:400]
        yield b"D" + as_url(sample[:400], kind).encode()
    for url in ("data:,a%20b", "data:text/plain;charset=utf-8;base64,YWJj\r\nZGU=", "data:;base64,YWI"):
        yield b"D" + url.encode()
    for url in (
        "https://example.org/a?b=c#d",
        "https://[2606:4700::1111]:8443/",
        "https://bücher.example/ü",
        "https://1.1.1.1./%zz",
    ):
        yield b"L" + url.encode()
    for url in (
        f"http://me:{SECRET}@proxy.example:3128",
        f"socks5h://u:{SECRET}@[::1]",
        "https://worker.lan/x",
        "10.0.0.1",
    ):
        yield b"P" + url.encode()
    yield b"W" + describe(OutRequest("GET", "https://chat.qwen.ai/api", (("a", "b"),), b"", address="1.1.1.1")).encode()
    yield b"Whttps://chat.qwen.ai:443/"


_WORDS = (
    b"data:",
    b";base64,",
    b"https://",
    b"http://",
    b"socks5://",
    b"localhost",
    b"127.0.0.1",
    b"0x7f000001",
    b"[::ffff:127.0.0.1]",
    b"::1",
    b"%25",
    b"%00",
    b"@",
    b":0",
    b":65536",
    b"\xe3\x80\x82",
    b"\xc2\xad",
    b"xn--",
    b"//",
    b"..",
    b"\\",
    b"169.254.169.254",
    SECRET.encode(),
    b"\xff\xd8\xff\xe0",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF",
    b"WEBP",
    b"VP8X",
    b"VP8L",
    b"ftyp",
    b"PK\x03\x04",
    b"%PDF-",
)

TARGETS = {"links": Target("links", run, _seeds, _WORDS)}
