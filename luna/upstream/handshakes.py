"""What is said to a proxy before it carries a connection: HTTP CONNECT and SOCKS 5.

Owns the two handshakes (RFC 9110 section 9.3.6; RFC 1928 and 1929) on a stream that leads to the proxy. How the proxy
is reached, and what is sent through it, is unknown here. How its replies are cut never matters. What fails is an
httpcore.ProxyError whose message goes on after "the proxy"; it holds nothing of what the proxy said but a number, for
whoever names an address as a proxy must not learn what stands there.
"""

import base64
import re

import httpcore
import socksio
from socksio import socks5

HEAD_LIMIT = 16 * 1024
"""Bytes that an HTTP proxy may take to say yes or no."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\r\n")
_HOST = re.compile(r"[!-~]{1,255}")
_REFUSALS = {code.value[0]: code.name.lower().replace("_", " ") for code in socks5.SOCKS5ReplyCode}


async def connect(stream: httpcore.AsyncNetworkStream, host: str, port: int, user: str, password: str) -> None:
    """Ask an HTTP proxy for a tunnel. Raises ProxyError, and ReadError or WriteError when it breaks off."""
    target = f"[{_sendable(host)}]:{port}" if ":" in host else f"{_sendable(host)}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if user or password:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {token}")
    await stream.write("\r\n".join([*lines, "", ""]).encode())
    head = await _read_head(stream)
    status_line = _STATUS_LINE.match(head)
    if status_line is None:
        raise httpcore.ProxyError("does not speak HTTP")
    status = int(status_line[1])
    if status == 407:
        raise httpcore.ProxyError(_other_login(user, password))
    if not 200 <= status < 300:
        raise httpcore.ProxyError(f"refused with status {status}")
    if head.partition(b"\r\n\r\n")[2]:
        # The other side of the tunnel waits for our TLS or our request.
        raise httpcore.ProxyError("says something that nobody asked for")


async def socks(stream: httpcore.AsyncNetworkStream, host: str, port: int, user: str, password: str) -> None:
    """Ask a SOCKS 5 proxy for a connection. The host's name is left for it to look up. Raises ProxyError, and
    ReadError or WriteError when it breaks off."""
    target = (_sendable(host), port)
    try:
        await _sign_in(stream, user, password)
        request = socks5.SOCKS5CommandRequest.from_address(socks5.SOCKS5Command.CONNECT, target)
        await stream.write(request.dumps())
        await _read_socks_reply(stream)
    except socksio.SOCKSError:
        raise httpcore.ProxyError("does not speak SOCKS 5") from None


async def _sign_in(stream: httpcore.AsyncNetworkStream, user: str, password: str) -> None:
    """Agree on a method, and show user and password where the proxy wants them."""
    known = bool(user or password)
    methods = [socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED]
    if known:
        methods.append(socks5.SOCKS5AuthMethod.USERNAME_PASSWORD)
    await stream.write(socks5.SOCKS5AuthMethodsRequest(methods).dumps())
    chosen = await _read(stream, 2)
    if chosen[0] != 5:
        raise httpcore.ProxyError("does not speak SOCKS 5")
    method = socks5.SOCKS5AuthReply.loads(chosen).method
    if method is socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED:
        return
    if method is not socks5.SOCKS5AuthMethod.USERNAME_PASSWORD or not known:
        raise httpcore.ProxyError("wants another way to sign in" if known else "wants a user and a password")
    await stream.write(socks5.SOCKS5UsernamePasswordRequest(user.encode(), password.encode()).dumps())
    if (await _read(stream, 2))[1] != 0:
        raise httpcore.ProxyError(_other_login(user, password))


async def _read_head(stream: httpcore.AsyncNetworkStream) -> bytes:
    """Everything up to the empty line, and what came with it."""
    head = b""
    while b"\r\n\r\n" not in head:
        if len(head) >= HEAD_LIMIT:
            raise httpcore.ProxyError("does not come to an end with its answer")
        if head and not _begins_like_http(head):
            raise httpcore.ProxyError("does not speak HTTP")
        head += await _read_some(stream, HEAD_LIMIT - len(head))
    return head


def _begins_like_http(head: bytes) -> bool:
    """A server that speaks something else may wait for us for ever."""
    start = b"HTTP/1."
    return head[: len(start)] == start[: len(head)]


async def _read_socks_reply(stream: httpcore.AsyncNetworkStream) -> None:
    """RFC 1928, section 6. Its length depends on the kind of address in it, which says nothing to us."""
    version, code, _, kind = await _read(stream, 4)
    if version != 5:
        raise httpcore.ProxyError("does not speak SOCKS 5")
    if code != 0:
        raise httpcore.ProxyError(f"refused: {_REFUSALS.get(code, f'code {code}')}")
    match kind:
        case 1:
            await _read(stream, 4 + 2)
        case 3:
            await _read(stream, (await _read(stream, 1))[0] + 2)
        case 4:
            await _read(stream, 16 + 2)
        case _:
            raise httpcore.ProxyError("does not speak SOCKS 5")


async def _read(stream: httpcore.AsyncNetworkStream, size: int) -> bytes:
    """Exactly so many bytes."""
    data = b""
    while len(data) < size:
        data += await _read_some(stream, size - len(data))
    return data


async def _read_some(stream: httpcore.AsyncNetworkStream, room: int) -> bytes:
    data = await stream.read(room)
    if not data:
        raise httpcore.ProxyError("closed the connection")
    return data


def _sendable(host: str) -> str:
    """Raises ProxyError for a host that would break the message apart."""
    if not _HOST.fullmatch(host):
        raise httpcore.ProxyError("cannot be asked for such a host")
    return host


def _other_login(user: str, password: str) -> str:
    return "wants another user or password" if user or password else "wants a user and a password"
