"""Anthropic's content blocks → the neutral parts that hold words, pictures and documents.

Owns what can stand in a message as well as in a tool's result. Calls, results and thinking are `anthropic_turns`.
"""

from luna.model.chat import Attachment, Text
from luna.protocols import attachments
from luna.protocols.anthropic_types import BlockIn, SourceIn
from luna.protocols.attachments import AttachmentKind
from luna.protocols.body import bad_field

Content = Text | Attachment

PICTURES = ("image", "image_url")


def text(block: BlockIn, at: str) -> Text:
    """A block of words. Raises LunaError(BAD_REQUEST)."""
    if block.text is None:
        raise bad_field(f"{at}.text", "is missing.")
    return Text(block.text)


def picture(block: BlockIn, at: str) -> list[Content]:
    """A picture, wherever it is. Raises LunaError(BAD_REQUEST)."""
    return _sourced("image", block, at)


def document(block: BlockIn, at: str) -> list[Content]:
    """A document, led by what the client says about it. What is plain text stays text: nothing need be uploaded
    for the model to read it. Raises LunaError(BAD_REQUEST)."""
    about = [Text(block.context)] if block.context else []
    return [*about, *_sourced("document", block, at)]


def search_result(block: BlockIn, at: str) -> Text:
    """A page that the client found: title, address, words."""
    found = block.content if isinstance(block.content, list) else []
    lines = [block.title, block.source if isinstance(block.source, str) else None]
    return Text("\n".join([*filter(None, lines), *(text(inner, f"{at}.content").text for inner in found)]))


def readable(block: BlockIn, at: str) -> list[Content]:
    """What there is to read in a block of whatever kind: results of the server's own tools come in many."""
    match block.type:
        case "text":
            return [text(block, at)]
        case "image" | "image_url":
            return picture(block, at)
        case "document":
            return document(block, at)
        case "search_result":
            return [search_result(block, at)]
        case "tool_reference":
            return [Text(f"Loaded tool: {block.tool_name}")] if block.tool_name else []
    words = [block.title, block.url, block.text, block.stdout, block.stderr, block.error_code]
    parts: list[Content] = [Text("\n".join(filter(None, words)))] if any(words) else []
    for inner in block.tool_references or ():
        parts += readable(inner, f"{at}.tool_references")
    return parts + contained(block.content, f"{at}.content")


def contained(content: str | list[BlockIn] | BlockIn | None, at: str) -> list[Content]:
    """What there is to read in the content of a result: text, blocks, one block, or nothing."""
    if not content:
        return []
    if isinstance(content, str):
        return [Text(content)]
    if isinstance(content, BlockIn):
        return readable(content, at)
    return [part for index, block in enumerate(content) for part in readable(block, f"{at}.{index}")]


def _sourced(kind: AttachmentKind, block: BlockIn, at: str) -> list[Content]:
    source, param, name = block.source, f"{at}.source", block.title or ""
    if not isinstance(source, SourceIn):
        raise bad_field(param, "is missing.")
    match source.type:
        case "text" if source.data is not None:
            return [Text(f"{name}\n{source.data}" if name else source.data)]
        case "content":
            return contained(source.content, f"{param}.content")
        case "file" if source.file_id:
            return [Attachment(kind, id=source.file_id, name=name)]
    if source.data is not None:
        media_type = source.media_type or ("image/png" if kind == "image" else "application/pdf")
        return [attachments.by_data(source.data, f"{param}.data", media_type=media_type, name=name)]
    if source.url is not None:
        return [attachments.by_url(kind, source.url, f"{param}.url", name)]
    raise bad_field(f"{param}.type", "must be base64, url, file, text or content, with the field that goes with it.")
