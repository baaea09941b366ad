"""Which files Qwen takes, as what, and how large they may be (wire document section 6).

Pure. Owns the table of media types and the rules by which a file's bytes, its name and what the client calls it
together make one. Knows neither attachments nor uploads.
"""

from typing import Literal

from luna.model.errors import Kind, LunaError
from luna.model.media_names import ending_of, type_of
from luna.upstream import sniff

FileKind = Literal["image", "document", "video", "audio"]

LIMITS: dict[FileKind, int] = {
    "image": 20_000_000,
    "document": 20_000_000,
    "audio": 100_000_000,
    "video": 500_000_000,
}
"""Bytes that one file may have."""

_IMAGES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/tiff": ".tiff",
    "image/heic": ".heic",
    "image/heif": ".heif",
}
_SOUNDS = {
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/amr": ".amr",
    "audio/3gpp": ".3gp",
}
_FILMS = {
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "video/x-msvideo": ".avi",
    "video/x-matroska": ".mkv",
    "video/x-flv": ".flv",
    "video/3gpp": ".3gp",
    "video/mpeg": ".mpg",
    "video/x-ms-wmv": ".wmv",
}
_OFFICE = {
    "application/pdf": ".pdf",
    "application/rtf": ".rtf",
    "application/epub+zip": ".epub",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
}
_OLD_OFFICE = ("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint")
_TEXTS = {
    "application/json": ".json",
    "application/xml": ".xml",
    "application/yaml": ".yaml",
    "application/x-yaml": ".yaml",
    "application/toml": ".toml",
    "application/javascript": ".js",
    "application/sql": ".sql",
    "application/x-sh": ".sh",
    "application/x-ndjson": ".jsonl",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/css": ".css",
    "text/javascript": ".js",
    "text/x-python": ".py",
}
_SAME = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-aac": "audio/aac",
    "audio/x-flac": "audio/flac",
    "video/avi": "video/x-msvideo",
    "video/mov": "video/quicktime",
    "video/mkv": "video/x-matroska",
    "application/x-pdf": "application/pdf",
    "text/rtf": "application/rtf",
    "text/xml": "application/xml",
}
"""Other names of the same thing."""
_TAKEN: dict[str, FileKind] = {
    **dict.fromkeys(_IMAGES, "image"),
    **dict.fromkeys(_SOUNDS, "audio"),
    **dict.fromkeys(_FILMS, "video"),
    **dict.fromkeys(_OFFICE, "document"),
}
_ENDING_OF = {**_IMAGES, **_SOUNDS, **_FILMS, **_OFFICE, **_TEXTS}
_TYPE_OF = {ending: media_type for media_type, ending in reversed(_ENDING_OF.items())}


def classify(name: str, declared: str, data: bytes, wanted: FileKind = "document") -> tuple[FileKind, str]:
    """What a file is to Qwen, and its media type. The bytes decide where they tell; then what the client says; then
    the name. Text is never what was `wanted` as a picture: it is the page around it, or an error. Raises
    LunaError(UNSUPPORTED_MEDIA_TYPE), which names the file."""
    declared, named = _plain(declared), _named(name)
    found = sniff.media_type(data)
    if found == sniff.OLE:
        found = next((told for told in (declared, named) if told in _OLD_OFFICE), "")
    if found:
        if found not in _TAKEN:
            raise _not_taken(name, found)
        return _TAKEN[found], found
    if sniff.is_text(data):
        if wanted != "document" or declared.startswith(("image/", "audio/", "video/")):
            raise _not_taken(name, declared or "text")
        told = next((told for told in (declared, named) if told.startswith("text/") or told in _TEXTS), "text/plain")
        return "document", told
    if declared in _SOUNDS or declared in _FILMS:  # not every recording begins with a mark
        return _TAKEN[declared], declared
    raise _not_taken(name, declared or "of no type that its bytes show")


def extension(media_type: str) -> str:
    """What a file of that type is commonly called at its end, `.png`; "" where nothing is common."""
    plain = _plain(media_type)
    return _ENDING_OF.get(plain) or ending_of(plain)


def check_size(kind: FileKind, name: str, size: int) -> None:
    """Raises LunaError(TOO_LARGE), which names the file and the limit."""
    limit = LIMITS[kind]
    if size > limit:
        raise LunaError(
            Kind.TOO_LARGE,
            f"'{name}' has {size / 1_000_000:.1f} MB, and Qwen takes {limit // 1_000_000} MB of {_article(kind)}.",
            hint="Send a smaller one.",
        )


def _named(name: str) -> str:
    """What a file of that name commonly is."""
    ending = f".{name.rpartition('.')[2].lower()}"
    return _TYPE_OF.get(ending) or _plain(type_of(name))


def _plain(media_type: str) -> str:
    """In lower case, without parameters, by the name that is used here; "" for the name that says nothing."""
    plain = media_type.partition(";")[0].strip().lower()
    plain = _SAME.get(plain, plain)
    return "" if plain in ("application/octet-stream", "binary/octet-stream") else plain


def _article(kind: FileKind) -> str:
    return f"an {kind}" if kind in ("image", "audio") else f"a {kind}"


def _not_taken(name: str, media_type: str) -> LunaError:
    return LunaError(
        Kind.UNSUPPORTED_MEDIA_TYPE,
        f"Qwen does not take '{name}': it is {media_type[:80]}.",
        hint="Send a picture (PNG, JPEG, WebP, GIF, BMP), a PDF or office document, a text, a film or a sound file.",
    )
