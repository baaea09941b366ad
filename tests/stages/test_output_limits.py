"""`limit` and the preferences: how long an answer may get where pipeline and client are silent, or say too much."""

from typing import Any

import msgspec
import pytest

from luna.core.services import Services
from luna.model.chat import Limits
from luna.model.events import Finish, StreamEvent, TextDelta
from luna.model.preferences import LivePreferences, Preferences, TokenLimits
from luna.stages.limit import Limit
from tests.support.play import Play, a_chat

DIGITS = "1234567890"
"""Ten tokens by luna's estimate."""


def play(options: dict[str, Any] | None = None, *, asked: int | None = None, **said: Any) -> Play[Limit]:
    services, chat = Services(), a_chat()
    limits = msgspec.structs.replace(TokenLimits(), **said)
    services.provide(LivePreferences, LivePreferences(Preferences(token_limits=limits)))
    chat.limits = Limits(asked)
    return Play(Limit, options, chat=chat, services=services)


def answered(playing: Play[Limit]) -> tuple[str, str]:
    """The text and the reason of an answer of ten tokens."""
    events: list[StreamEvent] = playing.up(*map(TextDelta, DIGITS), Finish("stop"))
    last = events[-1]
    assert isinstance(last, Finish)
    return "".join(event.text for event in events if isinstance(event, TextDelta)), last.reason


@pytest.mark.parametrize(
    ("options", "asked", "said", "most"),
    [
        # nobody says anything: no silent cap
        ({}, None, {}, 10),
        # the default is for clients that name no limit
        ({}, None, {"default_max_output_tokens": 4}, 4),
        ({}, 6, {"default_max_output_tokens": 4}, 6),
        ({}, 20, {"default_max_output_tokens": 4}, 10),
        # the cap is for everybody
        ({}, None, {"max_output_tokens_cap": 3}, 3),
        ({}, 6, {"max_output_tokens_cap": 3}, 3),
        ({}, 2, {"max_output_tokens_cap": 3}, 2),
        ({}, None, {"default_max_output_tokens": 4, "max_output_tokens_cap": 3}, 3),
        ({}, None, {"default_max_output_tokens": 2, "max_output_tokens_cap": 3}, 2),
        # what the pipeline says counts before that
        ({"max-tokens": 5}, None, {"max_output_tokens_cap": 3}, 5),
        ({"max-tokens": 5}, 9, {"max_output_tokens_cap": 3}, 5),
        ({"default-max-tokens": 5}, None, {"default_max_output_tokens": 3}, 5),
        ({"default-max-tokens": 5}, 7, {"default_max_output_tokens": 3}, 7),
        ({"default-max-tokens": 8, "max-tokens": 6}, None, {}, 6),
        ({"default-max-tokens": 5}, None, {"max_output_tokens_cap": 3}, 3),
        # switched off
        ({}, None, {"enabled": False, "default_max_output_tokens": 4, "max_output_tokens_cap": 3}, 10),
        ({}, 6, {"enabled": False, "max_output_tokens_cap": 3}, 6),
        ({"max-tokens": 5}, None, {"enabled": False, "max_output_tokens_cap": 3}, 5),
    ],
)
def test_how_long_an_answer_gets(options: dict[str, Any], asked: int | None, said: dict[str, Any], most: int) -> None:
    assert answered(play(options, asked=asked, **said)) == (DIGITS[:most], "stop" if most == 10 else "length")


def test_without_any_limit_nothing_stands_between_the_model_and_the_client() -> None:
    playing = play()
    assert playing.stage.transducer(playing.flow) is None
    off = play(enabled=False, max_output_tokens_cap=3)
    assert off.stage.transducer(off.flow) is None


def test_a_change_is_in_force_for_the_next_answer() -> None:
    playing = play(max_output_tokens_cap=3)
    assert answered(playing) == ("123", "length")
    limits = TokenLimits(max_output_tokens_cap=5)
    playing.flow.services[LivePreferences].replace(Preferences(token_limits=limits))
    assert answered(playing) == ("12345", "length")
