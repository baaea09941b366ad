"""An answer that only says that there are no tools is told from one that says something."""

import pytest

from luna.tools.complaint import LONGEST, could_become, is_complaint


@pytest.mark.parametrize(
    "text",
    [
        "I don't have access to tools.",
        "I’m sorry, but I do not have the ability to use tools or run commands here.",
        "Tool Read does not exists.",
        "Unfortunately, the `Bash` tool is not available in this conversation.",
        "It seems that there are no tools available to me.",
        "I apologize, but I cannot call functions directly.",
        "抱歉，我无法使用这些工具。",
    ],
)
def test_complaints(text: str) -> None:
    assert is_complaint(text)
    assert all(could_become(text[:length]) for length in range(len(text)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello.",
        "I don't know.",
        "I'm sorry for your loss.",
        "The answer is 4. I don't have tools.",
        "I cannot recommend this library.",
        "I don't have a tool that sends mail.",
        "Sorry, no tools here. " + "But let me tell you everything I know. " * 20,
    ],
)
def test_other_answers(text: str) -> None:
    assert not is_complaint(text)


def test_text_does_not_wait_longer_than_it_could_be_a_complaint() -> None:
    assert not could_become("H")
    assert not could_become("I will")
    assert not could_become("Sorry! " + "a" * 200)
    assert could_become("Sorry, this tool " + "a" * 200)
    assert not could_become("Sorry, this tool " + "a" * LONGEST)
