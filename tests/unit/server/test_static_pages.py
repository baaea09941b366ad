"""The pages' files over a real server: what is found, how it is packed and kept, and what never is."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

import luna
from luna.server import static
from luna.server.static import Pages
from tests.support.workers import serving

SCRIPT = b"console.log('hello');\n" * 100
HTML = b'<meta name="csp-nonce" content="__NONCE__"><link nonce="__NONCE__">'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    (folder / "secret.txt").write_bytes(b"not yours")
    dist = folder / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_bytes(HTML)
    (dist / "favicon.svg").write_bytes(b"<svg/>")
    (dist / "assets" / "app-1a2b.js").write_bytes(SCRIPT)
    (dist / "assets" / "app-1a2b.css").write_bytes(b"a{}")
    (dist / "assets" / "font-1a2b.woff2").write_bytes(bytes(2000))
    (dist / "odd.xyz").write_bytes(b"?")
    return dist


class Browser:
    """Asks, path as it stands."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def __call__(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        host, _, port = self.url.removeprefix("http://").partition(":")
        url = httpcore.URL(scheme="http", host=host, port=int(port), target=path)
        async with httpcore.AsyncConnectionPool() as pool:
            got = await pool.request(method, url, headers=[("host", "127.0.0.1"), *named])
        told = {name.decode().lower(): value.decode() for name, value in got.headers}
        return got.status, told, got.content


@pytest.fixture
async def ask(built: Path) -> AsyncIterator[Browser]:
    async with serving(Starlette(routes=Pages(built).routes())) as url:
        yield Browser(url)


async def test_the_page_has_a_nonce_of_its_own_each_time(ask: Browser) -> None:
    nonces = set()
    for path in ("/", "/runs", "/runs/run_1", "/index.html", "/?x=1", "/sessions/a%20b"):
        status, headers, body = await ask(path)
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert headers["cache-control"] == "no-store"
        found = re.findall(rb'"([\w-]{20,})"', body)
        assert len(found) == 2
        assert found[0] == found[1]
        assert f"style-src 'self' 'nonce-{found[0].decode()}'" in headers["content-security-policy"]
        nonces.add(found[0])
    assert len(nonces) == 6


async def test_the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline(ask: Browser) -> None:
    _, headers, _ = await ask("/")
    rules = dict(rule.strip().partition(" ")[::2] for rule in headers["content-security-policy"].split(";"))
    assert (rules["default-src"], rules["script-src"], rules["frame-ancestors"], rules["base-uri"]) == (
        "'none'",
        "'self'",
        "'none'",
        "'none'",
    )
    assert "unsafe" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "kind", "cache"),
    [
        ("/assets/app-1a2b.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/app-1a2b.css", "text/css; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/font-1a2b.woff2", "font/woff2", "public, max-age=31536000, immutable"),
        ("/favicon.svg", "image/svg+xml", "no-cache"),
        ("/odd.xyz", "application/octet-stream", "no-cache"),
    ],
)
async def test_files_have_their_kind_and_are_kept_as_long_as_they_may_be(
    ask: Browser, built: Path, path: str, kind: str, cache: str
) -> None:
    status, headers, body = await ask(path)
    assert (status, headers["content-type"], headers["cache-control"]) == (200, kind, cache)
    assert body == (built / path[1:]).read_bytes()
    assert headers["content-length"] == str(len(body))


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("GZIP", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("identity", False),
        ("", False),
        ("x-gzip2", False),
        ("gzip;q=high", False),
        ("*;q=0", False),
    ],
)
async def test_what_is_worth_it_is_packed_for_who_takes_it(ask: Browser, accepted: str, packed: bool) -> None:
    _, headers, body = await ask("/assets/app-1a2b.js", accept_encoding=accepted)
    assert headers.get("content-encoding", "") == ("gzip" if packed else "")
    assert (gzip.decompress(body) if packed else body) == SCRIPT
    assert headers["vary"] == "accept-encoding"
    assert len(body) < len(SCRIPT) or not packed


async def test_what_is_not_worth_it_is_not_packed(ask: Browser) -> None:
    for path in ("/assets/app-1a2b.css", "/assets/font-1a2b.woff2"):
        _, headers, _ = await ask(path, accept_encoding="gzip")
        assert "content-encoding" not in headers


async def test_what_a_browser_has_is_not_sent_again(ask: Browser) -> None:
    _, first, _ = await ask("/favicon.svg")
    tag = first["etag"]
    for condition in (tag, f'"x", {tag}', tag.removeprefix("W/"), "*", f"{tag},"):
        status, headers, body = await ask("/favicon.svg", if_none_match=condition)
        assert (status, body, headers["etag"]) == (304, b"", tag)
        assert headers["cache-control"] == "no-cache"
    for condition in ('"x"', tag[:-2] + '"', ""):
        assert (await ask("/favicon.svg", if_none_match=condition))[0] == 200


async def test_a_head_is_the_same_without_its_body(ask: Browser) -> None:
    for path in ("/", "/assets/app-1a2b.js"):
        status, headers, body = await ask(path, "HEAD")
        _, full, whole = await ask(path)
        assert (status, body) == (200, b"")
        assert headers["content-type"] == full["content-type"]
        assert headers["content-length"] == str(len(whole))


@pytest.mark.parametrize(
    "path",
    [
        "/assets/app-9z9z.js",
        "/assets/",
        "/assets",
        "/missing.css",
        "/api/nothing",
        "/v1/nothing",
        "/worker/nothing",
        "/runs/file.txt",
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/assets/../../secret.txt",
        "/assets/..%5c..%5csecret.txt",
        "//etc/passwd.txt",
        "/%00.html",
        "/assets/app-1a2b.js/",
    ],
)
async def test_nothing_else_is_found(ask: Browser, path: str) -> None:
    status, headers, body = await ask(path)
    if status == 200:
        assert b"csp-nonce" in body, "the page"
        assert path == "/assets"
    else:
        assert status == 404
        assert headers["cache-control"] == "no-store"
    assert b"not yours" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_they_are_only_read(ask: Browser, method: str) -> None:
    assert (await ask("/", method))[0] == 405


@given(st.text(max_size=40))
def test_no_request_becomes_a_path(built: Path, name: str) -> None:
    names = Pages(built)._names
    assert name not in names or (built / name).resolve().is_relative_to(built.resolve())


async def test_a_file_that_went_away_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(HTML)
    (tmp_path / "a.js").write_bytes(b"1")
    pages = Pages(tmp_path)
    (tmp_path / "a.js").unlink()
    (tmp_path / "index.html").unlink()
    async with serving(Starlette(routes=pages.routes())) as url:
        assert (await Browser(url)("/a.js"))[0] == 404
        assert (await Browser(url)("/"))[0] == 404
        (tmp_path / "index.html").write_bytes(HTML)
        assert (await Browser(url)("/"))[0] == 200


def test_where_the_pages_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "luna"
    monkeypatch.setattr(luna, "__file__", str(package / "__init__.py"))
    assert static.pages_directory() is None
    dist = tmp_path / "ui" / "dist"
    dist.mkdir(parents=True)
    assert static.pages_directory() is None
    (dist / "index.html").write_bytes(HTML)
    assert static.pages_directory() == dist
    (package / "_ui").mkdir(parents=True)
    (package / "_ui" / "index.html").write_bytes(HTML)
    assert static.pages_directory() == package / "_ui"
