"""Which files Qwen takes, as what, and how large."""

import pytest

from luna.model.errors import Kind, LunaError
from luna.qwen.file_types import LIMITS, FileKind, check_size, classify, extension
from tests.support.samples import JPEG, KNOWN, OLE, PDF, PNG, WORD, archive


@pytest.mark.parametrize("media_type", KNOWN)
def test_the_bytes_decide(media_type: str) -> None:
    main = media_type.partition("/")[0]
    kind = main if main in ("image", "audio", "video") else "document"
    for declared in ("", media_type, "text/plain", "image/svg+xml"):
        assert classify("x", declared, KNOWN[media_type]) == (kind, media_type)


@pytest.mark.parametrize(
    ("name", "declared", "data", "found"),
    [
        ("photo.png", "image/png", JPEG, ("image", "image/jpeg")),
        ("scan.png", "image/png", PDF, ("document", "application/pdf")),
        ("picture.pdf", "application/pdf", PNG, ("image", "image/png")),
        ("a.doc", "", OLE, ("document", "application/msword")),
        ("a", "application/vnd.ms-excel", OLE, ("document", "application/vnd.ms-excel")),
        ("a.txt", "", b"words", ("document", "text/plain")),
        ("a", "", b"words", ("document", "text/plain")),
        ("a", "application/octet-stream", b"words", ("document", "text/plain")),
        ("a.md", "", b"# words", ("document", "text/markdown")),
        ("a.csv", "text/csv; charset=utf-8", b"a,b", ("document", "text/csv")),
        ("a.json", "", b"{}", ("document", "application/json")),
        ("a.json", "Application/JSON", b"{}", ("document", "application/json")),
        ("a.html", "", b"<p>", ("document", "text/html")),
        ("a.zzz", "text/x-unheard-of", b"words", ("document", "text/x-unheard-of")),
        ("a.pdf", "", b"words that call themselves a PDF", ("document", "text/plain")),
        ("a.mp3", "audio/mp3", b"\0\1\2 no mark", ("audio", "audio/mpeg")),
        ("a.mov", "video/mov", b"\0\1\2 no mark", ("video", "video/quicktime")),
    ],
)
def test_then_the_client_then_the_name(name: str, declared: str, data: bytes, found: tuple[str, str]) -> None:
    assert classify(name, declared, data) == found


@pytest.mark.parametrize(
    ("name", "declared", "data", "says"),
    [
        ("logo.svg", "image/svg+xml", b"<svg/>", "image/svg+xml"),
        ("photo.png", "image/png", b"no picture at all", "image/png"),
        ("photo.png", "image/png", b"\0\1\2", "image/png"),
        ("things.zip", "", archive("a.txt"), "application/zip"),
        ("photo.avif", "", b"\0\0\0\x18ftypavif" + bytes(8), "image/avif"),
        ("a.exe", "", b"MZ\0\1", "of no type that its bytes show"),
        ("a.msi", "", OLE, "of no type"),
        ("a.pdf", "application/pdf", b"\0\1\2", "application/pdf"),
    ],
)
def test_what_is_not_taken_is_named(name: str, declared: str, data: bytes, says: str) -> None:
    with pytest.raises(LunaError) as refused:
        classify(name, declared, data)
    assert refused.value.kind is Kind.UNSUPPORTED_MEDIA_TYPE
    assert f"'{name}'" in refused.value.message
    assert says in refused.value.message


@pytest.mark.parametrize("wanted", ["image", "audio", "video"])
def test_a_page_is_no_picture(wanted: FileKind) -> None:
    with pytest.raises(LunaError, match=r"'cat\.png': it is text/html"):
        classify("cat.png", "text/html", b"<html>please sign in</html>", wanted)
    with pytest.raises(LunaError, match=r"'cat\.png': it is text"):
        classify("cat.png", "", b"Not found", wanted)
    assert classify("cat.png", "", PDF, wanted) == ("document", "application/pdf")


@pytest.mark.parametrize(
    ("media_type", "ending"),
    [
        ("image/png", ".png"), ("image/jpeg", ".jpg"), ("image/jpg", ".jpg"), ("application/pdf", ".pdf"),
        (WORD, ".docx"), ("text/markdown", ".md"), ("text/plain", ".txt"), ("audio/mp3", ".mp3"), ("video/mp4", ".mp4"),
        ("", ""), ("application/octet-stream", ""), ("no/such", ""),
    ],
)  # fmt: skip
def test_endings(media_type: str, ending: str) -> None:
    assert extension(media_type) == ending


@pytest.mark.parametrize(
    ("kind", "limit"), [("image", "20 MB"), ("document", "20 MB"), ("audio", "100 MB"), ("video", "500 MB")]
)
def test_a_file_that_is_too_large_is_named_with_the_limit(kind: FileKind, limit: str) -> None:
    check_size(kind, "a", LIMITS[kind])
    with pytest.raises(LunaError, match="'big one'") as refused:
        check_size(kind, "big one", LIMITS[kind] + 1)
    assert refused.value.kind is Kind.TOO_LARGE
    assert f"Qwen takes {limit} of a" in refused.value.message
