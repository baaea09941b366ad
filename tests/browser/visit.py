"""A person at the pages: a browser that is signed in, and everything that goes wrong in it.

Owns the page under test, what counts as a problem on it (anything on the console above a notice, a script that
throws, a violation of the page's policy, an answer of luna's with a status above 499), pictures, and the look for
barriers. Which house it visits and which browser it uses is `conftest.py`'s.
"""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Response

from tests.support.house import ADMIN_KEY, Running

ROOT = Path(__file__).parents[2]
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

_POLICY = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile ?? ""}`));
"""


def pictures() -> Path:
    """Where pictures go: LUNA_SCREENSHOTS, or a folder beside other temporary files."""
    folder = Path(os.environ.get("LUNA_SCREENSHOTS", "") or Path(tempfile.gettempdir()) / "luna-screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass
class Visit:
    """One person, one browser page. `problems` is what the test fails for at its end."""

    luna: Running
    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)
    """Statuses from 400 that this test means to see; the browser writes each to its console."""

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", self._threw)
        self.page.on("response", self._answered)

    async def sign_in(self) -> None:
        """Show the admin key once; the browser keeps the cookie."""
        response = await self.context.request.post(f"{self.luna.url}/api/login", data={"key": ADMIN_KEY})
        assert response.ok, await response.text()

    async def open(self, path: str) -> Page:
        """Go to a path."""
        await self.page.goto(f"{self.luna.url}{path}")
        return self.page

    async def dress(self, theme: str = "light", language: str = "en") -> None:
        """Choose theme (`light`, `dark`) and language for every page opened from now on."""
        chosen = f'localStorage.setItem("luna.theme", "{theme}"); localStorage.setItem("luna.language", "{language}");'
        await self.context.add_init_script(chosen)

    async def picture(self, name: str) -> Path:
        """Take a picture of what is in the window."""
        path = pictures() / f"{name}.png"
        await self.page.screenshot(path=path)
        return path

    async def check(self) -> None:
        """Fails for everything that has gone wrong so far."""
        if not self.page.is_closed():
            violations = await self.page.evaluate("window.__violations ?? []")
            self.problems += [f"policy: {violation}" for violation in violations]
        assert not self.problems, "\n".join(self.problems)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        if any(f"status of {status}" in message.text for status in self.expected):
            return
        self.problems.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _threw(self, error: Error) -> None:
        self.problems.append(f"threw: {error.message}\n{error.stack or ''}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500 and response.status not in self.expected:
            self.problems.append(f"{response.status} from {response.url}")


async def watch_policy(context: BrowserContext) -> None:
    """Have every page of the context keep the violations of its policy."""
    await context.add_init_script(_POLICY)


async def check_accessibility(page: Page, within: str = "", without: Iterable[str] = ()) -> None:
    """Fails for every barrier that axe finds, WCAG 2.2 AA. `within` and `without` are CSS selectors."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_axe())  # not as a script of the page: its policy admits none but its own
    scope: dict[str, Any] = {"exclude": [[selector] for selector in without]}
    if within:
        scope["include"] = [[within]]
    found = await page.evaluate(
        "([scope, rules]) => axe.run(scope.include ? scope : {...scope, include: [['html']]},"
        " {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations'], preload: false})",
        [scope, RULES],
    )
    barriers = [
        f"{found['id']} ({found['impact']}): {found['help']}\n"
        + "\n".join(f"    {node['html'][:200]}\n    {node['failureSummary']}" for node in found["nodes"][:5])
        for found in found["violations"]
    ]
    assert not barriers, "\n".join(barriers)


async def text_of(locator: Locator) -> str:
    """What it says, in one line."""
    return " ".join((await locator.inner_text()).split())


@cache
def _axe() -> str:
    assert AXE.is_file(), "axe-core is missing: cd ui && npm ci"
    return AXE.read_text()
