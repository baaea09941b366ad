"""What a picture costs, by the size that its own first bytes tell."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.protocols.pictures import picture_tokens, size


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x06\0\0\0"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def jpeg(width: int, height: int, notes: int = 20, frame: int = 0xC2) -> bytes:
    segments = [b"\xff\xe0" + struct.pack(">H", notes + 2) + b"\xc0" * notes, b"\xff\xff\xdb\x00\x03\x00"]
    return b"\xff\xd8" + b"".join(segments) + bytes([0xFF, frame]) + struct.pack(">HBHHB", 17, 8, height, width, 3)


def webp_lossy(width: int, height: int) -> bytes:
    return b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)


def webp_lossless(width: int, height: int) -> bytes:
    return b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + b"\0" * 8


def webp_extended(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + sides


def url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


MAKERS = [png, gif, jpeg, webp_lossy, webp_lossless, webp_extended]


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("sides", [(640, 480), (1, 1), (33, 4000)])
def test_each_format_tells_its_size(maker: object, sides: tuple[int, int]) -> None:
    assert callable(maker)
    assert size(url(maker(*sides))) == sides


def test_a_photo_with_long_notes() -> None:
    assert size(url(jpeg(800, 600, notes=60_000))) == (800, 600)


def test_a_real_picture() -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    assert size(f"data:image/png;base64,{pixel}") == (1, 1)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://x.example/a.png",
        "data:image/png;base64",
        "data:image/svg+xml,%3Csvg/%3E",
        "data:image/png;base64,A",
        "data:image/png;base64,????",
        url(b""),
        url(b"\x89PNG\r\n\x1a\n"),
        url(png(0, 10)),
        url(b"\xff\xd8\xff"),
        url(b"\xff\xd8\xff\xe0\x00\x00" * 3),
        url(b"RIFF\0\0\0\0WEBPVP9X" + b"\0" * 20),
        url(b"GIF89a"),
        url(b"%PDF-1.7"),
    ],
)
def test_where_no_size_is_to_be_seen_it_is_taken_to_be_middling(address: str) -> None:
    assert size(address) is None
    assert picture_tokens(address) == 32 * 32 + 2


@pytest.mark.parametrize(
    ("sides", "tokens"),
    [
        ((1, 1), 4 + 2),
        ((64, 64), 4 + 2),
        ((320, 320), 100 + 2),
        ((640, 480), 20 * 15 + 2),
        ((1024, 1024), 1024 + 2),
        ((100, 2000), 3 * 62 + 2),
    ],
)
def test_a_token_for_each_32_by_32(sides: tuple[int, int], tokens: int) -> None:
    assert picture_tokens(url(png(*sides))) == tokens


def test_a_large_picture_is_scaled_down() -> None:
    assert 2300 <= picture_tokens(url(png(6000, 4000))) <= 2562
    assert picture_tokens(url(png(50, 100_000))) <= 2562


@given(
    st.binary(max_size=80), st.sampled_from([b"", b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
)
def test_no_bytes_are_too_strange(rest: bytes, start: bytes) -> None:
    assert 4 + 2 <= picture_tokens(url(start + rest)) <= 2560 + 2
