"""The live page in a real browser: it changes without being reloaded, and says so when it does not."""

import re

import pytest
from playwright.sync_api import expect

from nodes.postgres.connect import wait_until
from tests.browser import live, pytestmark  # noqa: F401
from tests.portal import PASSWORD

SEED = """
from tests.portal import *
make_people()
for name in ("shop", "crm", "erp", "hr"):
    pair = make_synchronizing_pair(name)
    make_copies(pair.pools.get(), 30)
    make_history(pair)
root = make_root(Pair.objects.get(name="erp"), "/srv/" + "old" * 300)
owe(root, b"invoices/" + b"x" * 4_000, "FAILED", failure="no room for " + "x" * 900)
carried(root, b"y" * 4_000)
root.changes.update(set_aside="OMITTED", set_aside_by="olga", set_aside_at=timezone.now())
make_samples(Pair.objects.get(name="hr").pools.get())
make_stuck_pair("stuck")
for entry in DefinitionEntry.objects.all():  # what is left over is in the way of a role swap
    entry.tick_off("olga")
"""


def test_what_one_person_does_appears_in_another_ones_page(sign_in):
    vera, olga = sign_in("vera", "/pairs/shop/"), sign_in("olga", "/pairs/shop/")
    home = sign_in("vera", "/")
    expect(vera.get_by_role("button", name="Pause", exact=True)).to_have_count(0)
    olga.get_by_role("button", name="Pause", exact=True).click()
    expect(vera.locator("#strip")).to_contain_text(re.compile(r"Pending phase\s*Pause"))
    expect(home.locator("#pairs")).to_contain_text("asked for: Pause")
    expect(olga.get_by_role("button", name="Cancel the pause")).to_be_visible()
    assert vera.evaluate("window.notReloaded") and home.evaluate("window.notReloaded")


def test_a_swap_is_asked_for_and_approved_by_two_people(sign_in, served):
    olga, artur = sign_in("olga", "/pairs/crm/cutover/"), sign_in("artur", "/pairs/crm/cutover/")
    olga.get_by_role("button", name="Request role swap").click()
    asked = olga.get_by_role("dialog", name="Request role swap: crm")
    expect(asked).to_contain_text("Writing to 1 database moves from old-crm to new-crm")
    asked.get_by_role("button", name="Request role swap crm").click()
    expect(artur.locator("#swap")).to_contain_text("asked for by olga")
    expect(olga.get_by_role("button", name="Approve this plan")).to_have_count(0)
    artur.get_by_role("button", name="Approve this plan").click()
    artur.get_by_role("button", name="Approve this plan crm").click()
    expect(olga.locator("#swap")).to_contain_text("decided by artur")
    assert olga.evaluate("window.notReloaded") is None  # her own request did lead her back
    with served.database() as database:
        state = "select state, decided_by_id <> requested_by_id from nodes_swaprequest"
        assert database.execute(state).fetchall() == [("APPROVED", True)]


def test_a_compare_shows_how_far_it_is_while_the_next_one_is_typed(sign_in, served):
    olga, vera = sign_in("olga", "/pairs/hr/compare/"), sign_in("vera", "/pairs/hr/compare/")
    olga.get_by_role("textbox", name="Schema").fill("billing")
    with olga.expect_navigation():
        olga.get_by_role("button", name="Compare", exact=True).click()
    expect(vera.locator("#progress")).to_contain_text("schema billing")
    olga.evaluate("window.notReloaded = true")
    olga.get_by_role("textbox", name="Schema").fill("next")
    with served.database() as database:
        database.execute(
            "update tracking_comparerun set started_at = now(), progress_at = now(), tables = 40,"
            " tables_done = 3, rows = 9000 where schema = 'billing'"
        )
    for page in (olga, vera):
        expect(page.locator("#progress")).to_contain_text("3 of 40 tables")
    assert olga.evaluate("window.notReloaded") and vera.evaluate("window.notReloaded")
    expect(olga.get_by_role("textbox", name="Schema")).to_have_value("next")
    olga.get_by_role("button", name=re.compile("Stop compare")).click()
    expect(vera.locator("#progress")).to_contain_text("Is being stopped by olga")


def test_a_rule_is_added_and_its_preview_appears_while_the_next_one_is_typed(sign_in, served):
    olga, vera = sign_in("olga", "/pairs/hr/criteria/"), sign_in("vera", "/pairs/hr/criteria/")
    olga.get_by_label("Inclusion").select_option("EXCLUDE")
    olga.get_by_role("textbox", name="Schema").fill("old")
    olga.locator("#id_label").fill("spring")
    olga.get_by_role("button", name="Add the rule").click()
    expect(vera.locator("#changes")).to_contain_text("schema old of *SYSBAS")
    olga.evaluate("window.notReloaded = true")
    olga.locator("#id_schema").fill("olde")
    with served.database() as database:
        database.execute(
            'update nodes_criteriachange set preview = \'{"changes": [], "more": 0, "refusals":'
            ' ["view v needs table old.t"]}\''
        )
    for page in (olga, vera):
        expect(page.locator("#changes")).to_contain_text("view v needs table old.t")
        expect(page.locator("#announcement")).to_have_text("spring: Cannot be committed as it is.")
        assert page.evaluate("window.notReloaded")
    expect(olga.locator("#id_schema")).to_have_value("olde")
    expect(vera.get_by_role("button", name="Commit")).to_have_count(0)
    olga.get_by_role("button", name="Roll back spring").click()
    expect(vera.locator("#changes")).to_contain_text("Nothing is pending")


def test_the_list_of_rules_is_filtered_and_a_rule_is_removed_under_a_label(sign_in, served):
    with served.database() as database:
        database.execute(
            "insert into nodes_criteriarule (pool_id, schema, object_type, name, inclusion, state, label)"
            " select s.id, 'archive', '', '', 'EXCLUDE', 'ACTIVE', '' from nodes_storagepool s"
            " join nodes_pair p on p.id = s.pair_id and p.name = 'hr'"
        )
    page = sign_in("olga", "/pairs/hr/criteria/")
    rules = page.locator("#rules tbody tr:visible")
    for shown, count in (("Rules that were made here", 1), ("Pending rules", 0), ("Rules of the system", 9)):
        page.get_by_label("Show").select_option(shown)
        expect(rules).to_have_count(count)
    page.get_by_label("Show").select_option("All rules")
    remove = page.get_by_role("button", name="Remove EXCLUDE everything in schema archive")
    remove.click()  # the browser asks for the label, and nothing is sent
    expect(page.get_by_label("Label for what is removed")).to_be_focused()
    assert page.evaluate("window.notReloaded")
    page.keyboard.type("autumn")
    remove.click()
    expect(page.locator("#changes")).to_contain_text("no longer: Excluded everything in schema archive")


def test_an_entry_is_removed_by_a_folded_button_and_stands_in_the_attempts(sign_in):
    olga, vera = sign_in("olga", "/pairs/hr/definitions/"), sign_in("vera", "/pairs/hr/definitions/")
    expect(vera.get_by_role("button", name="Remove")).to_have_count(0)
    attempts = sign_in("vera", "/pairs/hr/attempts/")
    row = olga.locator("#rows tr", has_text="ALTER TYPE")
    expect(row.get_by_role("button", name="Remove")).to_be_hidden()
    row.locator("summary").click()
    row.get_by_role("button", name="Remove").click()
    expect(vera.locator("#rows")).to_contain_text("Not on the list any more.")
    offered = attempts.get_by_role("link", name="1 change since this page was opened: refresh")
    expect(offered).to_be_visible()
    assert vera.evaluate("window.notReloaded") and attempts.evaluate("window.notReloaded")
    offered.click()
    removed = attempts.locator("#rows tr", has_text="Removed")
    expect(removed).to_contain_text("public.mood")
    expect(removed).to_contain_text("olga")


def test_a_session_is_ended_after_it_was_said_what_that_does_and_no_update_closes_the_dialog(sign_in, served):
    path = "/pairs/stuck/synchronization/"
    olga, vera = sign_in("olga", path), sign_in("vera", path)
    expect(vera.locator("#preventing")).to_contain_text("nightly export")
    expect(vera.get_by_role("button", name="End")).to_have_count(0)
    olga.get_by_role("button", name="End pid 4711").click()
    dialog = olga.get_by_role("dialog")
    expect(dialog).to_contain_text("No other session is touched.")
    with served.database() as database:
        database.execute("update tracking_nodejobs set failure = 'no route to host' where role = 'SECONDARY'")
    for page in (olga, vera):
        expect(page.locator("#preventing")).to_contain_text("no route to host")
    dialog.get_by_role("button", name="End pid 4711").click()
    expect(dialog).to_have_count(0)
    with served.database() as database:
        asked = database.execute("select kind, role, pid, asked_by from tracking_noderequest").fetchall()
    assert asked == [("END", "PRIMARY", 4711, "olga")]


def test_what_nobody_rang_for_appears_all_the_same(sign_in, served):
    page = sign_in("vera", "/pairs/erp/")
    with served.database() as database:
        database.execute(
            "update nodes_pair set detail_text = 'waiting for 2 transactions' where name = 'erp'"
        )
    expect(page.locator("#head")).to_contain_text("waiting for 2 transactions")
    assert page.evaluate("window.notReloaded")


def test_a_root_is_added_and_removed_and_appears_in_the_pages_of_others(sign_in, tmp_path):
    (tmp_path / "old").mkdir()
    vera, olga = sign_in("vera", "/pairs/hr/"), sign_in("olga", "/pairs/hr/files/")
    listed = sign_in("vera", "/pairs/hr/paths/")
    olga.get_by_label("Source", exact=True).fill(str(tmp_path / "old"))
    olga.get_by_label("Copy", exact=True).fill(str(tmp_path / "new"))
    olga.get_by_role("button", name="Add the file root").click()
    expect(olga.get_by_role("alert")).to_contain_text("new: does not exist; needed is a directory")
    expect(olga.get_by_label("Source", exact=True)).to_have_value(str(tmp_path / "old"))
    (tmp_path / "new").mkdir()
    olga.get_by_role("button", name="Add the file root").click()
    expect(vera.locator("#roots")).to_contain_text(str(tmp_path / "old"))
    expect(listed.locator("#rows")).to_contain_text("The list is empty.")
    olga.locator("summary", has_text="Remove").click()
    olga.get_by_role("button", name="Remove IFS 1").click()
    expect(olga.locator("#list")).to_contain_text("No directory yet")
    expect(vera.locator("#roots")).to_be_empty()
    assert vera.evaluate("window.notReloaded") and (tmp_path / "old").is_dir()


def test_an_update_takes_nothing_away_from_whoever_is_reading(sign_in, served):
    page = sign_in("olga", "/pairs/erp/migration/")
    page.get_by_role("link", name="Compare").focus()
    scroller = page.get_by_role("region", name="Tables being copied")
    scroller.evaluate("element => element.scrollTop = 100")
    before = page.locator("#strip dl").inner_text()
    with served.database() as database:
        database.execute("update tracking_tablecopy set rows = rows + 1 where state = 'COPYING'")
    expect(page.locator("#strip dl")).not_to_have_text(before)
    expect(page.locator("#strip dl")).not_to_have_text(page.locator("#strip dl").inner_text())
    assert page.evaluate("document.activeElement.textContent") == "Compare"
    assert scroller.evaluate("element => element.scrollTop") == 100


def test_what_was_unfolded_stays_so_when_the_page_changes(sign_in, served):
    page = sign_in("olga", "/pairs/hr/")
    page.locator("#figures summary").click()
    before = page.locator("#strip dl").inner_text()
    with served.database() as database:
        database.execute("update nodes_storagepool set lag_bytes = lag_bytes + 1")
    expect(page.locator("#strip dl")).not_to_have_text(before)
    assert page.locator("#figures").get_attribute("open") is not None


def test_updates_are_paused_by_a_button_and_come_at_once_when_they_go_on(sign_in, served):
    page = sign_in("vera", "/pairs/erp/")
    page.get_by_role("button", name="Pause updates").click()
    expect(page.locator("#liveness")).to_have_attribute("data-state", "paused")
    with served.database() as database:
        database.execute("update nodes_pair set detail_text = 'while paused' where name = 'erp'")
    page.wait_for_timeout(6_000)  # longer than the tick: nothing may come
    expect(page.locator("#head")).not_to_contain_text("while paused")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#head")).to_contain_text("while paused")
    live(page)


def test_without_sockets_the_page_asks_for_its_parts(sign_in, served):
    page = sign_in("vera", "/pairs/erp/")
    page.context.route_web_socket(re.compile("/ws/"), lambda socket: socket.close(code=1011))
    page.reload()
    expect(page.locator("#liveness")).to_have_attribute("data-state", "polling")
    with served.database() as database:
        database.execute("update nodes_pair set detail_text = 'heard without one' where name = 'erp'")
    expect(page.locator("#head")).to_contain_text("heard without one")


def test_a_screen_reader_is_told_of_a_transition(sign_in, served):
    page = sign_in("vera", "/pairs/hr/")
    region = page.get_by_role("status")
    expect(region).to_have_attribute("aria-live", "polite")
    expect(region).to_have_text("hr: Synchronizing, active; *SYSBAS active replicating.")
    with served.database() as database:
        database.execute("update nodes_pair set phase = 'PAUSED', phase_detail = 'I' where name = 'hr'")
    expect(region).to_have_text("hr: Paused, idle; *SYSBAS active replicating.")


_ONE_MORE = """
    insert into tracking_poolsample (pool_id, at, on_copy, state, detail, written, read, tracked_rows,
                                     tracked_changes)
    select pool_id, now(), on_copy, state, detail, written + 1000000, read, 0, 0
    from tracking_poolsample order by at desc limit 1
"""
_HAS_COLOUR = """colour => {
    const canvas = document.querySelector("#chart canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    for (let n = 0; n < data.length; n += 4)
        if (colour.every((part, at) => Math.abs(data[n + at] - part) < 3)) return true;
    return false;
}"""


def test_a_chart_follows_the_samples_and_the_colours_and_is_printed_as_curves(sign_in, served):
    page = sign_in("vera", "/pairs/hr/", color_scheme="light", reduced_motion="reduce")
    chart, curve = page.locator("#chart"), page.locator("#curve-lag svg")
    expect(chart.locator("canvas")).to_be_visible()
    expect(curve).to_be_hidden()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    before = chart.get_attribute("data-until")
    with served.database() as database:
        database.execute(_ONE_MORE)
        database.execute(_ONE_MORE)
    expect(chart).not_to_have_attribute("data-until", before)
    assert page.evaluate(_HAS_COLOUR, [15, 98, 254]) and not page.evaluate(_HAS_COLOUR, [69, 137, 255])
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    wait_until(lambda: page.evaluate(_HAS_COLOUR, [69, 137, 255]), "the chart in dark colours", seconds=10)
    page.emulate_media(media="print")
    expect(curve).to_be_visible()
    expect(chart).to_be_hidden()
    assert [url for url in asked if "samples" not in url] == [] and len(asked) <= 1  # after a gap


def test_without_scripts_the_curves_and_their_figures_are_there(served, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served.url}/pairs/hr/?minutes=360")
    page.get_by_label("Username").fill("vera")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#curve-lag svg")).to_be_visible()
    expect(page.locator("#chart")).to_be_hidden()
    page.get_by_text("The same in figures").click()
    expect(page.get_by_role("columnheader", name="Highest lag")).to_be_visible()
    page.get_by_role("navigation", name="How far back").get_by_role("link", name="1 h").click()
    expect(page.locator("#curve-rate figcaption")).to_contain_text("MB/s at most")
    context.close()


def test_signing_out_in_one_tab_is_seen_in_the_other(sign_in, served):
    page = sign_in("olga", "/pairs/erp/")
    other = page.context.new_page()
    other.goto(served.url)
    live(other)
    other.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("Signed out: sign in")).to_be_visible()


def test_a_page_is_usable_by_keyboard(sign_in):
    page = sign_in("olga", "/pairs/erp/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") in ("Pause", "Request role swap")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/pairs/erp/",
        "/pairs/erp/criteria/",
        "/pairs/erp/files/",
        "/pairs/erp/migration/",
        "/pairs/stuck/synchronization/",
    ],
)
def test_nothing_overflows_a_phone(sign_in, path, scheme):
    page = sign_in("vera", path, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_portal_that_is_gone_is_visible_and_heals(sign_in, served):
    page = sign_in("vera", "/pairs/erp/")
    served.stop()
    expect(page.locator("#liveness")).to_have_text(
        re.compile(r"Not live since\s\d\d:\d\d:\d\d UTC"), use_inner_text=True
    )
    served.start("--no-worker")
    wait_until(served.answers, "the portal", seconds=20)
    live(page)
    assert page.evaluate("window.notReloaded")
