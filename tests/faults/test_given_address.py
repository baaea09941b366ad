"""A request to a given address: no look-up, no connection of others, and TLS for the name all the same."""

import ssl
import subprocess
from contextlib import aclosing
from pathlib import Path

import pytest

from luna.model.errors import LunaError
from luna.upstream.exchange import OutRequest
from luna.upstream.pool import PoolBackend
from tests.support.rawserver import RawServer, response

HOST = "pictures.nowhere.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for a name that no DNS knows, and its key, in one file."""
    folder = tmp_path_factory.mktemp("named")
    made = folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=named", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", made, "-out", folder / "cert"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    made.write_text(made.read_text() + (folder / "cert").read_text())
    return made


@pytest.fixture
def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def pool(certificate: Path) -> PoolBackend:
    return PoolBackend(context=lambda: ssl.create_default_context(cafile=str(certificate)))


async def get(backend: PoolBackend, url: str, address: str = "") -> bytes:
    answer = await backend.open(OutRequest("GET", url, address=address))
    try:
        return await answer.read()
    finally:
        await answer.aclose()


def port_of(server: RawServer) -> str:
    return server.url.rstrip("/").rpartition(":")[2]


async def test_it_is_connected_to_and_the_name_is_what_tls_is_about(certificate: Path, serving: ssl.SSLContext) -> None:
    async with RawServer(response(b"hello"), tls=serving) as server, aclosing(pool(certificate)) as backend:
        url = f"https://{HOST}:{port_of(server)}/cat.png"
        assert await get(backend, url, "127.0.0.1") == b"hello"
        assert server.heard[0].header("host") == f"{HOST}:{port_of(server)}"
        with pytest.raises(LunaError, match="connect"):
            await get(backend, url.replace("nowhere", "elsewhere"), "127.0.0.1")
        assert len(server.heard) == 1, "the certificate is for another name"


async def test_no_connection_that_was_made_for_others_is_used() -> None:
    async with RawServer(response(b"hello")) as server, aclosing(PoolBackend()) as backend:
        assert await get(backend, server.url) == b"hello"
        assert await get(backend, server.url) == b"hello"
        assert server.accepted == 1
        assert await get(backend, server.url, "127.0.0.1") == b"hello"
        assert await get(backend, server.url, "127.0.0.1") == b"hello"
        assert server.accepted == 3
