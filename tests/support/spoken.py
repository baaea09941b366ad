"""The shipped prompts, as stages get them."""

from luna.config.diagnostics import Report
from luna.config.files import read_files
from luna.config.prompts import prompt_name, read_prompts
from luna.config.settings import shipped_routes
from luna.core.prompts import Prompts
from luna.core.stage import BuildContext
from luna.tools.contract import PROMPTS, Say


def shipped() -> Prompts:
    """All of them."""
    report = Report()
    files = read_files(shipped_routes()).prompts
    prompts = read_prompts([(prompt_name(file.name), file.name, file.data) for file in files], report)
    assert not report.errors, report.errors
    return prompts


def context() -> BuildContext:
    """For building a stage with them."""
    return BuildContext(prompts=shipped(), pipeline="test")


def speaker() -> Say:
    """The tool contract's, rendered."""
    prompts = shipped()
    known = {name: prompts.require(f"tools/{name}", option="prompts", variables=PROMPTS[name]) for name in PROMPTS}

    def say(prompt: str, /, **variables: str) -> str:
        return known[prompt].render(**variables)

    return say
