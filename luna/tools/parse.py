"""Reads XML, strictly: what is not well-formed is nobody's XML, and no value is ever guessed from it.

Owns the one XML parser. It never repairs: a repairing parser loses text without a word. Where it refuses, callers
take the text between the tags as it is.

The parser turns carriage returns into line feeds (XML 1.0, section 2.11). They are kept out of its hands.
"""

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from lxml import etree

_RETURN = "\ue00d"
"""Stands for a carriage return while the parser has the text. From the private use area; a text with it is refused."""


class Node(msgspec.Struct, frozen=True):
    """An element: either text or children."""

    tag: str
    text: str
    children: "tuple[Node, ...]" = ()


def text_of(raw: str) -> str | None:
    """The text that `raw` stands for, references and CDATA sections resolved; None when it is not well-formed, or
    holds more than text."""
    root = _root(raw)
    if root is None or len(root):
        return None
    return _restored(root.text or "")


def tree_of(raw: str) -> tuple[Node, ...] | None:
    """The elements that `raw` consists of; None when it is not well-formed, or has text between elements."""
    root = _root(raw)
    if root is None or not len(root):
        return None
    node = _node(root)
    return None if node is None else node.children


def _root(raw: str) -> "etree._Element | None":
    if _RETURN in raw:
        return None
    from lxml import etree  # four megabytes, which nobody needs before the first value in XML

    parser = etree.XMLParser(recover=False, resolve_entities=False, no_network=True, remove_comments=False)
    try:
        return etree.fromstring(f"<v>{raw.replace(chr(13), _RETURN)}</v>".encode(), parser)
    except (etree.XMLSyntaxError, UnicodeError):
        return None


def _node(element: "etree._Element") -> Node | None:
    if not isinstance(element.tag, str):
        return None  # a comment or a processing instruction
    if not len(element):
        return Node(element.tag, _restored(element.text or ""))
    if any((text or "").strip() for text in (element.text, *(child.tail for child in element))):
        return None
    children = [_node(child) for child in element]
    known = tuple(child for child in children if child is not None)
    return Node(element.tag, "", known) if len(known) == len(children) else None


def _restored(text: str) -> str:
    return text.replace(_RETURN, "\r")
