"""`python -m luna.demo` serves by itself, says where and for whom, and ends when it is told to."""

import signal
import sys

import anyio
import msgspec

from tests.support.lookalike import heard, read_to_end


async def test_it_serves_from_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "luna.demo", "--pace", "1"]
    with anyio.fail_after(10):
        async with await anyio.open_process(command, stderr=None) as process:
            assert process.stdout is not None
            told = msgspec.json.decode(await process.stdout.receive())
            assert set(told) == {"url", "token", "refresh_token", "cookies"}
            host, _, port = told["url"].removeprefix("http://").partition(":")
            assert host == "127.0.0.1"
            async with await anyio.connect_tcp(host, int(port)) as socket:
                request = (
                    f"GET /api/v2/user HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncookie: {told['cookies']}\r\n"
                )
                await socket.send(f"{request}\r\n".encode())
                said = heard(await read_to_end(socket))
            assert said.json["data"]["name"] == "demo"
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
