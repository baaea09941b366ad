"""Finds the user's own Chrome or Chromium, and says what is in the way of opening it.

Pure but for looking at the file system and the environment. Opens nothing.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from luna.model.errors import Kind, LunaError

VARIABLES = ("LUNA_BROWSER", "PUPPETEER_EXECUTABLE_PATH")
"""Where a person says which browser, by path or name; the first that is set counts."""
ARGUMENTS = "LUNA_BROWSER_ARGS"
"""Where a person says what else the browser is started with."""

NAMES = (
    "google-chrome-stable",
    "google-chrome",
    "chromium",
    "chromium-browser",
    "microsoft-edge-stable",
    "microsoft-edge",
    "brave-browser",
    "chrome",
)
PLACES = (
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)

PASTE = "Or log in with any browser and paste the token and cookies: on the Accounts page, or POST /api/accounts."

_NO_DISPLAY = re.compile(r"XServer|\$DISPLAY|Failed to connect to Wayland|ozone_platform", re.IGNORECASE)
_NO_SANDBOX = re.compile(r"sandbox", re.IGNORECASE)
_IN_USE = re.compile(r"ProcessSingleton|SingletonLock|profile (appears to be|is already) in use", re.IGNORECASE)


def find_browser(environ: Mapping[str, str] | None = None, places: Sequence[str] = PLACES) -> Path:
    """The browser to open. Raises LunaError(CONFLICT) with the way out."""
    env = os.environ if environ is None else environ
    for variable in VARIABLES:
        named = env.get(variable, "").strip()
        if named:
            found = shutil.which(Path(named).expanduser(), path=env.get("PATH", ""))
            if found:
                return Path(found)
            raise LunaError(
                Kind.CONFLICT,
                f"{variable} names a browser that is not there or cannot be started.",
                hint=f"Correct it, or unset it to have luna look for one. {PASTE}",
            )
    for name in NAMES:
        found = shutil.which(name, path=env.get("PATH", ""))
        if found:
            return Path(found)
    for place in places:
        if Path(place).is_file():
            return Path(place)
    raise LunaError(
        Kind.CONFLICT,
        "There is no Chrome or Chromium on this machine.",
        hint=f"Install one, or say where it is with LUNA_BROWSER. {PASTE}",
    )


def browser_arguments(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What a person wants the browser to be started with. Raises LunaError(CONFLICT) when that cannot be read."""
    env = os.environ if environ is None else environ
    try:
        return tuple(shlex.split(env.get(ARGUMENTS, "")))
    except ValueError as error:
        raise LunaError(
            Kind.CONFLICT, f"{ARGUMENTS} cannot be read: {error}.", hint="Write it as on a command line, or unset it."
        ) from None


def check_display(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> None:
    """Raises LunaError(CONFLICT) on a machine that has no screen to show a window on."""
    env = os.environ if environ is None else environ
    if platform.startswith("linux") and not (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")):
        raise _no_display()


def check_sandbox(arguments: Sequence[str], *, root: bool | None = None) -> None:
    """A browser that visits the open web keeps its sandbox. Raises LunaError(CONFLICT) where it could not. `root`:
    whether luna runs as root, to be found out when it is None."""
    if root is None:
        root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and "--no-sandbox" not in arguments:
        raise LunaError(
            Kind.CONFLICT,
            "The browser's sandbox does not work for root, and luna does not open one without it.",
            hint=f"Run luna as an ordinary user; inside a container of its own, {ARGUMENTS}=--no-sandbox says"
            f" that you want it so. {PASTE}",
        )


def not_opened(browser: Path, said: str) -> LunaError:
    """Why the browser did not open, out of what its driver and it `said`, which itself is not for people."""
    if _NO_DISPLAY.search(said):
        return _no_display()
    if _IN_USE.search(said):
        return LunaError(
            Kind.CONFLICT,
            "The browser of an earlier login has not ended yet.",
            hint="Close its window, then begin again.",
        )
    if "socks5 proxy authentication" in said:
        return LunaError(
            Kind.CONFLICT,
            "A browser cannot log in to a SOCKS proxy that wants a password.",
            hint=f"Use a proxy without one, or an http proxy, in the account's network profile. {PASTE}",
        )
    # The launch arguments are quoted in what was said, and the sandbox may be one of them.
    if any(_NO_SANDBOX.search(line) for line in said.splitlines() if "<launching>" not in line):
        return LunaError(
            Kind.CONFLICT,
            "The browser's sandbox does not work on this machine, and luna does not open one without it.",
            hint="Let ordinary users make namespaces (Linux: kernel.unprivileged_userns_clone=1 or an AppArmor profile"
            f" for the browser), or use another browser by LUNA_BROWSER. {PASTE}",
        )
    return LunaError(
        Kind.CONFLICT,
        f"{browser.name} ended right after its start.",
        hint=f"See that it starts by itself, or name another one with LUNA_BROWSER. {PASTE}",
    )


def _no_display() -> LunaError:
    return LunaError(
        Kind.CONFLICT,
        "This machine has no display to open a browser window on.",
        hint=f"Run luna where your desktop is. {PASTE}",
    )
