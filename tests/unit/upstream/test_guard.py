"""Links of clients: nothing inside is ever asked, what is judged is what is connected to, and there are bounds."""

import socket
from collections.abc import Iterable

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.errors import Kind, LunaError
from luna.upstream.exchange import OutRequest
from luna.upstream.guard import REDIRECTS, LinkFetcher, is_public, look_up, read_link
from luna.upstream.response import broken
from tests.support.samples import PNG
from tests.support.scripted import STALL, Answer, Says, ScriptedBackend, header

PUBLIC = "93.184.215.14"
LINK = "https://pictures.example/cat.png"


def picture(data: bytes = PNG, content_type: str = "image/png") -> Says:
    return Says((data,), 200, (("content-type", content_type),))


def moved(to: str, status: int = 302) -> Says:
    return Says((b"elsewhere",), status, (("location", to),))


class Web:
    """A name service and a network, both made up."""

    def __init__(self, *answers: Answer, path: str = "/cat.png") -> None:
        self.backend = ScriptedBackend().on("GET", path, *(answers or (picture(),)))
        self.names: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self.fetcher = LinkFetcher(resolve=self._resolve, patience=0.5)

    def name(self, host: str, *answers: Iterable[str]) -> "Web":
        """What a host's name leads to, look-up by look-up; the last one stays."""
        self.names[host] = [list(answer) for answer in answers]
        return self

    async def _resolve(self, host: str, port: int) -> list[str]:
        await anyio.lowlevel.checkpoint()
        self.asked.append(f"{host}:{port}")
        answers = self.names.get(host, [[PUBLIC]])
        if not answers:
            raise socket.gaierror(8, "not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def refusal(self, url: str = LINK, limit: int = 1_000_000) -> LunaError:
        with pytest.raises(LunaError) as refused:
            await self.fetcher.fetch(self.backend, url, limit)
        assert self.backend.open_responses == 0
        return refused.value


async def test_a_picture() -> None:
    web = Web()
    fetched = await web.fetcher.fetch(web.backend, LINK, len(PNG))
    assert fetched == (PNG, "image/png")
    (request,) = web.backend.requests
    assert (request.method, request.url, request.address, request.body) == ("GET", LINK, PUBLIC, b"")
    assert not any(header(request, name) for name in ("cookie", "authorization", "referer", "origin"))
    assert web.backend.open_responses == 0


@pytest.mark.parametrize(
    ("says", "found"),
    [
        (picture(content_type="text/html"), "image/png"),
        (picture(content_type=""), "image/png"),
        (picture(b"words", "Text/Plain; charset=utf-8"), "text/plain"),
        (Says((b"words",), 200), ""),
    ],
)
async def test_the_bytes_say_what_it_is_and_then_the_server(says: Says, found: str) -> None:
    web = Web(says)
    assert (await web.fetcher.fetch(web.backend, LINK, 1000)).media_type == found


HOSTILE = [
    # another scheme, or none
    "http://pictures.example/cat.png", "ftp://pictures.example/", "file:///etc/passwd", "gopher://pictures.example/",
    "javascript:alert(1)", "//pictures.example/", "pictures.example/cat.png", "", "https:", "https://", "https:///x",
    "https:pictures.example", "httpſ://pictures.example/",
    # what parsers disagree about
    "https://pictures.example\\@127.0.0.1/", "https://pictures.example\t.evil.example/", "https://pictures.example/ x",
    "https://pictures.example/\r\nHost: x", "https://\x00/", " https://pictures.example/", "https://a b/",
    "https://user@pictures.example/", "https://user:pw@pictures.example/", "https://:@pictures.example/",
    "https://127.0.0.1#@pictures.example/", "https://pictures.example:443@127.0.0.1/", "https://@127.0.0.1/",
    "https://pictures.example:0/", "https://pictures.example:99999/", "https://pictures.example:x/",
    "https://[::1/", "https://[pictures.example]/", "https://%31%32%37.0.0.1/", "https://127.0.0.1%2f.example/",
    "https://pictures..example/", "https://.example/", "https://-/", "https://*.example/", "https://a_b/",
    f"https://pictures.example/{'x' * 9000}",
    # loopback and its disguises
    "https://127.0.0.1/", "https://127.1/", "https://127.0.1/", "https://127.255.255.254/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://017700000001/", "https://0/",
    "https://0.0.0.0/", "https://127.0.0.1./", "https://127.000.000.001/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/",
    "https://１２７.0.0.1/", "https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://a.localhost/",
    "https://localhost.localdomain/", "https://[::1]/", "https://[::]/", "https://[0:0:0:0:0:0:0:1]/",
    # private networks
    "https://10.0.0.1/", "https://10.255.255.255/", "https://172.16.0.1/", "https://172.31.255.255/",
    "https://192.168.0.1/", "https://192.168.1.254:8443/admin", "https://169.254.1.1/", "https://100.64.0.1/",
    "https://100.127.255.255/", "https://[fc00::1]/", "https://[fd12:3456::1]/", "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/", "https://[fec0::1]/", "https://192.0.0.8/", "https://198.18.0.1/",
    # metadata services
    "https://169.254.169.254/latest/meta-data/", "https://169.254.170.2/", "https://100.100.100.200/",
    "https://168.63.129.16/", "https://[fd00:ec2::254]/", "https://metadata.google.internal/", "https://metadata/",
    "https://instance-data/", "https://192.0.0.192/",
    # multicast, broadcast, reserved, examples
    "https://224.0.0.1/", "https://239.255.255.250/", "https://255.255.255.255/", "https://240.0.0.1/",
    "https://[ff02::1]/", "https://192.0.2.1/", "https://198.51.100.1/", "https://203.0.113.1/", "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    # an IPv4 address inside an IPv6 one
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:93.184.215.14]/", "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::a00:1]/", "https://[2002:7f00:1::]/", "https://[2002:c0a8:101::1]/",
    "https://[2001:0:7f00:1::]/", "https://[2607:f8b0::5efe:127.0.0.1]/", "https://[2607:f8b0::200:5efe:10.0.0.1]/",
    "https://192.88.99.1/",
    # names that are used inside
    "https://printer.local/", "https://nas.lan/", "https://db.internal/", "https://wiki.corp/", "https://router.home.arpa/",
    "https://intranet/", "https://x.onion/", "https://x.test/", "https://x.invalid/",
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_address_is_never_asked(url: str) -> None:
    web = Web()
    error = await web.refusal(url)
    assert error.kind is Kind.BAD_REQUEST
    assert "is not fetched" in error.message
    assert error.hint
    assert web.backend.requests == []
    assert web.asked == [], "not even looked up"


ADDRESSES = [
    "127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "::1", "::",
    "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "224.0.0.1", "not an IP",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("beside", [[], [PUBLIC]])
async def test_a_public_name_that_leads_inside(address: str, beside: list[str]) -> None:
    web = Web().name("pictures.example", [*beside, address])
    error = await web.refusal()
    assert error.kind is Kind.BAD_REQUEST
    assert "leads into a private network" in error.message
    assert address not in error.message
    assert web.backend.requests == []


async def test_an_answer_that_changes_does_not_matter() -> None:
    """The name leads outside when it is judged and inside afterwards: nobody looks it up again."""
    web = Web().name("pictures.example", [PUBLIC], ["127.0.0.1"])
    await web.fetcher.fetch(web.backend, LINK, 1000)
    assert [request.address for request in web.backend.requests] == [PUBLIC]
    assert web.asked == ["pictures.example:443"]
    assert "private network" in (await web.refusal()).message
    assert len(web.backend.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_judged_like_the_link(status: int) -> None:
    web = Web(moved("https://cdn.example:8443/cat.png?x=1#f", status), picture())
    web.name("cdn.example", ["2606:4700::6810:84e5"])
    assert (await web.fetcher.fetch(web.backend, LINK, 1000)).data == PNG
    assert [(request.url, request.address) for request in web.backend.requests] == [
        (LINK, PUBLIC), ("https://cdn.example:8443/cat.png?x=1", "2606:4700::6810:84e5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "to",
    [
        "http://cdn.example/cat.png", "https://127.0.0.1/cat.png", "https://localhost/", "//169.254.169.254/latest",
        "https://[::ffff:127.0.0.1]/", "https://user@cdn.example/", "file:///etc/passwd", "https://2130706433/",
        "https://inside.example/cat.png", "https://pictures.example\\@10.0.0.1/",
    ],
)  # fmt: skip
async def test_a_redirect_that_leads_inside(to: str) -> None:
    web = Web(moved(to)).name("inside.example", ["10.0.0.1"])
    error = await web.refusal()
    assert "is not fetched" in error.message
    assert len(web.backend.requests) == 1


async def test_a_redirect_within_the_host_is_looked_up_anew() -> None:
    web = Web(moved("cat.png"), picture()).name("pictures.example", [PUBLIC], ["10.0.0.1"])
    assert "private network" in (await web.refusal()).message
    assert len(web.backend.requests) == 1


async def test_redirects_without_end_or_aim() -> None:
    web = Web(moved(LINK))
    assert f"led on more than {REDIRECTS} times" in (await web.refusal()).message
    assert len(web.backend.requests) == REDIRECTS + 1
    assert "status 302" in (await Web(Says((), 302)).refusal()).message


async def test_several_addresses_are_tried_until_one_answers() -> None:
    dead = broken("pictures.example", "connect", "ConnectError, refused")
    web = Web(dead, dead, picture()).name("pictures.example", ["1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4"])
    await web.fetcher.fetch(web.backend, LINK, 1000)
    assert [request.address for request in web.backend.requests] == ["1.0.0.1", "1.0.0.2", "1.0.0.3"]
    web = Web(dead).name("pictures.example", ["1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4"])
    assert "cannot be fetched" in (await web.refusal()).message
    assert len(web.backend.requests) == 3


async def test_what_broke_after_connecting_is_not_asked_elsewhere() -> None:
    web = Web(broken("pictures.example", "head", "closed")).name("pictures.example", ["1.0.0.1", "1.0.0.2"])
    assert (await web.refusal()).kind is Kind.BAD_REQUEST
    assert len(web.backend.requests) == 1


async def test_a_name_that_nobody_knows() -> None:
    web = Web().name("pictures.example")
    assert "its host cannot be found" in (await web.refusal()).message
    web = Web().name("pictures.example", [])
    assert "it has no address" in (await web.refusal()).message


@pytest.mark.parametrize("status", [204, 206, 400, 403, 404, 500])
async def test_another_status(status: int) -> None:
    error = await Web(Says((b"no",), status)).refusal()
    assert (error.kind, f"status {status}" in error.message) == (Kind.BAD_REQUEST, True)


async def test_a_body_beyond_the_limit_is_not_read_on() -> None:
    promised = Says((bytes(100), STALL), 200, (("content-length", "1001"),))
    grown = Says((bytes(600), bytes(600), STALL), 200)
    for says in (promised, grown):
        error = await Web(says).refusal(limit=1000)
        assert error.kind is Kind.TOO_LARGE
        assert "pictures.example" in error.message


@pytest.mark.parametrize("says", [Says((), delay=STALL), Says((b"x", STALL), 200)])
async def test_there_is_an_end_to_patience(says: Says) -> None:
    error = await Web(says).refusal()
    assert (error.kind, "longer than 0.5 s" in error.message) == (Kind.BAD_REQUEST, True)


async def test_a_body_that_breaks_off_is_the_links_fault_and_not_the_accounts() -> None:
    error = await Web(Says((b"x", broken("pictures.example", "body", "cut")), 200)).refusal()
    assert error.kind is Kind.BAD_REQUEST


async def test_a_worker_that_goes_to_few_hosts() -> None:
    refusal = LunaError(Kind.FORBIDDEN, "This worker does not go to pictures.example.")
    error = await Web(refusal).refusal()
    assert (error.kind, "does not go to pictures.example" in error.message) == (Kind.BAD_REQUEST, True)


async def test_when_nothing_may_go_out_that_is_said() -> None:
    """Egress isolation refuses by its own error, which is passed on."""
    refusal = LunaError(Kind.EGRESS_CLOSED, "no isolated way")
    assert await Web(refusal).refusal() is refusal


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("HTTPS://Pictures.Example/A", "https://pictures.example/A"),
        ("https://pictures.example", "https://pictures.example/"),
        ("https://pictures.example.:443/x#y", "https://pictures.example/x"),
        ("https://bücher.example/ü?q=ä%20", "https://xn--bcher-kva.example/%C3%BC?q=%C3%A4%20"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://[2606:4700:0:0::1111]:8443/", "https://[2606:4700::1111]:8443/"),
        ("https://1.1.1.1/a;b?c=d&e=%2F", "https://1.1.1.1/a;b?c=d&e=%2F"),
        ("https://a_b.example/x", "https://a_b.example/x"),
    ],
)
def test_what_is_asked_for_is_written_anew(url: str, plain: str) -> None:
    assert read_link(url).url == plain


@given(st.text(max_size=60))
def test_no_text_at_all_gets_past_the_judgement_unjudged(text: str) -> None:
    for url in (text, f"https://{text}/", f"https://{text}@pictures.example/"):
        try:
            link = read_link(url)
        except LunaError as refused:
            assert refused.kind is Kind.BAD_REQUEST
        else:
            assert link.url.isascii()
            assert link.url.startswith(f"https://{'[' if ':' in link.host else ''}{link.host}")
            assert OutRequest("GET", link.url).url == link.url


@given(st.ip_addresses())
def test_only_global_addresses_are_public(address: object) -> None:
    if is_public(str(address)):
        assert getattr(address, "is_global")  # noqa: B009 - both kinds of address have it
        assert not getattr(address, "is_multicast")  # noqa: B009


async def test_the_systems_own_look_up() -> None:
    assert await look_up("127.0.0.1", 443) == ["127.0.0.1"]
    assert set(await look_up("localhost", 443)) <= {"127.0.0.1", "::1"}
