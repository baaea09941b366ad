"""A regular expression that is made when it is first looked for.

A large one takes as long as the import of ten files, and most are for what seldom comes.
"""

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, AnyStr, Generic


class LatePattern(Generic[AnyStr]):
    """Is used as `re.Pattern` is, as far as luna does; from the second time on it costs the same. `text` may have to
    be put together first."""

    def __init__(self, text: AnyStr | Callable[[], AnyStr], flags: re.RegexFlag = re.NOFLAG) -> None:
        self._text: AnyStr | Callable[[], AnyStr] = text
        self._flags = flags

    def __repr__(self) -> str:
        return f"<LatePattern {'made' if 'pattern' in vars(self) else 'not yet made'}>"

    @cached_property
    def pattern(self) -> re.Pattern[AnyStr]:
        """It itself."""
        return re.compile(self._text() if callable(self._text) else self._text, self._flags)

    @cached_property
    def match(self) -> Callable[..., re.Match[AnyStr] | None]:
        """As `re.Pattern` has it, and so on."""
        return self.pattern.match

    @cached_property
    def fullmatch(self) -> Callable[..., re.Match[AnyStr] | None]:
        return self.pattern.fullmatch

    @cached_property
    def search(self) -> Callable[..., re.Match[AnyStr] | None]:
        return self.pattern.search

    @cached_property
    def finditer(self) -> Callable[..., Iterator[re.Match[AnyStr]]]:
        return self.pattern.finditer

    @cached_property
    def findall(self) -> Callable[..., list[Any]]:
        return self.pattern.findall

    @cached_property
    def sub(self) -> Callable[..., AnyStr]:
        return self.pattern.sub
