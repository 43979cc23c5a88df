"""Every page, in light and dark: WCAG 2.2 AA, nothing wider than the window, nothing in the console.

With MWA_SCREENS=1 the pictures in docs/screens/ are made anew (`make screens`).
"""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser import pytestmark  # noqa: F401
from tracking.pages import PAGES

SCREENS = Path(__file__).resolve().parents[1] / "docs" / "screens"
SEED = "from tests.scenery import *; make_scenery()"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OTHERS = {"home": "/", "new-pair": "/pairs/new/", "object-types": "/object-types/"}
EVERY = {**OTHERS, **{key or "overview": f"/pairs/shop/{f'{key}/' if key else ''}" for key in PAGES}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", EVERY)
def test_a_page_is_accessible_and_fits_its_window(sign_in, name, scheme):
    page = sign_in("olga", EVERY[name], color_scheme=scheme, viewport={"width": 1280, "height": 800})
    page.wait_for_load_state("networkidle")
    found = Axe().run(page, options={"runOnly": TAGS})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    if os.environ.get("MWA_SCREENS"):
        page.screenshot(path=SCREENS / f"{name}-{scheme}.png", full_page=True)


def test_each_page_has_its_two_pictures():
    there = {path.stem for path in SCREENS.glob("*.png")}
    assert there == {f"{name}-{scheme}" for name in EVERY for scheme in ("light", "dark")}
