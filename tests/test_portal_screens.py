"""Every page, in light and dark: WCAG 2.2 AA, nothing wider than the window, nothing in the console.

With MWA_SCREENS=1 the pictures in docs/screens/ are made anew (`make screens`).
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import live, pytestmark as pytestmark
from tests.pictures import picture
from tests.portal import PASSWORD
from tests.served import Served
from tracking.pages import PAGES

SCREENS = Path(__file__).resolve().parents[1] / "docs" / "screens"
SEED = "from tests.scenery import *; make_scenery()"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OTHERS = {"home": "/", "new-pair": "/pairs/new/", "object-types": "/object-types/"}
LIVELIEST = {"migration": "crm", "synchronization": "billing"}  # where the most is to be seen
EVERY = {
    **OTHERS,
    **{key or "overview": f"/pairs/{LIVELIEST.get(key, 'shop')}/{f'{key}/' if key else ''}" for key in PAGES},
}
LOWEST, HIGHEST = 960, 2_000  # pixels of a picture; the whole menu is on each
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def window(served: Served, chromium: Browser) -> Iterator[Callable[[str], Page]]:
    """window("dark") is Olga's, who signs in once for all pages."""
    pages: dict[str, Page] = {}

    def of(scheme: str) -> Page:
        if scheme not in pages:
            page = chromium.new_context(
                color_scheme=scheme, viewport=DESK, reduced_motion="reduce"
            ).new_page()
            page.set_default_timeout(10_000)
            page.goto(served.url)
            page.get_by_label("Username").fill("olga")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            live(page)
            pages[scheme] = page
        return pages[scheme]

    yield of
    for page in pages.values():
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", EVERY)
def test_a_page_is_accessible_and_fits_its_window(window, served, name, scheme):
    page, said = window(scheme), []
    page.set_viewport_size(DESK)
    page.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{served.url}{EVERY[name]}")
    if page.locator("#liveness").count():
        live(page)
    found = Axe().run(page, options={"runOnly": TAGS})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= DESK["width"]
    if os.environ.get("MWA_SCREENS"):
        _picture(page, SCREENS / f"{name}-{scheme}.png")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert said == []


def _picture(page: Page, path: Path) -> None:
    """All of the page, down to a limit."""
    height = min(page.evaluate("document.documentElement.scrollHeight"), HIGHEST)
    page.set_viewport_size({**DESK, "height": max(height, LOWEST)})
    picture(page, path)


def test_each_page_has_its_two_pictures():
    there = {path.stem for path in SCREENS.glob("*.png")}
    assert there == {f"{name}-{scheme}" for name in EVERY for scheme in ("light", "dark")}
