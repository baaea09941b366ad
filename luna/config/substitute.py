"""`${NAME}` and `${NAME:-default}` inside YAML scalars.

Owns the syntax alone. Pure: the environment is an argument. What comes out may be a secret;
whoever uses it must not repeat it in a message.
"""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})?")


class SubstitutionError(ValueError):
    """A reference that cannot be filled in. The message names the variable, never a value."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def substitute(text: str, environ: Mapping[str, str]) -> tuple[str, bool]:
    """The text with its references filled in, and whether there were any. As in a shell, a default also stands in
    for an empty variable. `$${` is a literal `${`; nothing else is special. Raises SubstitutionError."""
    if "${" not in text:
        return text, False
    filled = False

    def fill(found: re.Match[str]) -> str:
        nonlocal filled
        if found[0] == "$${":
            return "${"
        name, default = found["name"], found["default"]
        if name is None:
            raise SubstitutionError(
                "'${' does not begin a reference to an environment variable",
                "write ${NAME} or ${NAME:-default}; a literal '${' is written '$${'",
            )
        filled = True
        value = environ.get(name)
        if value is None and default is None:
            raise SubstitutionError(
                f"the environment variable {name} is not set",
                f"set it, or give a default: ${{{name}:-…}}",
            )
        return value or default or ""

    return _REFERENCE.sub(fill, text), filled
