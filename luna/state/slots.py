"""What a run takes up while it runs, and how much of each there is.

Owns the kinds of slots, their names (LunaProxy's), their limits, and the settings that say them. 0 is no limit.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from luna.model.preferences import MultiThread
from luna.state.account import PROVIDER

SlotKind = Literal["global", "provider", "account", "model", "worker", "provider-chat", "session-write"]


class Slot(NamedTuple):
    """One thing of which there is only so much."""

    kind: SlotKind
    name: str = ""

    @property
    def key(self) -> str:
        """How scripts know it: `global`, `provider:qwen-ai`, `account:qwen-ai:ID`, `worker:ID` …"""
        match self.kind:
            case "global":
                return "global"
            case "account" | "provider-chat":
                return f"{self.kind}:{PROVIDER}:{self.name}"
            case _:
                return f"{self.kind}:{self.name}"

    @property
    def reason(self) -> str:
        """How scripts know that it is full."""
        match self.kind:
            case "global":
                return "global_capacity_full"
            case "provider-chat":
                return "provider_chat_queue_timeout"
            case "session-write":
                return "session_write_queue_timeout"
            case _:
                return f"{self.kind}_capacity_full:{self.name}"

    def told(self, active: int, limit: int) -> str:
        """How people are told that it is full."""
        match self.kind:
            case "global":
                return f"global {active} of {limit}"
            case "provider-chat":
                return "the chat is answering another request"
            case "session-write":
                return "another request of the session is running"
            case _:
                return f"{self.kind} {self.name}: {active} of {limit}"

    @property
    def narrow(self) -> bool:
        """Not every run needs it: one may wait for it while others pass by."""
        return self.kind not in ("global", "provider")


GLOBAL = Slot("global")
THE_PROVIDER = Slot("provider", PROVIDER)

SETTINGS: dict[SlotKind, str] = {
    "global": "settings.multiThread.globalMaxConcurrentRuns",
    "provider": "settings.multiThread.defaultProviderMaxConcurrentRuns",
    "account": "settings.multiThread.defaultAccountMaxConcurrentRuns, or the account's own maxConcurrentRuns",
    "model": "settings.multiThread.defaultModelMaxConcurrentRuns",
    "worker": "settings.multiThread.defaultWorkerMaxConcurrentRuns, or the worker's own maxConcurrentRuns",
    "provider-chat": "settings.multiThread.sameProviderChatPolicy",
    "session-write": "settings.multiThread.sameSessionWritePolicy",
}
"""What a person would change."""

Own = Callable[[str], int | None]
"""The limit that an account, or a worker, has of its own; None: as the preferences say."""


def _none(_: str) -> int | None:
    return None


class Limits:
    """How many there are of each slot, as the preferences have it. An account's own limit never limits the provider."""

    def __init__(self, multi_thread: MultiThread, *, account: Own = _none, worker: Own = _none) -> None:
        self._account = account
        self._worker = worker
        self.follow(multi_thread)

    def __repr__(self) -> str:
        return f"<Limits {'on' if self.multi_thread.enabled else 'off'} {self.of(GLOBAL) or 'any number'} in all>"

    def follow(self, multi_thread: MultiThread) -> None:
        """These preferences hold from now on."""
        self.multi_thread = multi_thread
        said: dict[SlotKind, int] = {
            "global": multi_thread.global_max_concurrent_runs,
            "provider": multi_thread.default_provider_max_concurrent_runs,
            "account": multi_thread.default_account_max_concurrent_runs,
            "model": multi_thread.default_model_max_concurrent_runs,
            "worker": multi_thread.default_worker_max_concurrent_runs,
            "provider-chat": 1,
            "session-write": 1 if multi_thread.same_session_write_policy == "serialize" else 0,
        }
        self._said = said if multi_thread.enabled else dict.fromkeys(said, 0)
        own = ("account", "worker") if multi_thread.enabled else ()
        self.fixed = {kind: limit for kind, limit in self._said.items() if kind not in own}
        """Of the kinds whose limit is the same whatever the slot is called."""

    def of(self, slot: Slot) -> int:
        """How many runs may hold it at once; 0: any number."""
        kind, name = slot
        if kind in self.fixed:
            return self.fixed[kind]
        own = self._account(name) if kind == "account" else self._worker(name)
        return self._said[kind] if own is None else own
