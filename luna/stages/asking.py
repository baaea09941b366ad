"""How often one stage has had the model asked again on one flow, and why.

Owns the count, the end of patience, and the notice by which a recording shows what the client does not see. What is
wrong with an answer, and what the model is told, is the stage's business.
"""

import msgspec

from luna.core.stage import Reask
from luna.model.errors import Kind, LunaError
from luna.model.events import Notice


class Asking(msgspec.Struct):
    """Kept in the flow's notes: transducers are fresh after each question."""

    most: int
    """How often the model may be asked again."""
    reasons: list[str] = msgspec.field(default_factory=list)
    _untold: bool = False

    @property
    def repeated(self) -> bool:
        """The answer that is coming is not the first."""
        return bool(self.reasons)

    def again(self, words: str, reason: str, said: str) -> Reask | LunaError:
        """What to raise: the question, or the end of patience. `reason` is a word for recordings, `said` a sentence
        for people."""
        if len(self.reasons) >= self.most:
            times = len(self.reasons) + 1
            return LunaError(
                Kind.UPSTREAM_BROKEN,
                f"Qwen gave no usable answer{f' in {times} attempts' if times > 1 else ''}. {said}",
                hint="Send the request again, choose a stronger model, or raise `attempts` in the pipeline.",
                detail={"reasons": [*self.reasons, reason]},
            )
        self.reasons.append(reason)
        self._untold = True
        return Reask(words, f"{reason}: {said}")

    def notice(self) -> Notice | None:
        """Says, once, that the answer that begins is a further attempt."""
        if not self._untold:
            return None
        self._untold = False
        return Notice("reask", self.reasons[-1], {"attempt": len(self.reasons)})
