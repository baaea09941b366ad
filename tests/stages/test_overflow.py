"""`overflow`: what becomes of a prompt that is too long, before anything is sent."""

import logging
from typing import Any

import msgspec
import pytest

from luna.core.services import Services
from luna.model.ambient import ManualClock
from luna.model.chat import Attachment, ChatRequest, Message, Text, Thought, Tool
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind, LunaError, OptionError
from luna.model.preferences import (
    LivePreferences,
    OverflowSignal,
    Preferences,
    SessionPreferences,
    TokenLimits,
    TokenOverflow,
)
from luna.qwen.catalogue import Catalogue, shipped
from luna.stages.overflow import MOST_FILE_BYTES, OVERFLOW, Overflow, OverflowPlan
from luna.tools.profiles import PROFILES, SUMMARY_REQUESTS
from tests.support.overflow import PROMPTS
from tests.support.play import Play, a_chat, a_client

DIGITS = "1" * 1000
"""1000 tokens by luna's estimate."""
TOOLS = [Tool("Bash"), Tool("Read")]
CLAUDE_CODE = a_client(user_agent="claude-cli/2.1.330", path="/v1/messages")
SOMEBODY = a_client(user_agent="litellm/1.106.2")


def thousands(times: int, *, known: int = 0) -> ChatRequest:
    """A conversation of so many turns of 1000 tokens, the first of them known to the chat."""
    chat = a_chat(*([DIGITS] * times))
    for message in chat.messages[:known]:
        message.known = True
    chat.tools = TOOLS
    return chat


def play(
    options: dict[str, Any] | None = None,
    preferences: Preferences | None = None,
    *,
    chat: ChatRequest | None = None,
    client: ClientRequest = SOMEBODY,
) -> Play[Overflow]:
    services = Services()
    if preferences is not None:
        services.provide(LivePreferences, LivePreferences(preferences))
    return Play(Overflow, options, chat=chat, client=client, prompts=PROMPTS, services=services)


def planned(playing: Play[Overflow]) -> OverflowPlan:
    playing.stage.request(playing.flow)
    return playing.flow.notes[OVERFLOW]


def refused(playing: Play[Overflow]) -> LunaError:
    with pytest.raises(LunaError) as caught:
        playing.stage.request(playing.flow)
    assert caught.value.kind is Kind.CONTEXT_OVERFLOW
    return caught.value


def overflow(**changed: Any) -> Preferences:
    return Preferences(token_overflow=msgspec.structs.replace(TokenOverflow(), **changed))


def limits(*, file: bool = False, **changed: Any) -> Preferences:
    return Preferences(
        token_limits=msgspec.structs.replace(TokenLimits(), **changed), token_overflow=TokenOverflow(enabled=file)
    )


def signal(mode: str, threshold: int = 1500, *, enabled: bool = True) -> Preferences:
    said = OverflowSignal(enabled=enabled, mode=mode, signal_threshold_tokens=threshold)  # type: ignore[arg-type]
    return Preferences(session=SessionPreferences(overflow_signal=said))


# When a file is wanted


@pytest.mark.parametrize(
    ("options", "preferences", "threshold"),
    [
        ({}, None, 60_000),
        ({}, overflow(threshold=500), 500),
        ({}, overflow(threshold=0), None),
        ({}, overflow(enabled=False), None),
        ({"threshold": 800}, overflow(threshold=500), 800),
        ({"threshold": 0}, overflow(threshold=500), None),
        ({"enabled": True}, overflow(enabled=False, threshold=500), 500),
        ({"enabled": False}, overflow(threshold=500), None),
    ],
)
def test_the_pipelines_word_counts_before_the_preferences(
    options: dict[str, Any], preferences: Preferences | None, threshold: int | None
) -> None:
    plan = planned(play(options, preferences))
    assert plan.threshold == threshold
    if threshold is None:
        assert not plan.wants("1" * 1_000_000)
    else:
        assert not plan.wants("1" * threshold)
        assert plan.wants("1" * (threshold + 1))


def test_a_change_of_the_preferences_is_in_force_for_the_next_request() -> None:
    live = LivePreferences(overflow(threshold=500))
    playing = play()
    playing.flow.services.provide(LivePreferences, live)
    assert planned(playing).threshold == 500
    live.replace(overflow(threshold=700))
    assert planned(playing).threshold == 700


def test_what_is_beyond_the_maximum_goes_into_a_file_even_below_the_threshold() -> None:
    plan = planned(play({"threshold": 5000, "max-input": 1000}))
    assert plan.wants("1" * 1001) and not plan.wants("1" * 1000)
    assert plan.surely_wants([Message("user", [Text("1" * 4000)])])
    pictures = [Attachment("image", url=f"https://pictures.example/{n}.png") for n in range(20)]
    assert not plan.surely_wants([Message("user", [Text("hi"), *pictures])]), "they are not typed"
    assert plan.fits_inline("1" * 1000) and not plan.fits_inline("1" * 1001)


# What may be sent at all


def test_beyond_the_maximum_a_prompt_is_refused_unless_as_a_file() -> None:
    error = refused(play({}, limits(max_input_tokens=1500), chat=thousands(2)))
    assert error.detail["maximum"] == 1500
    length = error.detail["tokens"]
    assert isinstance(length, int) and 2000 <= length <= 2020
    planned(play({}, limits(max_input_tokens=1500, file=True), chat=thousands(2)))
    planned(play({}, limits(max_input_tokens=1500), chat=thousands(1)))


def test_the_pipelines_maximum_counts_before_the_preferences() -> None:
    assert (
        refused(play({"max-input": 1500}, limits(max_input_tokens=9000), chat=thousands(2))).detail["maximum"] == 1500
    )
    planned(play({"max-input": 9000}, limits(max_input_tokens=1500), chat=thousands(2)))


def test_what_the_chat_knows_already_is_not_sent_and_does_not_count() -> None:
    planned(play({}, limits(max_input_tokens=1500), chat=thousands(4, known=3)))
    refused(play({}, limits(max_input_tokens=1500), chat=thousands(4, known=2)))


def test_reasoning_and_bytes_of_attachments_do_not_count() -> None:
    chat = a_chat("hi")
    chat.messages[0].parts += [
        Attachment("image", url="data:image/png;base64," + "1" * 100_000),
        Thought(DIGITS * 100),
    ]
    planned(play({}, limits(max_input_tokens=1500), chat=chat))


def test_without_a_preference_the_models_own_limit_counts() -> None:
    model = max(shipped().models, key=lambda model: model.context)
    chat = thousands(1)
    chat.model = chat.target = model.id
    playing = play({}, limits(), chat=chat)
    playing.flow.services.provide(Catalogue, Catalogue(ManualClock()))
    assert planned(playing).maximum == model.context
    chat.messages = [Message("user", [Text("1" * (model.context + 1))])]
    assert refused(playing).detail["maximum"] == model.context


def test_a_model_that_nobody_knows_has_no_limit() -> None:
    chat = thousands(3)
    chat.model = chat.target = "qwen-of-tomorrow"
    playing = play({}, limits(), chat=chat)
    playing.flow.services.provide(Catalogue, Catalogue(ManualClock()))
    plan = planned(playing)
    assert plan.maximum is None and plan.fits_inline("1" * 10_000_000)


def test_limits_that_are_switched_off_are_not_obeyed() -> None:
    plan = planned(play({}, limits(enabled=False, max_input_tokens=10), chat=thousands(2)))
    assert plan.maximum is None


def test_what_is_too_large_for_a_file_is_refused() -> None:
    chat = a_chat("1" * (MOST_FILE_BYTES + 1))
    refused(play({}, limits(max_input_tokens=1500, file=True), chat=chat))


# Words in the log


def test_a_long_prompt_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    planned(play({}, limits(warn_input_tokens=1500), chat=thousands(1)))
    planned(play({}, limits(warn_input_tokens=1500, enabled=False), chat=thousands(2)))
    assert caplog.messages == []
    playing = play({}, limits(warn_input_tokens=1500), chat=thousands(2))
    planned(playing)
    [line] = caplog.messages
    assert playing.flow.id in line and "warnInputTokens (1500)" in line


# The wish that the client compacts


@pytest.mark.parametrize(
    ("mode", "client", "refuses"),
    [
        ("auto", CLAUDE_CODE, True),
        ("auto", SOMEBODY, False),
        ("signal", CLAUDE_CODE, True),
        ("signal", SOMEBODY, True),
        ("both", SOMEBODY, True),
        ("off", CLAUDE_CODE, False),
        ("off", SOMEBODY, False),
    ],
)
def test_who_is_told_to_compact(mode: str, client: ClientRequest, refuses: bool) -> None:
    playing = play({}, signal(mode), chat=thousands(2), client=client)
    if refuses:
        error = refused(playing)
        assert error.detail["maximum"] == 1500
        assert "compact" in error.told.lower()
    else:
        planned(playing)


def test_nobody_is_told_below_the_threshold_or_when_it_is_switched_off() -> None:
    planned(play({}, signal("both", 5000), chat=thousands(2)))
    planned(play({}, signal("both", enabled=False), chat=thousands(2)))


def test_the_whole_conversation_counts_for_that_known_or_not() -> None:
    refused(play({}, signal("both"), chat=thousands(2, known=2)))


@pytest.mark.parametrize("words", SUMMARY_REQUESTS)
@pytest.mark.parametrize("role", ["user", "system"])
def test_a_request_to_summarise_the_conversation_is_let_through(words: str, role: str) -> None:
    chat = thousands(2)
    chat.messages.insert(2 if role == "user" else 0, Message(role, [Text(f"So: {words} it all.")]))  # type: ignore[arg-type]
    planned(play({}, signal("both"), chat=chat))


def test_an_agents_request_without_tools_is_its_own_aside() -> None:
    chat = thousands(2)
    chat.tools = []
    planned(play({}, signal("both"), chat=chat, client=CLAUDE_CODE))
    refused(play({}, signal("both"), chat=chat, client=SOMEBODY))


def test_the_agents_that_compact_by_themselves_are_those_that_say_so() -> None:
    assert {profile.name for profile in PROFILES if profile.compacts} == {
        "claude-code",
        "qwen-code",
        "opencode",
        "cline",
    }


def test_a_prompt_file_that_is_missing_is_an_error_of_the_configuration() -> None:
    with pytest.raises(OptionError, match="elsewhere/transport"):
        play({"prompts": "elsewhere"})


def test_a_short_prompt_is_never_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The price of a request that is far from every limit is next to nothing."""

    def weigh(text: str) -> int:
        raise AssertionError(f"weighed {text!r}")

    monkeypatch.setattr("luna.protocols.tokens.weight", weigh)
    everything = Preferences(
        session=SessionPreferences(overflow_signal=OverflowSignal(mode="both")),
        token_limits=TokenLimits(max_input_tokens=100_000, warn_input_tokens=50_000),
    )
    plan = planned(play({}, everything, chat=a_chat("hi")))
    assert not plan.wants("hi") and plan.fits_inline("hi")
