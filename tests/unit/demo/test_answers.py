"""What the look-alike says: its rules, and the directives that ask for a particular answer."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna.demo import answers
from luna.demo.answers import SCRIPTS, Prompt, Script, choose, says, shorten
from luna.demo.misbehave import FAULTS
from luna.demo.serve import Lookalike
from luna.demo.steps import Answer, Count, NativeCall, Pictures, Say, Search, Think
from luna.model.ambient import ManualClock
from tests.support.lookalike import Page, running


def answer(text: str, **more: object) -> Answer:
    return choose(SCRIPTS, Prompt(text, **more))  # type: ignore[arg-type]


def spoken(found: Answer) -> str:
    return "".join(step.text for step in found.steps if isinstance(step, Say))


async def test_it_says_that_it_is_not_qwen_and_how_to_get_there(page: Page) -> None:
    text = (await page.say("Good morning!")).text
    for part in ("luna", "not Qwen", "“Good morning!”", "QWEN_AI_TOKEN", "QWEN_AI_COOKIES", "POST /api/provider/token"):
        assert part in text


def test_a_long_message_is_quoted_in_short() -> None:
    assert len(spoken(answer("word " * 10_000))) < 700
    assert shorten("a\n b\t c") == "a b c"
    assert len(shorten("x" * 5000)) == 200


def test_attached_files_are_named() -> None:
    assert "You attached: a.txt, b.png." in spoken(answer("Look", files=("a.txt", "b.png")))


def test_the_name_is_found_wherever_it_was_told() -> None:
    assert spoken(answer("What is my name?")) == "You have not told me your name."
    history = (("user", "Hello, my name is Bob."), ("assistant", "Hello"))
    assert spoken(answer("what's my name", history=history)) == "Your name is Bob."
    flat = "User: My name is Zoë-Ann\nAssistant: Hello\nUser: What is my name?"
    assert spoken(answer(flat)) == "Your name is Zoë-Ann."
    assert spoken(answer("my name is Al. no, my name is Bo. What is my name?")) == "Your name is Bo."


async def test_the_chat_remembers_its_own_branch_only(page: Page) -> None:
    chat = await page.new_chat()
    first = await page.ask(chat, "My name is Bob.")
    second = await page.ask(chat, "Never mind.", first.response_id)
    assert (await page.ask(chat, "What is my name?", second.response_id)).text == "Your name is Bob."
    assert (await page.ask(chat, "What is my name?")).text == "You have not told me your name."
    asked = await page.ask(chat, "What was my first message?", second.response_id)
    assert asked.text == "Your first message was: “My name is Bob.”."


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("[[say:Hello there]]", (Say("Hello there"),)),
        ("please [[say:a]] and [[say:b]]", (Say("a"), Say("b"))),
        ("[[say:[1, [2]]]]", (Say("[1, [2]]"),)),
        ("[[say:{'a': [[1]], 'b'}]]", (Say("{'a': [[1"),)),
        ("[[say:two\nlines]]", (Say("two\nlines"),)),
        ("[[say:]]", (Say(""),)),
        ("x [[echo]]", (Say("x [[echo]]"),)),
        ("[[count:3]]", (Count(3),)),
        ("[[count]]", (Count(20),)),
        ("[[count:-1]]", (Count(20),)),
        ("[[count:inf]]", (Count(20),)),
        ("[[count:999999999]]", (Count(20_000),)),
        ("[[think:Hm.]][[say:x]]", (Think("Hm."), Say("x"))),
        ("[[search:cats]][[say:x]]", (Search("cats"), Say("x"))),
        ("[[search]][[say:x]]", (Search("example news"), Say("x"))),
        ('[[call:Read {"a": [1]}]]', (NativeCall("Read", '{"a": [1]}'),)),
        ("[[call:Read]]", (NativeCall("Read", "{}"),)),
        ("[[image]]", (Pictures(1),)),
        ("[[image:99]]", (Pictures(8),)),
        ("[[history]]", (Say("(nothing)"),)),
    ],
)
def test_directives(text: str, steps: tuple[object, ...]) -> None:
    assert answer(text).steps == steps


def test_directives_that_say_nothing_leave_the_usual_answer() -> None:
    found = answer("Good [[think:Hm.]] morning [[pace:5]]")
    assert found.steps[0] == Think("Hm.")
    assert "“Good morning”" in spoken(found)
    assert found.pace == 0.005


def test_what_is_no_directive_is_text() -> None:
    for text in ("[[sing:la]]", "[[say:x", "[say:x]", "see [[1]]", "[[Say:x]]"):
        assert text in spoken(answer(text))


def test_help_lists_every_directive_and_every_fault() -> None:
    text = spoken(answer("[[help]]"))
    for name in (
        "say",
        "echo",
        "history",
        "count",
        "think",
        "search",
        "call",
        "image",
        "pace",
        "fault",
        "replay",
        "help",
    ):
        assert f"[[{name}" in text
    assert all(f"{name}: {entry.about}" in text for name, entry in FAULTS.items())


def test_the_history_can_be_told() -> None:
    history = (("user", "Hi"), ("assistant", "Hello"))
    assert spoken(answer("[[history]]", history=history)) == "user: Hi\nassistant: Hello"


@pytest.mark.parametrize(
    ("text", "turn"),
    [
        ("just this", "just this"),
        ("System: x\nUser: [[say:a]]\nAssistant: a\nUser: now", "User: now"),
        ("rules\n\n[User]\n[[say:a]]\n[Assistant]\na\n[User]\nnow", "[User]\nnow"),
        ("<system>\n<user>\n[[say:a]]\n</user>\n<user>\nnow\n</user>", "<user>\nnow\n</user>"),
        ("### User\n[[say:a]]\n### Assistant\n### User\nnow", "### User\nnow"),
        ("User: [[say:a]]\nAssistant: call\ntool: now", "tool: now"),
        ('S\n\n<turn role="user">\n[[say:a]]\n</turn>\n\nNow reply to what follows.\n\nnow', "now"),
        ('<turn role="user">\n[[say:a]]\n</turn>\n\nReply.\n\nnow\n\nUser: and then', "now\n\nUser: and then"),
        ('<turn role="user">\n[[say:a]]\n</turn>\nnow', "now"),
        (
            '<turn role="user">\n[[say:a]]\n</turn>\n\nReply.\n\n<turn role="tool" call="1">\nnow\n</turn>\n',
            '<turn role="tool" call="1">\nnow\n</turn>\n',
        ),
    ],
)
def test_only_the_last_turn_of_a_flattened_conversation_counts(text: str, turn: str) -> None:
    assert Prompt(text).turn == turn
    assert ("“" in spoken(answer(text))) is True


def test_the_last_turn_may_be_longer_than_the_window() -> None:
    text = "[[say:a]] " + "x" * (answers.WINDOW * 2)
    assert Prompt(text).turn == text
    assert answer(text).steps == (Say("a"),)


@given(text=st.text(), tail=st.text())
def test_the_same_prompt_gets_the_same_answer(text: str, tail: str) -> None:
    for whole in (text + tail, f"{text}[[say:{tail}]]", f"{text}\nUser: {tail}"):
        assert answer(whole) == answer(whole)


def test_one_who_was_asked_to_think_does() -> None:
    found = answer("Hello", thinks=True)
    assert isinstance(found.steps[0], Think)
    assert answer("[[think:Hm.]]", thinks=True).steps.count(Think("Hm.")) == 1
    assert not any(isinstance(step, Think) for step in answer("Hello").steps)


def test_a_chat_for_pictures_gets_one() -> None:
    assert answer("A cat", chat_type="t2i").steps == (Pictures(1),)
    assert answer("Blue, please", chat_type="image_edit").steps == (Pictures(1),)


async def test_a_test_can_teach_it(site: Lookalike, page: Page) -> None:
    site.scripts.insert(
        0, Script("weather", lambda prompt: "weather" in prompt.turn, lambda prompt: says(f"Sunny, {prompt.model}."))
    )
    assert (await page.say("How is the weather?")).text == "Sunny, qwen3.7-plus."
    assert "not Qwen" in (await page.say("Hello")).text
    site.scripts.clear()
    assert "not Qwen" in (await page.say("Hello")).text


STREAM = (
    b'data: {"response.created":{"chat_id": "C1", "parent_id": "P1", "response_id":"R1", "response_index": "0"}} \n\n'
    b'data: {"choices": [{"delta": {"role": "assistant", "content": "From a file", "phase": "answer", "status": '
    b'"typing"}}], "response_id": "R1"}\n\n'
    b'data: {"choices": [{"delta": {"content": "", "role": "assistant", "status": "finished", "phase": "answer"}}], '
    b'"response_id": "R1"}\n\n'
)
REFUSAL = b'{"success":false,"request_id":"Q1","data":{"code":"Not_Found","details":"Model not found"}}'


async def test_a_recorded_body_is_played_with_the_ids_of_the_chat(clock: ManualClock, tmp_path: Path) -> None:
    fixtures = tmp_path / "fixtures"
    for name in ("01_plain", "37_gone", "../secret"):
        (fixtures / name).mkdir(parents=True)
    (fixtures / "01_plain" / "body.sse").write_bytes(STREAM)
    (fixtures / "37_gone" / "body.json").write_bytes(REFUSAL)
    (fixtures / "37_gone" / "meta.json").write_bytes(
        b'{"name": "x", "response": {"status": 200, "headers": {"content-type": "application/json", '
        b'"x-actual-status-code": "404"}}}'
    )
    (tmp_path / "secret" / "body.sse").write_bytes(STREAM)
    async with running(clock=clock, fixtures=fixtures) as site:
        page = Page(site, site.login("anna"))
        chat = await page.new_chat()
        heard = await page.ask(chat, "[[replay:01_plain]]")
        assert heard.text == "From a file"
        created = heard.frames[0]["response.created"]
        assert created["chat_id"] == chat
        expected = STREAM.replace(b"C1", chat.encode())
        expected = expected.replace(b"P1", created["parent_id"].encode()).replace(b"R1", heard.response_id.encode())
        assert heard.body == expected
        assert (await page.ask(chat, "[[say:on we go]]", heard.response_id)).text == "on we go"

        refused = await page.ask(chat, "[[replay:37_gone]]")
        assert (refused.status, refused.actual, refused.body) == (200, 404, REFUSAL)
        for name in ("nothing", "../secret", "."):
            assert (await page.ask(chat, f"[[replay:{name}]]")).text == f"There is no fixture “{name}”."
