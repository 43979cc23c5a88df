"""A list in a real browser: its rows follow and do not jump, and what is ticked stays ticked."""

from playwright.sync_api import expect

from tests.browser import pytestmark  # noqa: F401
from tests.test_portal_browser import SEED  # noqa: F401


def test_rows_follow_in_their_places_and_what_is_ticked_is_asked_for(sign_in, served):
    with served.database() as database:
        (root,) = database.execute("select id from nodes_fileroot").fetchone()
        database.execute("delete from tracking_filechange")
        database.execute(_OWE, [root])
    olga = sign_in("olga", "/pairs/erp/paths/")
    expect(olga.locator("#rows tbody tr")).to_have_count(3)
    olga.get_by_role("checkbox", name="b.txt").check()
    with served.database() as database:
        database.execute("update tracking_filechange set failure = 'no longer room' where path = 'c.txt'")
        database.execute("delete from tracking_filechange where path = 'a.txt'")
        database.execute(
            "insert into tracking_filechange (root_id, turn, path) values (%s, 9, 'new.txt')", [root]
        )
    expect(olga.locator("#rows")).to_contain_text("no longer room")
    expect(olga.locator("#rows tbody tr").first).to_contain_text("Not on the list any more.")
    expect(olga.locator("#rows")).not_to_contain_text("new.txt")
    expect(olga.get_by_role("checkbox", name="b.txt")).to_be_checked()
    olga.get_by_role("button", name="Omit the ticked entries").click()
    expect(olga.locator("#bulk-omit")).to_contain_text("Each of 1 ticked entry is carried no more")
    olga.locator("#bulk-omit").get_by_role("button", name="Omit Files (ITL)").click()
    expect(olga.locator(".notice-success")).to_contain_text("Omit: 1 done.")
    expect(olga.locator("#rows")).to_contain_text("new.txt")
    with served.database() as database:
        omitted = database.execute(
            "select path from tracking_filechange where set_aside = 'OMITTED'"
        ).fetchall()
    assert [bytes(path) for (path,) in omitted] == [b"b.txt"]


def test_what_is_new_is_offered_and_shown_when_it_is_asked_for(sign_in, served):
    olga = sign_in("olga", "/pairs/erp/attempts/")
    with served.database() as database:
        database.execute(_ATTEMPT)
    olga.get_by_role("link", name="1 change since this page was opened: refresh").click()
    expect(olga.locator("#rows")).to_contain_text("public.only_now")
    olga.get_by_label("Search").fill("ONLY")
    olga.get_by_label("Search").press("Enter")
    expect(olga.locator("#rows tbody tr")).to_have_count(1)
    olga.go_back()
    expect(olga.locator("#filter-q")).to_have_value("")


_OWE = """
    insert into tracking_filechange (root_id, turn, path, state, failure)
    select %s, n, convert_to(chr(96 + n) || '.txt', 'UTF8'), 'FAILED', 'no room' from generate_series(1, 3) n
"""
_ATTEMPT = """
    insert into tracking_attempt (pool_id, object_type, schema_name, identity, command, ended_at, outcome,
                                  message, job, by, times)
    select pool.id, 'view', 'public', 'public.only_now', 'CREATE VIEW', now(), 'CARRIED', '', '', '', 1
    from nodes_storagepool pool join nodes_pair pair on pair.id = pool.pair_id where pair.name = 'erp'
"""
