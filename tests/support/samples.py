"""Small files of many kinds: as much of each as tells what it is."""

import base64
import io
import zipfile

from luna.demo.media import png

PNG = png(4, 3)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(20)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


def archive(*names: str, first: str = "", content: str = "") -> bytes:
    """A ZIP archive with these empty files, one stored with content before them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        if first:
            made.writestr(first, content)
        for name in names:
            made.writestr(name, "")
    return buffer.getvalue()


def movie(brand: bytes) -> bytes:
    """The beginning of a file of the MPEG-4 family."""
    return b"\0\0\0\x18ftyp" + brand.ljust(4) + b"\0\0\2\0isommp42"


def data_url(data: bytes, media_type: str = "") -> str:
    """The bytes as clients send them."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(24)

KNOWN: dict[str, bytes] = {
    "image/png": PNG,
    "image/jpeg": JPEG,
    "image/gif": b"GIF89a" + bytes(10),
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "image/bmp": b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(20),
    "image/tiff": b"II*\0" + bytes(8),
    "image/heic": movie(b"heic"),
    "image/heif": movie(b"mif1"),
    "application/pdf": PDF,
    "application/rtf": b"{\\rtf1\\ansi x}",
    "application/epub+zip": archive(first="mimetype", content="application/epub+zip"),
    WORD: archive("[Content_Types].xml", "word/document.xml"),
    SHEET: archive("[Content_Types].xml", "xl/workbook.xml"),
    SLIDES: archive("[Content_Types].xml", "ppt/presentation.xml"),
    "audio/mpeg": b"ID3\x04\0\0\0\0\0\0",
    "audio/wav": b"RIFF\x10\0\0\0WAVEfmt ",
    "audio/ogg": b"OggS" + bytes(20),
    "audio/flac": b"fLaC" + bytes(20),
    "audio/amr": b"#!AMR\n" + bytes(10),
    "audio/aac": b"\xff\xf1\x50\x80" + bytes(10),
    "audio/mp4": movie(b"M4A"),
    "video/mp4": movie(b"isom"),
    "video/quicktime": movie(b"qt"),
    "video/3gpp": movie(b"3gp4"),
    "video/webm": b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm",
    "video/x-matroska": b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska",
    "video/x-msvideo": b"RIFF\x10\0\0\0AVI LIST",
    "video/x-flv": b"FLV\x01\x05",
    "video/x-ms-wmv": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(8),
    "video/mpeg": b"\0\0\x01\xba" + bytes(8),
}
"""Media type → a file of it."""
