"""What a stage has changed: in a document, field by field; in a stream, batch by batch.

Owns what counts as one change and how much of it is shown. Pure, and bounded: a change of megabytes costs a look at
them, and is told shortly.
"""

import difflib
import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from luna.model.events import StreamEvent

MOST = 200
"""Changes that are told of one document, and batches of one stream."""
SHOWN = 4000
"""Characters shown of a value."""
LINES = 400
"""Lines on either side up to which texts are compared line by line."""

_HUNK = re.compile(r"^@@ -(?P<old>\d+)(?P<olds>,\d+)? \+(?P<new>\d+)(?P<news>,\d+)? @@")

Batches = list[list[StreamEvent]]


class Change(msgspec.Struct):
    """`path` as in `messages[2].parts[0].text`. A text of several lines that is only changed has a `diff` (unified);
    other values stand in `before` and `after`, as JSON or as the text itself, cut where `cut` says so."""

    op: Literal["added", "removed", "changed"]
    path: str
    before: str = ""
    after: str = ""
    diff: str = ""
    cut: bool = False


class BatchChange(msgspec.Struct):
    """Batch number `n` (from 1): its events as JSON, one to a line."""

    n: int
    before: list[str] = []
    after: list[str] = []


def document_changes(before: object, after: object) -> tuple[list[Change], bool]:
    """What is different in `after`; both are what msgspec can encode. True when there is more than is told."""
    found: list[Change] = []
    for change in _differ(msgspec.to_builtins(before), msgspec.to_builtins(after), ""):
        if len(found) == MOST:
            return found, True
        found.append(change)
    return found, False


def batch_changes(before: Batches | None, after: Batches) -> tuple[list[BatchChange], bool]:
    """The batches that are others in `after`; all of them where there is no `before`."""
    found: list[BatchChange] = []
    for number, batch in enumerate(after, 1):
        old = before[number - 1] if before is not None and number <= len(before) else []
        if before is not None and old == batch:
            continue
        if len(found) == MOST:
            return found, True
        found.append(BatchChange(number, _lines(old), _lines(batch)))
    return found, False


def _differ(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            inner = f"{path}.{name}" if path else str(name)
            if name not in after:
                yield _removed(inner, before[name])
            elif name not in before:
                yield _added(inner, after[name])
            else:
                yield from _differ(before[name], after[name], inner)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _differ_lists(before, after, path)
    else:
        yield _changed(path, before, after)


def _differ_lists(before: list[Any], after: list[Any], path: str) -> Iterator[Change]:
    """What they share at both ends is passed over; what is between is compared one by one."""
    shorter = min(len(before), len(after))
    start = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    end = next((i for i in range(shorter - start) if before[-1 - i] != after[-1 - i]), shorter - start)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    for offset in range(max(len(old), len(new))):
        inner = f"{path}[{start + offset}]"
        if offset >= len(new):
            yield _removed(inner, old[offset])
        elif offset >= len(old):
            yield _added(inner, new[offset])
        else:
            yield from _differ(old[offset], new[offset], inner)


def _added(path: str, value: Any) -> Change:
    text, cut = _shown(value)
    return Change("added", path, after=text, cut=cut)


def _removed(path: str, value: Any) -> Change:
    text, cut = _shown(value)
    return Change("removed", path, before=text, cut=cut)


def _changed(path: str, before: Any, after: Any) -> Change:
    if isinstance(before, str) and isinstance(after, str) and ("\n" in before or "\n" in after):
        diff = _text_diff(before.split("\n"), after.split("\n"))
        if diff:
            return Change("changed", path, diff=diff[:SHOWN], cut=len(diff) > SHOWN)
    (old, old_cut), (new, new_cut) = _shown(before), _shown(after)
    return Change("changed", path, before=old, after=new, cut=old_cut or new_cut)


def _shown(value: Any) -> tuple[str, bool]:
    text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return text[:SHOWN], len(text) > SHOWN


def _text_diff(before: list[str], after: list[str]) -> str:
    """Empty where too much is different for a comparison to be quick."""
    shorter = min(len(before), len(after))
    start = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    end = next((i for i in range(shorter - start) if before[-1 - i] != after[-1 - i]), shorter - start)
    if max(len(before), len(after)) - start - end > LINES:
        return ""
    around = max(0, start - 3)
    old, new = before[around : len(before) - end + 3], after[around : len(after) - end + 3]
    lines = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    return "\n".join(_HUNK.sub(lambda hunk: _further(hunk, around), line) for line in lines)


def _further(hunk: re.Match[str], lines: int) -> str:
    """A hunk's head, so many lines further down."""
    old, new = (int(hunk[group]) + lines for group in ("old", "new"))
    return f"@@ -{old}{hunk['olds'] or ''} +{new}{hunk['news'] or ''} @@"


def _lines(batch: list[StreamEvent]) -> list[str]:
    return [msgspec.json.encode(event).decode()[:SHOWN] for event in batch]
