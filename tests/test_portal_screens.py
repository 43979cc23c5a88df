"""Every page, in light and dark: WCAG 2.2 AA, nothing wider than the window, nothing in the console.

With MWA_SCREENS=1 the pictures in docs/screens/ are made anew (`make screens`).
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import live, pytestmark  # noqa: F401
from tests.pictures import picture
from tests.portal import PASSWORD
from tests.served import Served
from tracking.pages import PAGES

SCREENS = Path(__file__).resolve().parents[1] / "docs" / "screens"
SEED = "from tests.scenery import *; make_scenery()"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OTHERS = {
    "home": "/",
    "new-pair": "/pairs/new/",
    "object-types": "/object-types/",
    "pool-properties": "/pairs/shop/properties/2/",
}
LIVELIEST = {
    "migration": "crm",
    "synchronization": "billing",
    "tables": "billing",
}  # where the most is to be seen
EVERY = {
    **OTHERS,
    **{key or "overview": f"/pairs/{LIVELIEST.get(key, 'shop')}/{f'{key}/' if key else ''}" for key in PAGES},
}
LOWEST, HIGHEST = 960, 2_000  # pixels of a picture; the whole menu is on each
_JUST_MEASURED = """
    with gap as (select now() - max(at) as passed from tracking_poolsample),
        measured as (update nodes_storagepool set measured_at = now())
    update tracking_poolsample set at = at + passed from gap
"""  # there is no engine that does it
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
    with served.database() as database:
        database.execute(_JUST_MEASURED)
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


_STOP = """before => {
    const now = document.activeElement;
    const later = !before || before.compareDocumentPosition(now) & Node.DOCUMENT_POSITION_FOLLOWING;
    return later && getComputedStyle(now).outlineStyle === "solid" ? "" : now.outerHTML;
}"""


def test_the_tab_key_goes_through_a_page_from_above_and_shows_where_it_is(window, served):
    page = window("light")
    page.set_viewport_size(DESK)
    page.goto(f"{served.url}/pairs/shop/definitions/")
    before = None
    for _ in range(60):
        page.keyboard.press("Tab")
        assert page.evaluate(_STOP, before) == ""
        before = page.evaluate_handle("document.activeElement")


def test_the_menu_and_what_is_asked_are_opened_and_left_by_keyboard(window, served):
    page = window("light")
    page.set_viewport_size(PHONE)
    page.goto(f"{served.url}/pairs/shop/guide/")
    menu, button = (
        page.get_by_role("navigation", name="Pages of shop"),
        page.get_by_role("button", name="Menu"),
    )
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    page.keyboard.press("Tab")
    expect(menu.get_by_role("link", name="Overview")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
    asks, dialog = page.locator("#remove-ask"), page.get_by_role("dialog", name="Remove: shop")
    asks.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Remove shop")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(asks).to_be_focused()


def _picture(page: Page, path: Path) -> None:
    """All of the page, down to a limit."""
    height = min(page.evaluate("document.documentElement.scrollHeight"), HIGHEST)
    page.set_viewport_size({**DESK, "height": max(height, LOWEST)})
    picture(page, path)


def test_each_page_has_its_two_pictures():
    there = {path.stem for path in SCREENS.glob("*.png")}
    assert there == {f"{name}-{scheme}" for name in EVERY for scheme in ("light", "dark")}
