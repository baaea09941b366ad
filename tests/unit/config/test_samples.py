"""Every prompt that luna ships can be looked at with sample values."""

from luna.config.diagnostics import Report
from luna.config.files import read_files
from luna.config.prompts import prompt_name, read_prompts
from luna.config.samples import samples
from luna.config.settings import shipped_routes
from luna.core.prompts import Prompt, Prompts

SHIPPED = read_prompts(
    [(prompt_name(file.name), file.name, file.data) for file in read_files(shipped_routes()).prompts], Report()
)


def test_every_variable_of_luna_has_a_value_that_looks_like_one() -> None:
    for name in SHIPPED.names():
        prompt = SHIPPED.find(name)
        assert prompt is not None
        values = samples(prompt, SHIPPED)
        assert sorted(values) == sorted(prompt.variables)
        shown = prompt.render(**values)
        assert "{{" not in shown, name
        assert "‹" not in shown, name


def test_a_prompt_that_another_one_holds_is_shown_within_it() -> None:
    contract = SHIPPED.find("tools/contract")
    several = SHIPPED.find("tools/several")
    assert contract is not None
    assert several is not None
    assert several.text in contract.render(**samples(contract, SHIPPED))


def test_a_variable_that_is_not_known_shows_its_name() -> None:
    own = Prompt("mine", "{{ colour }}, {{ name }}", ("colour", "name"))
    assert samples(own, Prompts({})) == {"colour": "‹colour›", "name": "get_weather"}
