"""The overflow document without its noise: what the user wants first, then what is needed to go on with it.

Owns what is kept, in which sections, and the account of what was left out. Off by default, because it loses things
that only a person can know not to need: the complete form is `luna.conversation.overflow`. Every piece stands in a
block of its own, numbered by its turn, so that no content can look like a section.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from luna.conversation.blocks import block, escape
from luna.conversation.classify import PLAIN, Nature, Piece, pieces, shortened
from luna.conversation.overflow import NO_MARKS, Marks, turn
from luna.conversation.similarity import likeness, words
from luna.model.chat import Message
from luna.model.preferences import Sanitizer

MOST_COMPARED = 100
"""With so many different answers before it one is compared: repetitions stand near one another."""
NO_TASK = "(No message of the user's says what is wanted: go on with what the context shows.)"


class ActiveTask(msgspec.Struct, frozen=True):
    """What the user wants now."""

    text: str
    number: int
    """Of the turn that says so, from 1; -1 when none does."""
    confidence: str
    source: str


class Sanitized(msgspec.Struct, frozen=True):
    """A conversation without its noise."""

    task: ActiveTask
    sections: tuple[tuple[str, str], ...]
    """Titles and what stands below them, in order; empty ones are left out."""
    counts: Counter[str]
    """Pieces that were left out, by why."""
    kept: int
    """Turns of which something was kept."""
    left_out: int
    """Turns of which nothing was."""

    def document(self, header: str) -> str:
        """All of it, below the header."""
        sections = (f"{title}:\n{content}" for title, content in self.sections)
        return "\n\n".join((escape(header.strip("\n")), *sections)) + "\n"


def sanitize(messages: Sequence[Message], wanted: Sanitizer, marks: Marks = NO_MARKS) -> Sanitized:
    """Judge every piece of the messages and keep what `wanted` says. `wanted.enabled` is the caller's business."""

    def written(kept: Iterable[Piece]) -> str:
        return "\n".join(text for piece in kept for text in _blocks(shortened(piece, wanted), marks))

    judged = pieces(messages, wanted)
    out = _LeftOut()
    for piece in judged:
        if piece.nature is Nature.NOISE:
            out.note([piece], piece.why)
    task = _active_task(judged, wanted)
    users = [piece for piece in judged if piece.role == "user" and piece.nature in (Nature.TASK, Nature.ATTACHED)]
    context = _context(judged, out)
    results = _with_calls(_newest(_of(judged, Nature.RESULT), wanted.max_tool_result_count, out), judged, out)
    answers = _answers(judged, wanted, out)
    said = [piece for piece in users if piece.number != task.number or piece.nature is Nature.ATTACHED]
    from_user = ("RECENT_REAL_USER_MESSAGES", written(said))
    sections = [
        ("ACTIVE_USER_TASK", block(task.text, n=str(task.number), role="user") if task.number > 0 else task.text),
        ("TASK_SOURCE", f"turn {task.number}, confidence {task.confidence}, {task.source}"),
        ("RELEVANT_CONTEXT", written(context)),
        ("TOOL_RESULT_CONTEXT", written(results)),
        ("RECENT_USEFUL_ASSISTANT_MESSAGES", written(answers)),
        ("IGNORED_NOISE_SUMMARY", "\n".join(f"{why}: {len(turns)}" for why, turns in sorted(out.turns.items()))),
        ("SANITIZER_DECISIONS", "\n".join(f"{why}: turns {_list(turns)}" for why, turns in sorted(out.turns.items()))),
    ]
    sections.insert(2 if wanted.prioritize_user_messages else 3, from_user)
    kept = {piece.number for piece in (*users, *answers, *results, *context)}
    return Sanitized(
        task=task,
        sections=tuple((title, content) for title, content in sections if content),
        counts=Counter({why: len(turns) for why, turns in out.turns.items()}),
        kept=len(kept),
        left_out=len(messages) - len(kept),
    )


class _LeftOut:
    """The account of what is not in the document: why, and of which turns."""

    def __init__(self) -> None:
        self.turns: dict[str, list[int]] = {}

    def note(self, left_out: Iterable[Piece], why: str) -> None:
        for piece in left_out:
            self.turns.setdefault(why, []).append(piece.number)


def _list(turns: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(set(turns)))


def _of(judged: Iterable[Piece], *natures: Nature) -> list[Piece]:
    return [piece for piece in judged if piece.nature in natures]


def _newest(found: Sequence[Piece], most: int, out: _LeftOut) -> list[Piece]:
    """The last so many of them."""
    older = max(0, len(found) - most)
    out.note(found[:older], f"older_{found[0].nature.value}" if found else "")
    return list(found[older:])


def _active_task(judged: Sequence[Piece], wanted: Sanitizer) -> ActiveTask:
    """What the newest turn says in which the user wants something; in it the weightiest evidence counts."""
    tasks = [piece for piece in _of(judged, Nature.TASK) if piece.role == "user"]
    if not tasks:
        return ActiveTask(NO_TASK, -1, "low", "fallback")
    newest = [piece for piece in tasks if piece.number == tasks[-1].number]
    weightiest = min(piece.weight for piece in newest)
    told = [shortened(piece, wanted) for piece in newest if piece.weight == weightiest]
    confidence = "medium" if told[0].why == PLAIN else "high"
    return ActiveTask("\n\n".join(piece.text for piece in told), told[0].number, confidence, told[0].why)


def _context(judged: Sequence[Piece], out: _LeftOut) -> list[Piece]:
    """What is known beside the conversation's own words; of the environment, as it is now."""
    environments = _newest(_of(judged, Nature.ENVIRONMENT), 1, out)
    beside = [piece for piece in _of(judged, Nature.ATTACHED) if piece.role != "user"]
    return sorted([*_of(judged, Nature.CONTEXT), *beside, *environments], key=lambda piece: piece.number)


def _answers(judged: Sequence[Piece], wanted: Sanitizer, out: _LeftOut) -> list[Piece]:
    answers = _of(judged, Nature.ANSWER)
    if wanted.dedupe_assistant_messages:
        groups = _groups(answers, wanted)
        kept = sorted(_of_group(group, answers, wanted) for group in groups)
        repeated = [answer for position, answer in enumerate(answers) if position not in set(kept)]
        out.note(repeated, "duplicate_assistant")
        answers = [answers[position] for position in kept]
    return _newest(answers, wanted.max_assistant_messages, out)


def _groups(answers: Sequence[Piece], wanted: Sanitizer) -> list[list[int]]:
    """The positions of answers that are near-equal to the first of their group."""
    exact = wanted.assistant_dedupe_mode == "exact"
    said = [frozenset((answer.text.strip(),)) if exact else words(answer.text) for answer in answers]
    least = 1.0 if exact else wanted.assistant_similarity_threshold
    groups: list[list[int]] = []
    for position, theirs in enumerate(said):
        near = groups[-MOST_COMPARED:]
        group = next((group for group in near if likeness(said[group[0]], theirs, least) >= least), None)
        if group is None:
            groups.append([position])
        else:
            group.append(position)
    return groups


def _of_group(group: Sequence[int], answers: Sequence[Piece], wanted: Sanitizer) -> int:
    """The one that is kept: the first, or the last that is no noise."""
    if wanted.assistant_keep_strategy == "first":
        return group[0]
    return next((position for position in reversed(group) if not answers[position].why), group[-1])


def _with_calls(results: Sequence[Piece], judged: Sequence[Piece], out: _LeftOut) -> list[Piece]:
    """The results, before each round of them the calls that they answer: those of the turn before."""
    calls = _of(judged, Nature.CALL)
    shown: list[Piece] = []
    rounds: set[int] = set()
    for result in results:
        made = max((call.number for call in calls if call.number < result.number), default=0)
        if made not in rounds:
            shown += [call for call in calls if call.number == made]
            rounds.add(made)
        shown.append(result)
    out.note((call for call in calls if call.number not in rounds), "older_tool_call")
    return shown


def _blocks(piece: Piece, marks: Marks) -> Iterable[str]:
    """What the user wants says by which evidence."""
    if piece.nature is Nature.TASK:
        return [block(piece.text, n=str(piece.number), role="user", name=piece.name or None, as_=piece.why)]
    return turn(Message(piece.role, [piece.part], piece.name), piece.number, marks)
