"""What Qwen's refusals mean: its vocabulary, in one table.

Pure. Owns the words of wire document section 4.6. How a refusal is found in a reply is `luna.qwen.errors`;
what is done about it belongs to whoever made the call.
"""

import re
from collections.abc import Callable

import msgspec

from luna.model.errors import Kind, LunaError
from luna.model.late_pattern import LatePattern

LOGIN_HINT = (
    "Sign in at https://chat.qwen.ai and give luna the new token and cookies"
    " (POST /api/provider/token, or QWEN_AI_TOKEN and QWEN_AI_COOKIES)."
)
NEW_CHAT_HINT = "Start a new chat: leave out providerSessionId."

LONGEST_QUOTE = 300
_TOKEN = re.compile(r"eyJ[\w-]{8,}(\.[\w-]*){0,2}")
_UNAUTHORIZED = LatePattern(
    r"\b401\b|unauthori[sz]ed|token (has |is )?(been )?(expired|revoked|invalid)|sign in again", re.IGNORECASE
)


class Refusal(msgspec.Struct, frozen=True):
    """A refusal in Qwen's own words. `hours` is what it asks to wait, `status` the real status where it is known."""

    code: str = ""
    details: str = ""
    hours: float | None = None
    status: int = 0

    @property
    def word(self) -> str:
        """The code without case and separators: `Too_Many_Requests` and `toomanyrequests` are one."""
        return re.sub(r"[^a-z0-9]", "", self.code.lower())

    def says(self, *phrases: str) -> bool:
        """True when the details hold one of these (lower-case) phrases."""
        text = self.details.lower()
        return any(phrase in text for phrase in phrases)

    @property
    def unauthorized(self) -> bool:
        """True when the details speak of a token that is not accepted."""
        return _UNAUTHORIZED.search(self.details) is not None


class Meaning(msgspec.Struct, frozen=True):
    """What a refusal amounts to. `wait`: seconds until it makes sense to try again, unless Qwen names hours."""

    name: str
    kind: Kind
    what: str
    hint: str = ""
    wait: float | None = None

    def error(self, refusal: Refusal) -> LunaError:
        """The error to raise: our words first, Qwen's own after them."""
        own = quoted(refusal.details or refusal.code)
        asks = "" if refusal.hours is None else f" It asks to wait {refusal.hours:g} h."
        return LunaError(
            self.kind,
            self.what + asks + (f" Qwen says: {own}" if own else ""),
            hint=self.hint,
            retry_after=self.wait if refusal.hours is None else refusal.hours * 3600,
            detail={"meaning": self.name, "code": quoted(refusal.code)[:80], "status": refusal.status},
        )

    def is_told_by(self, error: LunaError) -> bool:
        """True when `error` was made of this."""
        return error.detail.get("meaning") == self.name


LOGIN = Meaning("login", Kind.UPSTREAM_LOGIN, "Qwen does not accept the account's credentials.", LOGIN_HINT)
DAILY_CAP = Meaning(
    "daily-cap",
    Kind.RATE_LIMITED,
    "This Qwen account has reached its usage limit.",
    "Wait, or add another account.",
    wait=3600.0,  # when the hours are not named: one call an hour finds out
)
TOO_FAST = Meaning(
    "too-fast",
    Kind.RATE_LIMITED,
    "Qwen takes no more requests from this account at the moment.",
    "Send fewer requests at a time, or add another account.",
    wait=5.0,
)
ENTITLEMENT = Meaning(
    "entitlement",
    Kind.QUOTA_EXHAUSTED,
    "The quota of this Qwen account is used up.",
    "Wait until it is renewed, or use another account.",
)
TOKEN_QUOTA = Meaning(
    "token-quota",
    Kind.QUOTA_EXHAUSTED,
    "Qwen's token quota for one moment is exceeded, which very long prompts do.",
    "Shorten the conversation, or wait a minute and send it again.",
    wait=60.0,
)
TOO_LONG = Meaning(
    "too-long",
    Kind.CONTEXT_OVERFLOW,
    "The conversation is longer than the model takes.",
    "Shorten it, or choose a model with a larger context.",
)
CHAT_BUSY = Meaning(
    "chat-busy",
    Kind.CHAT_BUSY,
    "The chat is still answering an earlier request.",
    "Wait until that answer has ended, then send the request again.",
    wait=5.0,
)
CHAT_GONE = Meaning(
    "chat-gone",
    Kind.CHAT_GONE,
    "The chat does not exist (any more), or belongs to another account.",
    NEW_CHAT_HINT,
)
PARENT_LOST = Meaning(
    "parent-lost",
    Kind.CHAT_GONE,
    "The chat does not know the answer that this turn should follow.",
    NEW_CHAT_HINT,
)
MODEL_GONE = Meaning(
    "model-gone",
    Kind.MODEL_GONE,
    "Qwen does not offer this model to the account.",
    "GET /v1/models lists what it offers.",
)
FILTERED = Meaning(
    "filtered", Kind.CONTENT_FILTERED, "Qwen's moderation stopped the answer.", "Put the request differently."
)
TRANSIENT = Meaning("transient", Kind.UPSTREAM_TRANSIENT, "Qwen failed internally.", "Send the request again.")
REJECTED = Meaning("rejected", Kind.UPSTREAM_REJECTED, "Qwen refused the request.")

VOCABULARY: tuple[tuple[Callable[[Refusal], bool], Meaning], ...] = (
    # What the details say is more precise than the code, which is `Bad_Request` for half of everything.
    (lambda said: said.says("chat is in progress"), CHAT_BUSY),
    (lambda said: said.word == "parentnotfound" or said.says("parent_id"), PARENT_LOST),
    (lambda said: said.word == "datainspectionfailed" or said.says("content security warning"), FILTERED),
    (lambda said: said.says("allocated quota exceeded", "#token-limit"), TOKEN_QUOTA),
    (lambda said: said.word in {"contextlengthexceeded", "tokenlimit"}, TOO_LONG),
    (lambda said: said.word == "ratelimited" and said.unauthorized, LOGIN),
    (lambda said: said.word == "ratelimited", DAILY_CAP),
    (lambda said: said.word in {"parallellimited", "toomanyrequests"}, TOO_FAST),
    (lambda said: said.word in {"quotalimited", "exceedlimit", "quotaexhausted", "insufficientquota"}, ENTITLEMENT),
    (lambda said: said.word in {"unauthorized", "tokenexpired", "invalidtoken"}, LOGIN),
    (lambda said: said.word == "modelnotfound" or (said.says("model") and said.says("not found")), MODEL_GONE),
    (lambda said: said.word == "chatnotfound" or said.says("chat has been deleted"), CHAT_GONE),
    (lambda said: said.word in {"internalerror", "internalservererror"} or said.says("internal error"), TRANSIENT),
    (lambda said: said.word == "notfound", CHAT_GONE),
    (lambda said: said.word in {"badrequest", "requestvalidationerror"}, REJECTED),
    (lambda said: said.unauthorized, LOGIN),
    # Nothing known was said: the status decides.
    (lambda said: said.status == 401, LOGIN),
    (lambda said: said.status == 413, TOO_LONG),
    (lambda said: said.status == 429, TOO_FAST),
    (lambda said: said.status >= 500, TRANSIENT),
)
"""First match wins; what no row covers is REJECTED."""


def refused(refusal: Refusal) -> LunaError:
    """The error that a refusal is."""
    meaning = next((meaning for applies, meaning in VOCABULARY if applies(refusal)), REJECTED)
    return meaning.error(refusal)


def quoted(words: str) -> str:
    """Qwen's words, fit for a message: one line, of sane length, without anything that looks like a token."""
    line = "".join(letter for letter in " ".join(words.split()) if letter.isprintable())
    line = _TOKEN.sub("[token]", line)
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"
