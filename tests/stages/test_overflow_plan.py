"""The plan that `overflow` leaves: what the transport is told when it knows what it is about to send."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from luna.core.prompts import Prompt
from luna.core.services import Services
from luna.model.ambient import ManualClock
from luna.model.chat import Attachment, ChatRequest, Message, Text, Tool
from luna.model.dialect import ClientRequest
from luna.model.errors import Kind
from luna.model.preferences import LivePreferences, Preferences, Sanitizer, TokenOverflow
from luna.stages.overflow import OVERFLOW, Overflow, OverflowPlan
from luna.stages.session_bind import BOUND, Bound
from luna.state.overflow_files import OverflowFiles
from luna.state.store import Store
from luna.tools.contract import remind
from tests.support.overflow import PROMPTS
from tests.support.play import Play, a_client

LONG = "1" * 2000
MESSAGES = [
    Message("system", [Text("Be brief.")]),
    Message("user", [Text(LONG)]),
    Message("assistant", [Text("Yes.")]),
    Message("user", [Text("Go on.")]),
]


def playing(
    messages: Sequence[Message] = MESSAGES,
    *,
    sanitizer: bool = False,
    services: Services | None = None,
    maximum: int | None = None,
    client: ClientRequest | None = None,
) -> Play[Overflow]:
    """The stage after it has seen a request of these messages, with files from 1000 tokens on."""
    services = Services() if services is None else services
    said = TokenOverflow(sanitizer=Sanitizer(enabled=sanitizer))
    services.provide(LivePreferences, LivePreferences(Preferences(token_overflow=said)))
    chat = ChatRequest(model="m", messages=[*messages], stream=True, tools=[Tool("Bash")])
    options = {"threshold": 1000, "max-input": maximum}
    play = Play(Overflow, options, prompts=PROMPTS, chat=chat, services=services, client=client)
    play.stage.request(play.flow)
    return play


def plan_of(
    messages: Sequence[Message] = MESSAGES, *, sanitizer: bool = False, maximum: int | None = None
) -> OverflowPlan:
    return playing(messages, sanitizer=sanitizer, maximum=maximum).flow.notes[OVERFLOW]


def test_the_file_holds_the_turns_and_the_systems_words_are_typed() -> None:
    file = plan_of().document(MESSAGES)
    assert LONG in file.text and "Go on." in file.text and "Be brief." not in file.text
    assert file.prompt.startswith("Be brief.\n\n") and LONG not in file.prompt
    assert file.name in file.prompt
    assert file.tokens > 2000


def test_a_system_text_that_is_too_long_itself_goes_into_the_file() -> None:
    messages = [Message("system", [Text("9" * 1500)]), *MESSAGES[1:]]
    file = plan_of(messages).document(messages)
    assert "9" * 1500 in file.text and "9" * 1500 not in file.prompt
    assert '<turn n="1" role="system">' in file.text
    assert file.prompt.startswith("The attached file")


def test_what_holds_for_this_turn_is_typed_last() -> None:
    messages = remind(MESSAGES, "[Tools: Bash]")
    file = plan_of(messages).document(messages)
    assert file.prompt.endswith("\n\n[Tools: Bash]")
    assert "[Tools: Bash]" not in file.text


@pytest.mark.parametrize("sanitizer", [True, False])
def test_attachments_are_called_by_the_names_under_which_they_are_attached(sanitizer: bool) -> None:
    picture = Attachment("image", url="data:image/png;base64,AA", media_type="image/png")
    messages = [*MESSAGES, Message("user", [Text("See?"), picture])]
    text = plan_of(messages, sanitizer=sanitizer).document(messages[2:]).text
    assert '<turn n="3" role="user" attachment="image" type="image/png">\n[image 1: image-1.png]\n</turn>' in text


def test_only_the_messages_that_are_given_stand_in_the_file() -> None:
    file = plan_of().document(MESSAGES[3:])
    assert "It holds 1 turns" in file.text and LONG not in file.text
    assert file.prompt.startswith("The attached file")


def test_the_transport_prompt_speaks_no_models_control_language() -> None:
    prompt = plan_of().document(MESSAGES).prompt
    assert not any(mark in prompt for mark in ("<|", "|>", "▁", "<think", "[INST]", "<s>"))


def test_each_file_has_a_name_of_its_own_that_the_flow_repeats() -> None:
    plan = plan_of()
    first, second = plan.document(MESSAGES).name, plan.document(MESSAGES).name
    assert first != second
    assert plan_of().document(MESSAGES).name == first
    assert first.startswith("overflow-2026") and first.endswith(".txt")


@pytest.mark.parametrize("enabled", [True, False])
def test_noise_is_left_out_only_when_that_is_wished(enabled: bool) -> None:
    noise = Message("assistant", [Text("Tool Read does not exists.")])
    file = plan_of(sanitizer=enabled).document([*MESSAGES, noise])
    assert ("ACTIVE_USER_TASK" in file.text) is enabled
    assert ("does not exists" in file.text) is not enabled
    assert file.prompt.startswith("Be brief.\n\nThe attached file")


def test_a_prompt_set_at_run_time_is_used() -> None:
    mine = Prompt("overflow/transport", "Read {{ file }}. {{ system }}{{ closing }}", ("file", "system", "closing"))
    play = Play(Overflow, prompts=[*PROMPTS, mine], chat=ChatRequest(model="m", messages=[*MESSAGES]))
    play.stage.request(play.flow)
    file = play.flow.notes[OVERFLOW].document(MESSAGES)
    assert file.prompt == f"Read {file.name}. Be brief."


# When nothing helps


def test_too_long_names_both_figures() -> None:
    error = plan_of(maximum=1500).too_long("1" * 2000)
    assert error.kind is Kind.CONTEXT_OVERFLOW
    assert error.detail == {"tokens": 2000, "maximum": 1500}


@pytest.mark.parametrize("maximum", [None, 1500])
def test_figures_that_say_nothing_are_not_told(maximum: int | None) -> None:
    """Qwen may refuse what luna took for short enough, or for a model whose limit nobody knows."""
    assert plan_of(maximum=maximum).too_long("1" * 10).detail == {}


CODEX = a_client(originator="codex_cli_rs", path="/v1/responses")


@pytest.mark.parametrize(
    ("client", "stream", "in_stream"),
    [(CODEX, True, True), (CODEX, False, False), (a_client(user_agent="litellm/1"), True, False)],
)
def test_a_client_that_hears_it_in_a_stream_only_is_told_there(
    client: ClientRequest, stream: bool, in_stream: bool
) -> None:
    play = playing(maximum=1500, client=client)
    play.flow.chat.stream = stream
    assert ("in_stream" in play.flow.notes[OVERFLOW].too_long("1" * 2000).detail) is in_stream


def test_for_people() -> None:
    assert repr(plan_of(maximum=1500)) == "<OverflowPlan file beyond 1000, at most 1500>"
    plan = plan_of()
    plan.threshold = None
    assert repr(plan) == "<OverflowPlan no file, at most unknown>"
    assert not plan.wants("1" * 100_000)


# The local copy


async def test_the_copy_says_whose_it_is(store: Store, tmp_path: Path) -> None:
    services, clock = Services(), ManualClock()
    files = OverflowFiles(tmp_path / "overflow", store, clock, LivePreferences())
    await files.start()
    services.provide(OverflowFiles, files)
    play = playing(services=services)
    play.flow.notes[BOUND] = Bound("s_1", None, "new", "new")
    plan = play.flow.notes[OVERFLOW]
    file = plan.document(MESSAGES)
    await plan.keep(file)
    entry, text = await files.content(file.name)
    assert text == file.text
    assert (entry.session, entry.run, entry.tokens) == ("s_1", play.flow.id, file.tokens)


async def test_without_a_place_for_it_nothing_is_kept_and_nothing_fails() -> None:
    plan = plan_of()
    await plan.keep(plan.document(MESSAGES))
