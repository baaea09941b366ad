"""Tells what bytes are by how they begin, whatever they are called.

Pure. Owns the marks of the formats that Qwen takes; a format it does not know is "". What is done about one belongs
to whoever asks.
"""

import re

ZIP = "application/zip"
OLE = "application/x-ole-storage"
"""The container of old office documents: which one it is, only its name tells."""

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
    (b"\0\0\x01\xba", "video/mpeg"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS: tuple[tuple[bytes, str], ...] = (
    (b"avif", "image/avif"),
    (b"hei", "image/heic"),
    (b"hev", "image/heic"),
    (b"mif1", "image/heif"),
    (b"M4A", "audio/mp4"),
    (b"M4B", "audio/mp4"),
    (b"qt", "video/quicktime"),
    (b"3g", "video/3gpp"),
    (b"", "video/mp4"),
)
_OFFICE = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_MPEG_AUDIO = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]")
"""A frame's sync word with a layer in it (ISO 11172-3); without a layer it is ADTS."""
_ADTS = re.compile(rb"\xff[\xf0\xf1\xf8\xf9]")


def media_type(data: bytes) -> str:
    """The media type, "" for what none of the marks fits; plain text has none."""
    for beginning, kind in _BEGINNINGS:
        if data.startswith(beginning):
            return kind
    if data[:4] == b"RIFF":
        return _RIFF.get(data[8:12], "")
    if data[:2] == b"BM" and data[14:18] in (b"\x28\0\0\0", b"\x0c\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):
        return "image/bmp"
    if data[4:8] == b"ftyp":
        return next(kind for brand, kind in _BRANDS if data.startswith(brand, 8))
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in data[:64] else "video/x-matroska"
    if data.startswith(b"PK\x03\x04"):
        return _zipped(data)
    if _MPEG_AUDIO.match(data):
        return "audio/mpeg"
    return "audio/aac" if _ADTS.match(data) else ""


def is_text(data: bytes) -> bool:
    """True for what can be read as UTF-8 and holds no control characters but those of text."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(data)


_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def _zipped(data: bytes) -> str:
    """Office documents and books are archives: the names in them tell."""
    if b"mimetypeapplication/epub+zip" in data[:128]:
        return "application/epub+zip"
    return next((kind for folder, kind in _OFFICE if folder in data[:4096] or folder in data[-4096:]), ZIP)
