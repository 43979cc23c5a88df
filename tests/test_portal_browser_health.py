"""The health center and the flight recorder in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser import pytestmark  # noqa: F401

SEED = """
from tests.portal import *
from tests.health import *
make_people()
pair = make_synchronizing_pair("shop")
make_health(pair)
make_alerts(pair)
make_room(make_root(pair))
make_lines(pair, 150)
make_lines(pair, 1, "ValueError: no\\nTraceback", level=0, component="FILES")
"""
_LINE = """
    insert into tracking_recorderline (pair_id, at, place, component, level, text)
    select id, now(), '', 'ENGINE', 2, 'just now' from nodes_pair
"""
_TWICE = (
    "update tracking_nodehealth set silent_since = now(), answers_since = null, error = 'no route to host'"
)


def test_an_alert_is_acknowledged_and_a_node_that_goes_away_appears_while_a_threshold_is_typed(
    sign_in, served
):
    vera, olga = sign_in("vera", "/pairs/shop/health/"), sign_in("olga", "/pairs/shop/health/")
    olga.get_by_role("button", name="Acknowledge: slot mwa_0badf0_1_f").press("Enter")
    expect(vera.locator("#alerts")).to_contain_text("by olga")
    expect(vera.get_by_role("button", name="Acknowledge")).to_have_count(0)
    olga.get_by_label("Log held").fill("3 GB")
    with served.database() as database:
        database.execute(_TWICE)
    for page in (vera, olga):
        expect(page.locator("#figures")).to_contain_text("no route to host")
        expect(page.locator("#figures")).to_contain_text("These are the figures of")
    expect(olga.get_by_label("Log held")).to_have_value("3 GB")
    olga.get_by_role("button", name="Save the thresholds").click()
    expect(olga.get_by_label("Log held")).to_have_value("3 GB")
    expect(vera.get_by_text("Save the thresholds")).to_have_count(0)


def test_new_lines_are_offered_while_the_ones_that_are_read_stay(sign_in, served):
    page = sign_in("olga", "/pairs/shop/recorder/")
    page.get_by_role("region", name="Flight recorder").locator("summary").click()
    with served.database() as database:
        database.execute(_LINE)
    expect(page.locator("#news")).to_contain_text("1 new line, refresh")
    assert page.evaluate("window.notReloaded") and page.get_by_text("just now").count() == 0
    page.get_by_role("link", name="1 new line, refresh").click()
    expect(page.get_by_text("just now")).to_be_visible()
    page.get_by_label("Level", exact=True).select_option("Error")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".recorded tbody tr")).to_have_count(1)
    expect(page.locator("#news")).to_contain_text("No new line")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the support bundle").click()
    assert download.value.suggested_filename.startswith("support-shop-")


@pytest.mark.parametrize("path", ["/pairs/shop/health/", "/pairs/shop/recorder/"])
def test_nothing_overflows_a_phone(sign_in, path):
    page = sign_in("olga", path, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
