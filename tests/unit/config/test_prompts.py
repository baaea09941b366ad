"""Prompt files: front matter, text, and the two agreeing about variables."""

import pytest

from luna.config.diagnostics import Report
from luna.config.prompts import read_prompt
from luna.core.prompts import Prompt


def read(text: str | bytes) -> tuple[Prompt, list[str]]:
    """The prompt and everything that was said about it."""
    report = Report()
    data = text.encode() if isinstance(text, str) else text
    prompt = read_prompt("a", "prompts/a.md", data, report)
    return prompt, [str(each) for each in (*report.errors, *report.warnings)]


def test_front_matter_and_text() -> None:
    prompt, said = read("---\nabout: Greets.\nvariables: [name, day]\n---\n\nHello {{ name }},\nit is {{day}}.\n\n")
    assert said == []
    assert prompt == Prompt("a", "Hello {{ name }},\nit is {{day}}.", ("name", "day"), "Greets.")
    assert prompt.render(name="Ann", day="{{ name }}") == "Hello Ann,\nit is {{ name }}."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Just text.", "Just text."),
        ("---\n---\nText.", "Text."),
        ("---\nabout: x\n---", ""),
        ("---\r\nabout: x\r\n---\r\nOne\r\nTwo\r\n", "One\nTwo"),
        ("\ufeff---\nabout: x\n---\nText", "Text"),
        ("---\nabout: x\n--- \nA rule:\n\n---\n\nB", "A rule:\n\n---\n\nB"),
        ('JSON: {"a": {"b": {}}} and {{}} and { x }', 'JSON: {"a": {"b": {}}} and {{}} and { x }'),
        ("", ""),
    ],
)
def test_the_text_is_what_follows_the_front_matter(text: str, expected: str) -> None:
    prompt, said = read(text)
    assert said == []
    assert prompt.text == expected


def test_the_environment_is_not_asked() -> None:
    prompt, said = read("---\nabout: costs ${PRICE}\n---\n${PRICE}")
    assert said == []
    assert (prompt.about, prompt.text) == ("costs ${PRICE}", "${PRICE}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "---\nvariables: [name]\n---\nHello\n  {{ nmae }} {{ name }}",
            "5:3: the variable 'nmae' is not declared — did you mean 'name'?",
        ),
        ("{{ x }}", "1:1: the variable 'x' is not declared — add it to 'variables' in the front matter"),
        (
            "---\nvariables:\n  - name\n  - day\n---\n{{ day }}",
            "3:5: the variable 'name' is declared, but the text does not use it",
        ),
        ("---\nvariables: [a, a]\n---\n{{ a }}", "2:16: the variable 'a' is declared twice"),
        (
            "---\nvariables: [Name]\n---\n",
            "2:13: 'variables': expected a name made of lower-case letters, digits and '_'",
        ),
        ("---\nvariables: name\n---\n{{ name }}", "2:12: 'variables': expected a list, got text"),
        ("---\nabuot: x\n---\n", "2:1: a prompt has no field 'abuot' — did you mean 'about'?"),
        ("---\nabout: [x\n---\n", "3:1: the list is not closed"),
        ("---\n- a\n---\n", "2:1: expected a mapping for a prompt, got a list"),
        ("---\nabout: x\n", "1:1: the front matter has no end — close it with a line of '---'"),
        (b"---\nabout: x\n---\nHello\n\xff", "5:1: this line is not UTF-8 — save the file as UTF-8"),
        (b"---\nabout: \xff\n---\nHello", "2:8: this byte is not UTF-8 — save the file as UTF-8"),
        (
            "Hello {{ Name }}",
            (
                "1:7: warning: '{{ Name }}' is no variable and stays as it is"
                " — variables are written in lower case, with '_'"
            ),
        ),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(text: str | bytes, expected: str) -> None:
    _, said = read(text)
    assert len(said) == 1
    assert said[0].startswith(f"prompts/a.md:{expected}")
