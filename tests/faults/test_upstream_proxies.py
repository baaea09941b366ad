"""Going out through proxies on real sockets: what arrives, what fails how, and that nothing is left open."""

import ssl
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from luna.model.ambient import SystemClock
from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest, Timeouts
from luna.upstream.pool import PoolBackend
from luna.upstream.pools import Exit, Pools
from luna.upstream.proxies import LocalAddressNetwork, ProxyNetwork
from luna.upstream.proxy_address import ProxyAddress
from tests.support.certificates import make_certificate, serving, trusting
from tests.support.proxies import ConnectProxy, Proxy, SocksProxy
from tests.support.rawserver import Close, Pause, RawServer, Stall, response

HOST = "chat.nowhere.example"
PROXIES: list[Callable[..., Proxy]] = [ConnectProxy, SocksProxy]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("proxies"), f"DNS:{HOST}", "IP:127.0.0.1")


def through(url: str, context: Callable[[], ssl.SSLContext] = ssl.create_default_context) -> PoolBackend:
    return PoolBackend(network=ProxyNetwork(ProxyAddress.parse(url), context=context), context=context)


async def get(backend: PoolBackend, url: str, address: str = "", timeouts: Timeouts | None = None) -> bytes:
    answer = await backend.open(OutRequest("GET", url, timeouts=timeouts or Timeouts(), address=address))
    try:
        return await answer.read()
    finally:
        await answer.aclose()


async def gone(proxy: Proxy) -> None:
    with anyio.fail_after(2):
        while proxy.open:
            await anyio.sleep(0.005)


@pytest.mark.parametrize("make", PROXIES)
@pytest.mark.parametrize("login", [("", ""), ("somebody", "p:w@/")])
async def test_the_proxy_is_given_the_name_and_carries_requests_in_turn(
    make: Callable[..., Proxy], login: tuple[str, str]
) -> None:
    async with RawServer(response(b"hello")) as server:
        names = {HOST: ("127.0.0.1", server.port)}
        async with make(user=login[0], password=login[1], names=names) as proxy:
            url = proxy.url.replace("p:w@/", "p%3Aw%40%2F")
            async with aclosing(through(url)) as backend:
                for _ in range(3):
                    assert await get(backend, f"http://{HOST}/x") == b"hello"
                assert proxy.targets == [f"{HOST}:80"]
                assert server.heard[0].header("host") == HOST
                assert server.heard[0].line == "GET /x HTTP/1.1"
                assert not server.heard[0].header("proxy-authorization")
            await gone(proxy)


@pytest.mark.parametrize("make", PROXIES)
async def test_tls_inside_is_with_the_site_and_a_judged_address_is_asked_for_as_it_is(
    make: Callable[..., Proxy], certificate: Path
) -> None:
    async with RawServer(response(b"hello"), tls=serving(certificate)) as server:
        names = {"93.184.216.34": ("127.0.0.1", server.port), "2001:db8:0:0:0:0:0:1": ("127.0.0.1", server.port)}
        names[HOST] = names["2001:db8::1"] = ("127.0.0.1", server.port)
        async with make(names=names) as proxy, aclosing(through(proxy.url, lambda: trusting(certificate))) as backend:
            assert await get(backend, f"https://{HOST}/") == b"hello"
            assert await get(backend, f"https://{HOST}/", "93.184.216.34") == b"hello"
            assert await get(backend, f"https://{HOST}/", "2001:db8::1") == b"hello"
            assert [target.replace(":0:0:0:0:0:1:", "::1:") for target in proxy.targets] == [
                f"{HOST}:443",
                "93.184.216.34:443",
                "2001:db8::1:443",
            ]
            with pytest.raises(LunaError, match="certificate"):
                await get(backend, "https://other.example/", "93.184.216.34")


async def test_a_proxy_may_itself_be_spoken_to_over_tls(certificate: Path) -> None:
    """TLS in TLS: the outer one with the proxy, the inner one with the site."""
    async with RawServer(response(b"x" * 300_000), tls=serving(certificate)) as server:
        names = {HOST: ("127.0.0.1", server.port)}
        async with ConnectProxy(names=names, tls=serving(certificate)) as proxy:
            assert proxy.url.startswith("https://")
            async with aclosing(through(proxy.url, lambda: trusting(certificate))) as backend:
                assert await get(backend, f"https://{HOST}/") == b"x" * 300_000
                assert await get(backend, f"https://{HOST}/") == b"x" * 300_000
                assert proxy.carried == 1
            async with aclosing(through(proxy.url)) as backend:
                with pytest.raises(LunaError, match=r"does not speak TLS with us.*certificate"):
                    await get(backend, f"https://{HOST}/")
            await gone(proxy)


@pytest.mark.parametrize("make", PROXIES)
async def test_a_login_that_is_not_taken_is_told_without_it(make: Callable[..., Proxy]) -> None:
    async with make(user="somebody", password="geheim") as proxy:
        wrong = proxy.url.replace("geheim", "verkehrt")
        for url in (wrong, wrong.replace("somebody:verkehrt@", "")):
            async with aclosing(through(url)) as backend:
                with pytest.raises(LunaError, match=r"wants (another user or|a user and a) password") as failure:
                    await get(backend, f"http://{HOST}/")
            assert failure.value.kind is Kind.UPSTREAM_BROKEN
            assert failure.value.detail["phase"] == "connect"
            told = f"{failure.value!r} {failure.value.told} {failure.value.detail}"
            assert "verkehrt" not in told
            assert "somebody" not in told
        assert (proxy.wrong_logins, proxy.targets) == (2, [])
        await gone(proxy)


@pytest.mark.parametrize("make", PROXIES)
async def test_a_host_that_the_proxy_cannot_reach_is_a_failed_connection(make: Callable[..., Proxy]) -> None:
    async with make(names={HOST: ("127.0.0.1", 1)}) as proxy, aclosing(through(proxy.url)) as backend:
        with pytest.raises(LunaError, match="refused") as failure:
            await get(backend, f"http://{HOST}/")
        assert failure.value.detail == {"host": HOST, "phase": "connect"}
        await gone(proxy)


async def test_a_proxy_that_is_not_there() -> None:
    for url in ("http://127.0.0.1:1", "socks5://u:geheim@127.0.0.1:1", "https://127.0.0.1:1"):
        async with aclosing(through(url)) as backend:
            with pytest.raises(LunaError, match="cannot be reached") as failure:
                await get(backend, f"http://{HOST}/")
            assert "geheim" not in failure.value.told


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([Close()], "closed the connection|broke off"),
        ([b"HTTP/1.1 200 OK\r\n", Close()], "closed the connection|broke off"),
        ([b"garbage\r\n\r\n", Stall()], "does not speak HTTP"),
        ([b"HTTP/1.1 200 OK\r\n", Stall()], "in time"),
        ([Pause(5)], "in time"),
        ([b"HTTP/1.1 403 No\r\n\r\n", Stall()], "refused with status 403"),
    ],
)
async def test_a_proxy_that_does_something_else(steps: list[bytes | Close | Stall | Pause], says: str) -> None:
    async with RawServer(steps) as server, aclosing(through(server.url)) as backend:
        with pytest.raises(LunaError, match=says):
            await get(backend, f"http://{HOST}/", timeouts=Timeouts(connect=0.2))
        with anyio.fail_after(1):
            while server.open and not isinstance(steps[-1], Pause):
                await anyio.sleep(0.005)
        assert server.heard[0].line == f"CONNECT {HOST}:80 HTTP/1.1"


async def test_leaving_in_the_middle_of_the_handshake_closes_the_connection() -> None:
    async with RawServer([b"HTTP/1.1 200 OK\r\n", Stall()]) as server, aclosing(through(server.url)) as backend:
        with anyio.move_on_after(0.1):
            await get(backend, f"http://{HOST}/")
        with anyio.fail_after(1):
            while server.open:
                await anyio.sleep(0.005)
        assert backend.pool.connections == []


async def test_a_proxy_that_breaks_off_in_the_middle_of_an_answer() -> None:
    async with RawServer([b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhal", Close()]) as server:
        names = {HOST: ("127.0.0.1", server.port)}
        async with ConnectProxy(names=names) as proxy, aclosing(through(proxy.url)) as backend:
            with pytest.raises(LunaError, match=r"\(body\)"):
                await get(backend, f"http://{HOST}/")


async def test_each_way_has_connections_of_its_own_and_shares_them_with_nobody() -> None:
    async with RawServer(response(b"hello")) as server:
        names = {HOST: ("127.0.0.1", server.port)}
        async with ConnectProxy(names=names) as one, SocksProxy(names=names) as other:
            pools = Pools(SystemClock())
            ways = [Exit("proxy", one.url), Exit("proxy", other.url), Exit("local-address", "127.0.0.1")]
            assert pools.pool(ways[0]) is pools.pool(Exit("proxy", one.url))
            for way in ways[:2]:
                assert await get(pools.pool(way), f"http://{HOST}/") == b"hello"
                assert await get(pools.pool(way), f"http://{HOST}/") == b"hello"
            assert await get(pools.pool(ways[2]), server.url) == b"hello"
            assert (one.carried, other.carried, server.accepted) == (1, 1, 3)
            assert "geheim" not in f"{pools!r} {Exit('proxy', 'http://u:geheim@h')!r}"

            held = await pools.pool(ways[0]).open(OutRequest("GET", f"http://{HOST}/"))
            await pools.keep_only([ways[1]])
            await gone_but(server, 2)
            assert len(pools) == 1
            assert await held.read() == b"hello", "what is in use goes on"
            await held.aclose()
            await gone_but(server, 1)
            await pools.aclose()
            await gone_but(server, 0)


async def gone_but(server: RawServer, count: int) -> None:
    with anyio.fail_after(2):
        while server.open != count:
            await anyio.sleep(0.005)


async def test_another_local_address_is_what_the_other_side_sees() -> None:
    seen: list[str] = []

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            seen.append(str(stream.extra(anyio.abc.SocketAttribute.remote_address)[0]))
            await stream.receive()
            await stream.send(response(b"hello"))

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        port = listener.listeners[0].extra(anyio.abc.SocketAttribute.local_port)
        async with aclosing(PoolBackend(network=LocalAddressNetwork("127.0.0.9"))) as backend:
            assert await get(backend, f"http://127.0.0.1:{port}/") == b"hello"
        async with aclosing(PoolBackend(network=LocalAddressNetwork("192.0.2.1"))) as backend:
            with pytest.raises(LunaError, match="connect"):
                await get(backend, f"http://127.0.0.1:{port}/")
        tasks.cancel_scope.cancel()
    assert seen == ["127.0.0.9"]
