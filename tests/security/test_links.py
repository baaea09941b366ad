"""A link in a message never reaches what lies inside: servers stand on loopback and wait, and nobody comes.

The whole way of a request is taken: granian, the pipeline, the real fetcher and the real network. How every form of an
address is judged is tests/unit/upstream/test_guard.py's.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio.lowlevel
import msgspec
import pytest

from luna.upstream.guard import LinkFetcher
from luna.upstream.network import Network
from tests.support.certificates import make_certificate, serving
from tests.support.house import Running, running_luna
from tests.support.rawserver import RawServer, response
from tests.support.samples import PNG

PUBLIC = "93.184.215.14"
"""Nothing is ever sent there: the network of these tests ends at a server of theirs."""


class Names:
    """A name service of the attacker's: answers one after the other, the last one stays."""

    def __init__(self) -> None:
        self.answers: list[list[str]] = []
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        await anyio.lowlevel.checkpoint()
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
async def victim() -> AsyncIterator[RawServer]:
    """What must not be reached."""
    async with RawServer(response(b"the inside", headers=["content-type: text/plain"])) as server:
        yield server


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
async def luna(tmp_path: Path, names: Names) -> AsyncIterator[Running]:
    async with running_luna(tmp_path / "data") as running:
        running.house.services.provide(LinkFetcher, LinkFetcher(resolve=names))
        yield running


def bodies(url: str) -> list[tuple[str, dict[str, Any]]]:
    """A link as each protocol has it."""
    image = {"type": "image_url", "image_url": {"url": url}}
    source = {"type": "image", "source": {"type": "url", "url": url}}
    given = {"type": "input_image", "image_url": url}
    model = "qwen3.7-plus"
    return [
        ("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": [image]}]}),
        ("/v1/messages", {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": [source]}]}),
        ("/v1/responses", {"model": model, "input": [{"role": "user", "content": [given]}]}),
    ]


async def ask(luna: Running, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
    answer = await luna.request("POST", path, msgspec.json.encode(body))
    return answer.status, answer.content


FORMS = [
    "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.0.0.1.", "①②⑦.0.0.1", "%31%32%37.0.0.1", "x@127.0.0.1",
]  # fmt: skip


async def test_no_form_of_loopback_is_reached_on_any_protocol(luna: Running, names: Names, victim: RawServer) -> None:
    for form in FORMS:
        for scheme in ("https", "http"):
            for path, body in bodies(f"{scheme}://{form}:{victim.port}/latest/meta-data/"):
                status, said = await ask(luna, path, body)
                assert status == 400, f"{form}: {said!r}"
                assert b"the inside" not in said
    assert (victim.accepted, names.asked) == (0, 0)


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fe80::1", "::ffff:127.0.0.1"])
async def test_a_public_name_that_leads_inside_is_not_followed(
    luna: Running, names: Names, victim: RawServer, address: str
) -> None:
    names.answers = [[address]]
    for path, body in bodies(f"https://pictures.example:{victim.port}/cat.png"):
        status, said = await ask(luna, path, body)
        assert status == 400 and b"private network" in said
        assert address.encode() not in said
    assert victim.accepted == 0


@pytest.fixture
async def internet(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[RawServer, list[str]]]:
    """A server at a public address, as luna sees it, with a certificate that luna trusts; and the addresses that were
    connected to. It leads on to what the test says, once it is known."""
    certificate = make_certificate(tmp_path_factory.mktemp("internet"), "DNS:pictures.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connect, went = Network.connect_tcp, list[str]()
    async with RawServer(response(PNG, headers=["content-type: image/png"]), tls=serving(certificate)) as server:

        async def elsewhere(self: Network, host: str, port: int, **more: Any) -> Any:
            went.append(host)
            there = ("127.0.0.1", server.port) if host == PUBLIC else (host, port)
            return await connect(self, *there, **more)

        monkeypatch.setattr(Network, "connect_tcp", elsewhere)
        yield server, went


async def test_what_was_judged_is_what_is_connected_to(
    luna: Running, names: Names, victim: RawServer, internet: tuple[RawServer, list[str]]
) -> None:
    """The name service says something public when it is asked first, and loopback ever after."""
    server, went = internet
    names.answers = [[PUBLIC], ["127.0.0.1"]]
    path, body = bodies(f"https://pictures.example:{victim.port}/cat.png")[0]
    status, said = await ask(luna, path, body)
    assert status == 200, said
    assert (server.accepted, names.asked, victim.accepted) == (1, 1, 0)
    assert went.count(PUBLIC) == 1
    status, said = await ask(luna, path, body | {"model": "qwen3.6-plus"})
    assert (status, victim.accepted) == (400, 0), said


@pytest.mark.parametrize("to", ["https://127.0.0.1:{port}/", "http://localhost:{port}/", "https://[::1]:{port}/x"])
async def test_a_redirect_to_the_inside_is_not_followed(
    luna: Running, names: Names, victim: RawServer, internet: tuple[RawServer, list[str]], to: str
) -> None:
    server, _ = internet
    server.say(response(b"", status=302, headers=[f"location: {to.format(port=victim.port)}"]))
    names.answers = [[PUBLIC]]
    for path, body in bodies("https://pictures.example/cat.png"):
        status, said = await ask(luna, path, body)
        assert status == 400, said
    assert (server.accepted, victim.accepted) == (3, 0)
