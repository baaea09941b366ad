"""The shipped prompts, for playing stages that speak them."""

from tests.support.spoken import shipped

_FOUND = shipped()
PROMPTS = tuple(prompt for name in _FOUND.names() if (prompt := _FOUND.find(name)) is not None)
