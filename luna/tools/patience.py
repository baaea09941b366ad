"""Keeps text back that an answer may turn out not to consist of.

Owns how long text waits. As soon as it waits for nothing it goes on as it comes:

    in a further attempt                to the end: next to a call it answers luna and not the user
    while a required call is missing    to the call
    after the upstream denied a tool    as long as it is no longer than an apology
    at the beginning                    as long as it could be a complaint (`luna.tools.complaint`)
"""

from luna.tools import complaint


class Patience:
    """The text of one answer. `sent` is what the client has of all attempts; it grows here."""

    def __init__(self, sent: list[str], *, repeated: bool, required: bool) -> None:
        self.said = False
        """Something has gone on that is no call."""
        self.denied = ""
        """What the upstream said of a tool that it does not have, unless a call or more text followed."""
        self._sent = sent
        self._repeated = repeated
        self._required = required
        self._called = False
        self._kept: list[str] = []
        self._length = 0

    def __repr__(self) -> str:
        return f"<Patience {self._length}{' denied' if self.denied else ''}>"

    def feed(self, text: str) -> str:
        """What may go on now, "" for nothing."""
        self._kept.append(text)
        self._length += len(text)
        return "" if self._must_wait() else self.release()

    def release(self) -> str:
        """What has waited goes on."""
        text = self.news()
        self.drop()
        if text:
            self.said = True
            self.denied = ""
            self._sent.append(text)
        return text

    def called(self) -> str:
        """A call begins for the client: the text that goes before it."""
        if self._repeated:
            self.drop()
        self._called = True
        self.denied = ""
        return self.release()

    def shown(self) -> str:
        """The client is shown something else: the text that goes before it."""
        text = "" if self._required or self._repeated else self.release()
        self.said = True
        return text

    def drop(self) -> None:
        """What has waited is not for the client."""
        self._kept.clear()
        self._length = 0

    def news(self) -> str:
        """The text that waits, without what the client has from an earlier attempt."""
        text = "".join(self._kept)
        if not (self._repeated and self._sent):
            return text
        before = "".join(self._sent)
        text = text.removeprefix(before)
        return f"\n\n{text}" if text.strip() and not before[-1:].isspace() else text

    def _must_wait(self) -> bool:
        if self._repeated or (self._required and not self._called):
            return True
        if self.denied:
            return self._length <= complaint.LONGEST
        return not (self.said or self._called) and complaint.could_become("".join(self._kept))
