"""Opens a window of the user's browser, and closes it whatever happens.

Owns the browser's driver and process for the time of one login, its profile folder, and the words for a browser that
does not open. What is looked for in the window is `luna.qwen.login`'s business.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import msgspec

from luna.model.errors import Kind, LunaError
from luna.qwen.browser import PASTE, not_opened
from luna.upstream.proxy_address import ProxyAddress

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Playwright, ProxySettings

log = logging.getLogger("luna.qwen.window")

OPENING = 30.0
"""Seconds that a browser may take to start."""
CLOSING = 10.0
"""Seconds that it may take to end by itself; then it is killed."""


class Window(msgspec.Struct, frozen=True):
    """How the browser is opened."""

    browser: Path
    profile: Path
    """Its own folder, kept, so that the next login finds the site's cookies again."""
    headless: bool = False
    arguments: tuple[str, ...] = ()
    proxy: ProxyAddress | None = None
    """By which it goes out; None: directly."""


@asynccontextmanager
async def opened(window: Window) -> AsyncIterator["BrowserContext"]:
    """The window, as long as the block runs. Raises LunaError(CONFLICT) when it does not open, LunaError(INTERNAL)
    when its profile cannot be written or the driver cannot be started."""
    # Only here: starting luna must not cost what a browser's driver costs.
    from playwright.async_api import Error, async_playwright

    _prepare(window.profile)
    try:
        # Shielded: given up half-way, the driver would go on for itself.
        with anyio.CancelScope(shield=True):
            driver = await async_playwright().start()
    except Exception as error:  # of a driver that ends right away the library says so by this very class
        raise LunaError(
            Kind.INTERNAL,
            "The driver of the browser could not be started.",
            hint=f"Install luna's requirements again. {PASTE}",
        ) from error
    try:
        context = await _launched(driver, window)
        try:
            yield context
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(CLOSING):
                try:
                    await context.close()
                except Error as error:
                    log.debug("the browser was gone already: %s", error.message)
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(CLOSING):
            await driver.stop()  # kills what is left of the browser


async def _launched(driver: "Playwright", window: Window) -> "BrowserContext":
    from playwright.async_api import Error

    try:
        return await driver.chromium.launch_persistent_context(
            window.profile,
            executable_path=window.browser,
            headless=window.headless,
            chromium_sandbox="--no-sandbox" not in window.arguments,
            no_viewport=True,
            args=list(window.arguments),
            timeout=OPENING * 1000,
            # Who ends luna ends the window by way of `opened`.
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
            proxy=_settings(window.proxy) if window.proxy else None,
        )
    except Error as error:
        log.debug("the browser did not open: %s", error.message)
        raise not_opened(window.browser, error.message) from None


def _prepare(profile: Path) -> None:
    try:
        for folder in (profile.parent, profile):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
    except OSError as error:
        raise LunaError(
            Kind.INTERNAL,
            f"The browser's profile cannot be written: {error.strerror or error}.",
            hint="See that luna may write to its data directory, then begin again.",
        ) from error


def _settings(proxy: ProxyAddress) -> "ProxySettings":
    if proxy.user:
        return {"server": str(proxy), "username": proxy.user, "password": proxy.password}
    return {"server": str(proxy)}
