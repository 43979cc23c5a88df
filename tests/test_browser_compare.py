"""Two real servers and two directories in step: what differs is found, read and tried again in a browser."""

import json
import tempfile
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from nodes.postgres.connect import connect, one, wait_until
from tests.browser import pytestmark  # noqa: F401
from tests.engine import accounts
from tests.served import Served
from tests.test_engine_list import ANOTHER, WANTED

_SEED = """
from tests.portal import *
make_people()
given = {}
nodes = [Node.objects.create(name=name, conninfo=given[name]) for name in ("old", "new")]
pair = Pair.objects.create(name="shop", source=nodes[0], copy=nodes[1], suspend_wait_seconds=2)
StoragePool.objects.create(pair=pair, database=given["database"])
FileRoot.objects.create(pair=pair, source=given["source"], copy=given["copy"])
pair.ask("SYNC", "olga")
"""
_IN_STEP = """
    select count(*) = 2 from (
        select state, detail from nodes_storagepool union all select state, detail from nodes_fileroot) each
    where (state, detail) = ('ACTIVE', 'REPLICATING')
"""
_SCREEN = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}


@pytest.fixture
def trees():
    """The directory whose files move, and its copy."""
    with tempfile.TemporaryDirectory(prefix="mwa-browser-") as top:
        made = Path(top) / "old", Path(top) / "new"
        for tree in made:
            tree.mkdir()
        (made[0] / "invoice.txt").write_text("100.00 EUR")
        yield made


@pytest.fixture
def served(servers, database, trees):
    """A portal with an engine of its own, whose pair is in step; `sign_in` leads to it."""
    database.source.execute(accounts(1_000) + "; create table note (id int primary key, body text)")
    given = {
        "old": servers.source.conninfo(), "new": servers.copy.conninfo(), "database": database.name,
        "source": str(trees[0]), "copy": str(trees[1]),
    }  # fmt: skip
    portal = Served()
    try:
        portal.start()
        portal.run("shell", "-v0", "-c", _SEED.format(json.dumps(given)))
        with portal.database() as session:
            wait_until(lambda: one(session, _IN_STEP), "pool and file root in step", seconds=60, every=0.1)
        yield portal
        portal.stop()
    finally:
        portal.remove()


def test_what_differs_is_compared_and_read_side_by_side_and_once_mended_nothing_is_found(
    sign_in, database, trees
):
    database.copy.execute(
        "update account set n = 4711 where id = 7; delete from account where id = 8;"
        " insert into account values (90210, 5)"
    )
    (trees[1] / "left over.txt").write_text("of somebody")
    page = sign_in("olga", "/pairs/shop/compare/", **_SCREEN)
    _compare(page, database)
    _ended(page, "Different")
    _read_rows(page)
    _read_paths(page)
    wait_until(lambda: not (trees[1] / "left over.txt").exists(), "the primary to win", seconds=20)
    database.copy.execute(
        "update account set n = 0 where id = 7; insert into account values (8, 0);"
        " delete from account where id = 90210"
    )
    _compare(page, database)
    _ended(page, "Equal")
    for compares in (_compares(page, "tables"), _compares(page, "files")):
        expect(compares).to_have_count(2)
        expect(compares.nth(1)).to_contain_text("Different")


def _compare(page: Page, database) -> None:
    """Have everything compared; all that is to be seen of it comes without another request for the page."""
    with connect(database.copy_conninfo, "test", autocommit=False) as holder:
        holder.execute("lock table public.account")  # it is waited for, so that there is something to see
        with page.expect_navigation():
            page.get_by_role("button", name="Compare", exact=True).click()
        expect(page.locator("#progress")).to_contain_text("asked for by olga")
        page.evaluate("window.notReloaded = true")
        expect(page.locator("#progress")).to_contain_text("1 of 2 tables")


def _compares(page: Page, what: str) -> Locator:
    return page.get_by_role("region", name=f"Compares of {what}").locator("tbody tr")


def _ended(page: Page, verdict: str) -> None:
    expect(page.locator("#progress")).to_contain_text("No compare is running.", timeout=30_000)
    for compares in (_compares(page, "tables"), _compares(page, "files")):
        expect(compares.first).to_contain_text(verdict)
    assert page.evaluate("window.notReloaded")


def _read_rows(page: Page) -> None:
    """From the history to the rows of a table: a value that was changed, a row that is gone, one too many."""
    _compares(page, "tables").first.get_by_role("link").first.click()
    expect(page.get_by_role("region", name="Verdicts by table")).to_contain_text("public.note")
    page.get_by_role("link", name="public.account").click()
    for key, title, values in (
        ("{7}", "1 column differs", ["n", "0", "4711"]),
        ("{8}", "missing on the secondary", ["id", "8", "no row", "n", "0", "no row"]),
        ("{90210}", "only on the secondary", ["id", "no row", "90210", "n", "no row", "5"]),
    ):
        row = page.locator(".difference", has_text=f"Key {key}")
        expect(row).to_contain_text(title)
        expect(row.locator("tr.differs th, tr.differs td")).to_have_text(values)
        assert _lefts(row.locator("thead th")) == _lefts(row.locator("tr.differs").first.locator("th, td"))
    page.get_by_role("link", name="All compares").click()


def _lefts(cells: Locator) -> list[float]:
    """Where each begins, in pixels: a value stands below the node that it is from."""
    return cells.evaluate_all("cells => cells.map(cell => cell.getBoundingClientRect().left)")


def _read_paths(page: Page) -> None:
    _compares(page, "files").first.get_by_role("link").first.click()
    row = page.get_by_role("region", name="Differences below").locator("tr", has_text="left over.txt")
    expect(row).to_contain_text("extra")
    page.get_by_role("link", name="All compares").click()


def test_what_the_copy_has_refused_is_tried_again_once_its_cause_is_gone(sign_in, database):
    olga, vera = (sign_in(name, "/pairs/shop/definitions/", **_SCREEN) for name in ("olga", "vera"))
    migrated = sign_in("vera", "/pairs/shop/migrated/", **_SCREEN)
    database.copy.execute(ANOTHER.format("twice"))
    with psycopg.connect(database.source_conninfo, autocommit=True) as application:
        application.execute(WANTED.format("public.twice"))
    for page in (olga, vera):
        page.get_by_role("link", name="since this page was opened: refresh").click()
        expect(_entry(page)).to_contain_text("Failed")
        expect(_entry(page)).to_contain_text("cannot change return type of existing function")
        page.evaluate("window.notReloaded = true")
    database.copy.execute("drop function public.twice")
    _entry(olga).get_by_role("button", name="Try again").click()
    for page in (olga, vera):
        expect(page.locator("#counts")).to_contain_text("0 entries")
    expect(vera.locator("#rows")).to_contain_text("Not on the list any more.")
    migrated.get_by_role("link", name="since this page was opened: refresh").click()
    expect(_entry(migrated)).to_contain_text("function")
    assert vera.evaluate("window.notReloaded")
    assert one(database.copy, "select prosrc from pg_proc where proname = 'twice'") == "select i * 2"


def _entry(page: Page) -> Locator:
    return page.locator("#rows tr", has_text="public.twice")
