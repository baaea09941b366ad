"""Who a client is, by evidence, and what of its prompts changes although the conversation does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.model.dialect import Headers
from luna.tools.profiles import ENOUGH, GENERIC, PROFILES, ClientProfile, recognise

BY_NAME = {profile.name: profile for profile in PROFILES}


@pytest.mark.parametrize(
    ("headers", "tools", "name"),
    [
        ((("user-agent", "claude-cli/2.1.330 (external, cli)"), ("x-app", "cli")), (), "claude-code"),
        ((("x-claude-code-session-id", "0b1c"),), (), "claude-code"),
        ((("user-agent", "Anthropic/Python 2.12.0"),), ("Bash", "Read", "Edit", "Grep"), "claude-code"),
        ((("user-agent", "QwenCode/0.24.4 (linux; x64)"),), (), "qwen-code"),
        (
            (("user-agent", "claude-cli/2.1 (external)"),),
            ("run_shell_command", "read_file", "write_file", "glob"),
            "qwen-code",
        ),
        ((("originator", "codex_cli_rs"),), (), "codex"),
        ((("user-agent", "codex_exec/0.169.0 (Ubuntu)"),), (), "codex"),
        ((), ("shell", "update_plan", "apply_patch"), "codex"),
        ((("user-agent", "opencode/1.18.33"),), (), "opencode"),
        ((("user-agent", "ai-sdk/openai-compatible"),), ("bash", "todowrite", "webfetch", "task"), "opencode"),
        ((("user-agent", "Cline/3.0.65"),), ("read_files",), "cline"),
        ((), ("execute_command", "attempt_completion", "write_to_file"), "cline"),
        ((("user-agent", "OpenAI/Python 3.54.0"),), ("get_weather",), "generic"),
        ((("user-agent", "litellm/1.106.2"),), (), "generic"),
        ((), ("bash", "read", "edit", "write"), "generic"),
        ((("x-app", "client"),), (), "generic"),
        ((), (), "generic"),
    ],
)
def test_clients_are_recognised(headers: Headers, tools: tuple[str, ...], name: str) -> None:
    assert recognise(headers, tools).name == name


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_few_tools_are_no_proof_and_enough_are(profile: ClientProfile) -> None:
    names = sorted(profile.tools)
    assert not profile.fits((), names[: ENOUGH - 1])
    assert profile.fits((), names[:ENOUGH])


def test_every_profile_has_evidence_and_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(PROFILES)
    assert all(profile.headers and len(profile.tools) >= ENOUGH for profile in PROFILES)
    assert all(name == name.lower() for profile in (*PROFILES, GENERIC) for name in profile.conversation)


def test_the_billing_line_is_not_stable() -> None:
    profile = BY_NAME["claude-code"]
    first = "x-anthropic-billing-header: cc_version=2.1.330.1; cch=00001;\nYou are an agent.\n"
    second = "x-anthropic-billing-header: cc_version=2.1.330.2; cch=aaaaa;\nYou are an agent.\n"
    assert profile.stable(first) == profile.stable(second) == "You are an agent.\n"


def test_a_line_that_only_mentions_it_is_kept() -> None:
    text = "Explain what x-anthropic-billing-header: means.\n"
    assert BY_NAME["claude-code"].stable(text) == text


def test_reminders_are_not_stable() -> None:
    text = "<system-reminder>\nToday is Monday.\n</system-reminder>Fix it.<system-reminder>x</system-reminder>"
    assert BY_NAME["claude-code"].stable(text) == "Fix it."


def test_a_reminder_without_end_is_kept() -> None:
    text = "a<system-reminder>b</system-reminder>c<system-reminder>d"
    assert BY_NAME["claude-code"].stable(text) == "ac<system-reminder>d"


def test_an_environment_is_not_stable() -> None:
    text = "Fix it.\n<environment_details>\n# Current Time\n12:00\n</environment_details>"
    assert BY_NAME["cline"].stable(text) == "Fix it.\n"


@pytest.mark.parametrize(
    "text",
    [
        "<read_file><path>a.py</path></read_file>",
        "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
        "*** Begin Patch\n*** End Patch\n",
        "<system-reminder>x</system-reminder>",
    ],
)
def test_an_unknown_client_has_nothing_volatile(text: str) -> None:
    assert GENERIC.stable(text) == text


@given(st.lists(st.sampled_from(["<system-reminder>", "</system-reminder>", "a", "\n"])).map("".join))
def test_whatever_is_left_out_was_in_a_block(text: str) -> None:
    stable = BY_NAME["claude-code"].stable(text)
    assert len(stable) == len(text) or "<system-reminder>" in text
    assert stable.count("</system-reminder>") <= text.count("</system-reminder>")
    assert BY_NAME["claude-code"].stable("x" + text).startswith("x")
