"""A real Chromium for the tests, and people who sign in to a real portal with it.

A test module imports `pytestmark`; its SEED is run in the shell of the portal that `served` starts.
"""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.portal import PASSWORD
from tests.served import Served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (CHROMIUM or os.environ.get("MWA_REQUIRE_BROWSER")), reason="there is no Chromium on this machine"
    ),
]
expect.set_options(timeout=12_000)  # the tick is 5 s
OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --disable-lcd-text"
)


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """A portal without an engine, with what the module's SEED puts into it."""
    portal = Served()
    try:
        portal.start("--no-worker")
        portal.run("shell", "-v0", "-c", request.module.SEED)
        yield portal
    finally:
        portal.remove()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; its absence is an error where it is required."""
    assert CHROMIUM, "MWA_REQUIRE_BROWSER is set, and there is no Chromium on this machine"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS.split())
        yield browser
        browser.close()


@pytest.fixture
def sign_in(served: Served, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """sign_in("olga", "/pairs/shop/") is her page, in a browser of her own; the console has to stay empty."""
    said: list[str] = []
    contexts = []

    def page_of(name: str, path: str = "/", **options: object) -> Page:
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{served.url}{path}")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        live(page)
        page.evaluate("window.notReloaded = true")
        return page

    yield page_of
    for context in contexts:
        context.close()
    # What a browser says where the portal was stopped: of the socket, and of what is asked for instead of it.
    lost = ("WebSocket connection", "htmx:ws:error", "ERR_CONNECTION_REFUSED", "Failed to fetch")
    assert [text for text in said if not any(word in text for word in lost)] == []


def live(page: Page) -> None:
    """Wait until the page says that it is live; a handshake that was not answered is tried again."""
    expect(page.locator("#liveness")).to_have_attribute("data-state", "live", timeout=40_000)
