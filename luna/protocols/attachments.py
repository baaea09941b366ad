"""Pictures, documents, films and sounds as clients hand them over: by URL or as base64.

Owns what the address itself says (scheme, media type). Never fetches and never decodes anything.
"""

from typing import Literal

from luna.model.chat import Attachment
from luna.model.media_names import type_of
from luna.protocols.body import bad_field

AttachmentKind = Literal["image", "document", "video", "audio"]


def by_url(kind: AttachmentKind, url: str, param: str, name: str = "") -> Attachment:
    """An attachment at an http(s) address or in a `data:` URL. Raises LunaError(BAD_REQUEST)."""
    scheme, _, rest = url.partition(":")
    if scheme.lower() not in ("http", "https", "data"):
        raise bad_field(param, "must be an http, https or data URL.")
    media_type = rest.partition(",")[0].partition(";")[0].strip().lower() if scheme.lower() == "data" else ""
    return Attachment(kind, url=url, name=name, media_type=media_type)


def by_data(data: str, param: str, *, media_type: str = "", name: str = "") -> Attachment:
    """An attachment of bytes: a data URL as it is, bare base64 made into one. What it is (image, document …)
    follows from its media type, which the file's name tells where nothing else does. Raises LunaError(BAD_REQUEST)."""
    if data[:5].lower() != "data:":
        guessed = media_type or type_of(name) or "application/octet-stream"
        data = f"data:{guessed};base64,{data}"
    attachment = by_url("document", data, param, name)
    attachment.kind = kind_of(attachment.media_type)
    return attachment


def kind_of(media_type: str) -> AttachmentKind:
    """What a media type is to the upstream: everything that is no image, video or audio is a document."""
    match media_type.partition("/")[0]:
        case "image":
            return "image"
        case "video":
            return "video"
        case "audio":
            return "audio"
        case _:
            return "document"
