"""Prompt texts as stages see them: named templates with declared variables.

Owns rendering and its checks. Where the texts come from is `luna.config.prompts`' business.
"""

import re
from collections.abc import Mapping

import msgspec

from luna.model.errors import OptionError

_VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")


class Prompt(msgspec.Struct, frozen=True):
    """One template. `{{ name }}` is replaced by the variable of that name; nothing else is special."""

    name: str
    text: str
    variables: tuple[str, ...] = ()
    about: str = ""

    def used(self) -> tuple[str, ...]:
        """The variables that the text mentions, in order, each once."""
        return tuple(dict.fromkeys(_VARIABLE.findall(self.text)))

    def render(self, **values: str) -> str:
        """Fill in the variables. Values are inserted as they are and never rendered again."""
        return _VARIABLE.sub(lambda found: values[found[1]], self.text)


class Prompts:
    """The prompts of one snapshot."""

    def __init__(self, prompts: Mapping[str, Prompt]) -> None:
        self._prompts = dict(prompts)

    def __repr__(self) -> str:
        return f"<Prompts {', '.join(sorted(self._prompts))}>"

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._prompts))

    def find(self, name: str) -> Prompt | None:
        """The prompt of that name, or None."""
        return self._prompts.get(name)

    def require(self, name: str, *, option: str, variables: tuple[str, ...]) -> Prompt:
        """The prompt that a stage's option names. Raises OptionError when there is none, or when it uses a
        variable that the stage does not supply."""
        prompt = self._prompts.get(name)
        if prompt is None:
            raise OptionError(option, f"there is no prompt '{name}' (have: {', '.join(self.names()) or 'none'})")
        unknown = [used for used in prompt.used() if used not in variables]
        if unknown:
            raise OptionError(
                option,
                f"prompt '{name}' uses {{{{ {unknown[0]} }}}}, which this stage does not supply"
                f" (it supplies: {', '.join(variables) or 'nothing'})",
            )
        return prompt
