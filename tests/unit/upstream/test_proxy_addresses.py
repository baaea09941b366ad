"""A proxy's URL: what is understood, what is refused, and that its login never shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.upstream.proxy_address import ProxyAddress


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "user", "password"),
    [
        ("http://proxy.example:3128", "http", "proxy.example", 3128, "", ""),
        ("http://proxy.example", "http", "proxy.example", 80, "", ""),
        ("https://proxy.example/", "https", "proxy.example", 443, "", ""),
        ("socks5://10.0.0.1", "socks5", "10.0.0.1", 1080, "", ""),
        ("socks5h://a:b@10.0.0.1:9", "socks5", "10.0.0.1", 9, "a", "b"),
        ("socks://h:1", "socks5", "h", 1, "", ""),
        (" http://us%40er:p%3A%2Fw@[::1]:8080 ", "http", "::1", 8080, "us@er", "p:/w"),
        ("HTTP://PROXY.example:1", "http", "proxy.example", 1, "", ""),
        ("socks5://user@h", "socks5", "h", 1080, "user", ""),
    ],
)
def test_it_is_read(url: str, scheme: str, host: str, port: int, user: str, password: str) -> None:
    address = ProxyAddress.parse(url)
    assert (address.scheme, address.host, address.port, address.user, address.password) == (
        scheme,
        host,
        port,
        user,
        password,
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy.example:3128",
        "ftp://h",
        "socks4://h",
        "http://",
        "http://:80",
        "http://h:0",
        "http://h:99999",
        "http://h:port",
        "http://h/path",
        "http://h?x=1",
        "http://h#x",
        "http://a b:1",
        "http://hö.example",
        "http://[::1",
        "http://us%3Aer:pw@h",
        f"socks5://{'u' * 256}:pw@h",
        f"socks5://u:{'p' * 256}@h",
        "socks5://:pw@h",
    ],
)
def test_it_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"^it"):
        ProxyAddress.parse(url)


def test_neither_its_words_nor_its_repr_show_the_login() -> None:
    address = ProxyAddress.parse("http://somebody:geheim@[2001:db8::1]:3128")
    assert str(address) == "http://[2001:db8::1]:3128"
    assert "somebody" not in repr(address)
    assert "geheim" not in repr(address)


@given(st.text())
def test_a_refusal_repeats_nothing(text: str) -> None:
    marked = f"http://xXuserXx:xXsecretXx@{text}"
    try:
        address = ProxyAddress.parse(marked)
    except ValueError as error:
        assert "xX" not in str(error)
    else:
        assert "xXsecretXx" not in f"{address} {address!r}"
