"""From an empty portal to a pair in step, in a real browser, between two real servers; and away again."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from nodes.postgres.connect import connect, for_database, one
from tests.browser import live, pytestmark  # noqa: F401
from tests.engine import accounts
from tests.portal import PASSWORD
from tests.served import Served

_ROWS = 20_000


@pytest.fixture
def portal():
    """A portal with an engine of its own, and nothing in it but people."""
    served = Served()
    try:
        served.start()
        served.run("shell", "-v0", "-c", "from tests.portal import *; make_people()")
        yield served
    finally:
        served.stop()
        served.remove()


@pytest.fixture
def olga(portal: Served, chromium: Browser):
    """Her page; the console has to stay empty."""
    said: list[str] = []
    page = chromium.new_context().new_page()
    page.set_default_timeout(10_000)
    hint = "Multiple forms should be contained"  # two secrets in one form: Chromium's own advice
    page.on("console", lambda message: hint in message.text or said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{portal.url}/pairs/new/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    yield page
    page.context.close()
    assert [text for text in said if "WebSocket" not in text and "htmx:ws:error" not in text] == []


def test_a_pair_is_set_up_started_and_removed_in_the_browser(olga: Page, servers, database):
    database.source.execute(accounts(_ROWS))
    database.copy.close()
    with connect(servers.copy.conninfo(), "test") as admin:
        admin.execute(f"drop database {database.name}")
    _name_two_nodes(olga, servers)
    _choose(olga, database.name)
    _look(olga, database.name)
    _start(olga, servers, database.name)
    _remove(olga, servers)


def _name_two_nodes(page: Page, servers) -> None:
    page.get_by_label("Name of the pair").fill("shop")
    page.get_by_label("Name of the new source").fill("old-host")
    page.get_by_label("Connection string of the new source").fill(servers.source.conninfo())
    page.get_by_label("Name of the new copy").fill("new-host")
    page.get_by_label("Connection string of the new copy").fill("host=127.0.0.1 port=1")
    page.get_by_role("button", name="Add the pair").click()
    expect(page.get_by_text("node new-host does not answer")).to_be_visible()
    expect(page.get_by_label("Source node")).to_have_value(re.compile(r"\d+"))  # that one was right
    page.get_by_label("Name of the new copy").fill("new-host")
    page.get_by_label("Connection string of the new copy").fill(servers.copy.conninfo())
    page.get_by_role("button", name="Add the pair").click()


def _choose(page: Page, database: str) -> None:
    live(page)
    page.get_by_label(f"Move {database}").check()
    page.get_by_role("button", name="Save the choice").click()
    page.get_by_role("link", name="Next: Replication criteria").click()
    page.get_by_role("link", name="Next: Preflight").click()


def _look(page: Page, database: str) -> None:
    """It fails for want of a database on the copy, which is made then."""
    live(page)
    page.evaluate("window.notReloaded = true")
    page.get_by_role("button", name="Run the preflight").click()
    checks = page.get_by_role("region", name="Checks: Failed")
    expect(checks).to_contain_text(f"no such database: {database}", timeout=20_000)
    expect(page.get_by_role("button", name="Start migration")).to_have_count(0)
    page.get_by_role("button", name="Create databases", exact=True).click()
    page.get_by_role("button", name="Create databases on new-host").click()
    expect(page.locator("#preflight")).to_contain_text(
        f"database {database} was made on new-host", timeout=20_000
    )
    page.get_by_role("button", name="Start migration", exact=True).click()
    page.get_by_role("button", name="Start migration of shop").click()


def _start(page: Page, servers, database: str) -> None:
    live(page)
    page.evaluate("window.notReloaded = true")
    step = page.locator("#step-3")
    expect(step).to_have_attribute("aria-current", "step", timeout=30_000)
    expect(step).to_contain_text("1 of 1 replicating", timeout=30_000)
    expect(step.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator("#step-2")).to_contain_text(f"{_ROWS:,} rows of 1 table copied")
    assert page.evaluate("window.notReloaded")
    with connect(for_database(servers.copy.conninfo(), database), "test") as copy:
        assert one(copy, "select count(*) from public.account") == _ROWS


def _remove(page: Page, servers) -> None:
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("It cannot be undone")
    page.get_by_role("button", name="Remove shop").click()
    expect(page.locator("#liveness")).to_have_attribute("data-state", "gone", timeout=20_000)
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            left = one(admin, "select count(*) from pg_replication_slots")
            assert left + one(admin, "select count(*) from pg_subscription") == 0
