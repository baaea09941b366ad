"""What a person may change while luna runs: the settings document, with its defaults.

Owns names, meanings, ranges and defaults; they are LunaProxy's where it had them. Knows neither the file
(`luna.config.preferences`) nor who obeys. Where a pipeline's YAML states an option, the YAML wins: such options are
None by default, and a stage asks here only then.
"""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]
Amount = Annotated[int, Meta(ge=0)]


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of every group."""


class Sanitizer(Group, frozen=True, kw_only=True):
    """What may be left out of an overflow file. Off by default: the file is the whole conversation."""

    enabled: Annotated[bool, Meta(description="Leave noise out of the overflow file.")] = False
    max_environment_file_list: Annotated[Amount, Meta(description="File names kept of an environment listing.")] = 200
    max_message_chars: Annotated[Count, Meta(description="Characters kept of one message.")] = 20_000
    strip_client_tool_protocol: Annotated[bool, Meta(description="Leave out a client's own tool instructions.")] = True
    strip_automated_client_errors: Annotated[bool, Meta(description="Leave out a client's automatic reminders.")] = True
    strip_assistant_tool_failure_echo: Annotated[bool, Meta(description="Leave out “Tool X does not exist”.")] = True
    strip_assistant_thinking: Annotated[bool, Meta(description="Leave out reasoning in tags.")] = True
    strip_assistant_container_confusion: Annotated[
        bool, Meta(description="Leave out answers that talk about the overflow file itself.")
    ] = True
    dedupe_assistant_messages: Annotated[bool, Meta(description="Keep one of several near-equal answers.")] = True
    assistant_similarity_threshold: Annotated[
        float, Meta(ge=0, le=1, description="From which likeness answers count as near-equal.")
    ] = 0.85
    assistant_dedupe_mode: Annotated[
        Literal["normalized-token-jaccard", "exact"], Meta(description="How likeness is measured.")
    ] = "normalized-token-jaccard"
    assistant_keep_strategy: Annotated[
        Literal["latest-clean", "first"], Meta(description="Which of several near-equal answers is kept.")
    ] = "latest-clean"
    max_assistant_messages: Annotated[Amount, Meta(description="Answers kept in the file.")] = 1
    max_tool_result_chars: Annotated[Count, Meta(description="Characters kept of one tool result.")] = 12_000
    max_tool_result_count: Annotated[Amount, Meta(description="Tool results kept in the file.")] = 5
    prioritize_user_messages: Annotated[bool, Meta(description="Put what the user said before everything else.")] = True


class TokenOverflow(Group, frozen=True, kw_only=True):
    """Prompts that are too long to be typed go up as a file."""

    enabled: Annotated[bool, Meta(description="Send a long prompt as a file.")] = True
    threshold: Annotated[
        Amount, Meta(description="Estimated tokens beyond which a prompt goes into a file; 0: never.")
    ] = 60_000
    max_files: Annotated[Count, Meta(description="Overflow files kept locally.")] = 500
    max_age_hours: Annotated[float, Meta(gt=0, description="Hours an overflow file is kept locally.")] = 168.0
    max_total_megabytes: Annotated[Count, Meta(description="Megabytes that the kept overflow files may have.")] = 512
    sanitizer: Sanitizer = Sanitizer()


class OverflowSignal(Group, frozen=True, kw_only=True):
    """Tell the client that its conversation is too long, so that it compacts by itself."""

    enabled: Annotated[bool, Meta(description="May luna refuse a long conversation.")] = True
    mode: Annotated[
        Literal["auto", "signal", "both", "off"],
        Meta(description="auto: clients known to compact by themselves; signal, both: every client; off: nobody."),
    ] = "off"
    signal_threshold_tokens: Annotated[Count, Meta(description="Estimated tokens beyond which it is refused.")] = 90_000


class ScheduledCleanup(Group, frozen=True, kw_only=True):
    """Chats that luna made are deleted from time to time."""

    enabled: Annotated[bool, Meta(description="Delete old chats of luna's on a schedule.")] = False
    mode: Annotated[Literal["proxy-created"], Meta(description="Which chats: only those that luna itself created.")] = (
        "proxy-created"
    )
    interval_hours: Annotated[float, Meta(ge=0.05, description="Hours between two rounds.")] = 1.0
    max_age_hours: Annotated[float, Meta(ge=0, description="Hours since its last use after which a chat goes.")] = 24.0


class ChatCleanup(Group, frozen=True, kw_only=True):
    """When luna deletes the chats that it created in the user's account."""

    enabled: Annotated[bool, Meta(description="May luna delete chats at all (those of its own asides always go).")] = (
        False
    )
    after_response: Annotated[bool, Meta(description="Delete a chat as soon as it was answered in.")] = False
    after_idle_minutes: Annotated[float, Meta(ge=0, description="Minutes without use; 0: never for that.")] = 0.0
    scheduled: ScheduledCleanup = ScheduledCleanup()


class SessionPreferences(Group, frozen=True, kw_only=True):
    """Conversations that go on in the chat they began in."""

    enabled: Annotated[bool, Meta(description="Find the chat of a conversation again.")] = True
    require_explicit_id: Annotated[bool, Meta(description="Only where the client names a session.")] = False
    history_limit: Annotated[Amount, Meta(description="Turns kept for people to read; twice as many messages.")] = 50
    rolling_history_k: Annotated[Amount, Meta(description="Messages sent after a summary; 0: summaries unused.")] = 10
    summary_every_n_turns: Annotated[Amount, Meta(description="Turns between two summaries; 0: never.")] = 0
    summary_max_tokens: Annotated[Count, Meta(description="Length of a summary, in tokens.")] = 800
    summary_input_max_tokens: Annotated[Count, Meta(description="What a summary is made of, in tokens.")] = 6000
    summary_message_max_chars: Annotated[Count, Meta(description="Characters of one message in it.")] = 3000
    summary_include_system_messages: Annotated[bool, Meta(description="System and tool messages too.")] = False
    auto_compact: Annotated[bool, Meta(description="Compact a session that has grown long.")] = False
    compact_after_messages: Annotated[Count, Meta(description="Stored messages that make it long.")] = 40
    compact_model: Annotated[str, Meta(min_length=1, description="The model that summarises.")] = "qwen3.6-plus"
    compact_keep_recent: Annotated[Amount, Meta(description="Messages kept beside the summary.")] = 5
    expire_after_days: Annotated[float, Meta(gt=0, description="Days without use after which one is forgotten.")] = 7.0
    max_sessions: Annotated[Count, Meta(description="Sessions kept; the longest unused go first.")] = 100_000
    overflow_signal: OverflowSignal = OverflowSignal()
    chat_cleanup: ChatCleanup = ChatCleanup()


class MultiThread(Group, frozen=True, kw_only=True):
    """How much may run at once. 0 is no limit."""

    enabled: Annotated[bool, Meta(description="Obey the limits at all.")] = True
    global_max_concurrent_runs: Annotated[Amount, Meta(description="Runs in all.")] = 20
    default_provider_max_concurrent_runs: Annotated[Amount, Meta(description="Runs with one provider.")] = 20
    default_account_max_concurrent_runs: Annotated[Amount, Meta(description="Runs on one account.")] = 4
    default_model_max_concurrent_runs: Annotated[Amount, Meta(description="Runs on one model.")] = 0
    default_worker_max_concurrent_runs: Annotated[Amount, Meta(description="Runs through one worker.")] = 4
    same_provider_chat_policy: Annotated[
        Literal["queue", "new-chat", "reject"],
        Meta(description="A second request in a chat that is answering: wait, begin another chat, or refuse."),
    ] = "queue"
    same_session_write_policy: Annotated[
        Literal["serialize", "parallel"], Meta(description="Requests of one session: one after the other, or at once.")
    ] = "parallel"
    queue_timeout_ms: Annotated[Amount, Meta(description="Milliseconds that a request may wait for its turn.")] = (
        120_000
    )
    run_timeout_ms: Annotated[Amount, Meta(description="Milliseconds that a run may take in all; 0: no limit.")] = (
        1_800_000
    )
    queue_length: Annotated[Amount, Meta(description="Requests that may wait at once; 0: no limit.")] = 1000


class EgressIsolation(Group, frozen=True, kw_only=True):
    """Every request to Qwen leaves through the network profile or the worker of its account, or not at all."""

    enabled: Annotated[bool, Meta(description="Isolate.")] = False
    strict: Annotated[bool, Meta(description="Refuse an egress whose address is the direct one.")] = True
    fallback_to_direct: Annotated[bool, Meta(description="Go out directly when there is no isolated way.")] = False
    verify_before_use: Annotated[bool, Meta(description="Only through an egress whose address was verified.")] = True
    verify_ip_url: Annotated[
        str, Meta(pattern="^https?://", description="Where an egress asks for its own address.")
    ] = "https://api.ipify.org?format=json"
    verify_max_age_minutes: Annotated[float, Meta(gt=0, description="Minutes that a verification counts.")] = 60.0


class TokenLimits(Group, frozen=True, kw_only=True):
    """What luna lets pass, in estimated tokens. null: the model's own limit."""

    enabled: Annotated[bool, Meta(description="Obey the limits.")] = True
    max_input_tokens: Annotated[Count | None, Meta(description="Longer prompts are refused, unless as a file.")] = None
    warn_input_tokens: Annotated[Count | None, Meta(description="Longer prompts are logged.")] = None
    default_max_output_tokens: Annotated[Count | None, Meta(description="For clients that name no limit.")] = None
    max_output_tokens_cap: Annotated[Count | None, Meta(description="Whatever a client names.")] = None


class Logging(Group, frozen=True, kw_only=True):
    """What is kept of runs and logs."""

    max_runs: Annotated[Count, Meta(description="Finished runs kept.")] = 100_000
    max_logs: Annotated[Count, Meta(description="Log lines kept.")] = 20_000
    max_age_days: Annotated[float, Meta(gt=0, description="Days that runs and log lines are kept.")] = 30.0


class Ui(Group, frozen=True, kw_only=True):
    """The admin pages."""

    language: Annotated[Literal["en", "vi", "zh"], Meta(description="Their language.")] = "en"


class Preferences(Group, frozen=True, kw_only=True):
    """All of them: `settings` in data/config.json and on /api/config."""

    token_overflow: TokenOverflow = TokenOverflow()
    session: SessionPreferences = SessionPreferences()
    multi_thread: MultiThread = MultiThread()
    egress_isolation: EgressIsolation = EgressIsolation()
    token_limits: TokenLimits = TokenLimits()
    logging: Logging = Logging()
    ui: Ui = Ui()


class LivePreferences:
    """The preferences in force: the service that everybody asks who obeys one."""

    def __init__(self, current: Preferences | None = None) -> None:
        self.current = current or Preferences()
        self._watchers: list[Callable[[Preferences], None]] = []

    def __repr__(self) -> str:
        return f"<LivePreferences watched by {len(self._watchers)}>"

    def replace(self, preferences: Preferences) -> None:
        """Put new ones in force, for the next request and for everybody who watches."""
        self.current = preferences
        for watcher in self._watchers:
            watcher(preferences)

    def watch(self, watcher: Callable[[Preferences], None]) -> None:
        """Call `watcher` with the new ones after every change. It must be quick and must not raise."""
        self._watchers.append(watcher)
