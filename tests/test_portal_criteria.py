"""The page of the replication criteria: what it shows is so, what is asked there happens, or is refused."""

from html import unescape

import pytest
from django.test import Client

from mwaportal.access import Viewer
from nodes.models import CriteriaChange, CriteriaRule, Pair, StoragePool
from tests import portal
from tests.portal import OLGA, make_pair, make_people, make_synchronizing_pair, propose
from tracking.pages import render_pair

pytestmark = pytest.mark.django_db
PATH = "/pairs/shop/criteria/"
RULE = {"inclusion": "EXCLUDE", "schema": "public", "object_type": "table", "name": "log", "label": "spring"}


@pytest.fixture
def olga() -> Client:
    client = Client()
    client.force_login(make_people()["olga"])
    return client


def post(client: Client, path: str, **data: str) -> str:
    return unescape(client.post(path, data, follow=True).content.decode())


def part(pair: Pair, name: str, viewer: Viewer = OLGA) -> str:
    return portal.part(pair, name, viewer)


def lines(pair: Pair) -> list[str]:
    """The rules as they are read, a line each."""
    rows = part(pair, "rules").split("<tr data-kind=")[1:]
    return [" ".join(unescape(_text(row.split("</tr>")[0])).split()) for row in rows]


def _text(html: str) -> str:
    return "".join(" " + piece.split(">", 1)[1] for piece in ("<" + html).split("<")[1:] if ">" in piece)


def seen(change: CriteriaChange, *refusals: str, more: int = 0) -> None:
    changed = {"object_type": "table", "schema": "public", "identity": "public.<b>log", "before": "INCLUDE",
               "after": "EXCLUDE", "effect": "stays as it is"}  # fmt: skip
    change.show({"changes": [changed], "more": more, "refusals": list(refusals)})


# The rules


def test_without_a_rule_the_system_s_are_shown_and_what_can_be_overridden():
    pair = make_pair()
    found = lines(pair)
    assert found[0] == "Included all all all Active System , can be overridden : what no other rule is about"
    assert "Excluded pg_catalog all all Active System , cannot be overridden : PostgreSQL's own" in found[1]
    assert "Included none schema all Active System , cannot be overridden" in " ".join(found)
    assert len(found) == 9 and "formaction" not in part(pair, "rules")


def test_a_rule_is_shown_with_its_state_its_label_and_what_may_be_done():
    pool = make_pair().pools.get()
    propose(pool, "EXCLUDE", "old").settle()
    propose(pool, "EXCLUDE", "", "large object").settle()
    propose(pool, "DEFINITION", "public", "table", "log")
    pool.criteria.get(schema="old").remove("spring", "olga")
    assert lines(pool.pair)[:3] == [
        "Excluded none large object all Active User Remove",
        "Excluded old all all Pending, to be removed under spring User",
        "Definition only public table log Pending, to be added under spring User Withdraw",
    ]
    assert "formaction" not in part(pool.pair, "rules", Viewer())


def test_each_pool_has_a_default_that_its_rule_overrides():
    first, second = make_pair(databases=("shop", "billing")).pools.all()
    propose(first, "EXCLUDE").settle()
    propose(second, "EXCLUDE")
    found = lines(first.pair)
    assert found[0] == "Excluded *SYSBAS all all all Active User Remove"
    assert found[2].startswith("Included *SYSBAS all") and found[2].endswith("overridden by a rule")
    assert found[3].startswith("Included billing all") and found[3].endswith("what no other rule is about")


def test_the_pair_s_page_leads_there_and_says_how_many_rules_there_are(olga):
    pool = make_pair().pools.get()
    assert "everything is mirrored" in olga.get("/pairs/shop/").content.decode()
    propose(pool, "EXCLUDE", "old").settle()
    propose(pool, "EXCLUDE", "older")
    page = olga.get("/pairs/shop/").content.decode()
    assert f'<a href="{PATH}">Replication criteria</a>: 1 rule in force, 1 pending.' in page


# What is pending


def test_a_change_says_who_has_to_do_what():
    pool = make_synchronizing_pair().pools.get()
    change = propose(pool, "EXCLUDE", "public", "table", "log")
    assert "Nothing is pending" in part(make_pair("crm"), "changes")
    assert "The engine is looking at it, once one works on this pair" in part(pool.pair, "changes")
    pool.pair.take_lease("somebody", 60)
    assert "The engine is looking at it <" in part(pool.pair, "changes").replace("</span>", " <")
    StoragePool.objects.update(step="COPIED")
    assert "looking at it, once the tables have been handed over" in part(pool.pair, "changes")
    StoragePool.objects.update(step="MIRRORED")
    seen(change)
    assert "Can be committed" in part(pool.pair, "changes")
    seen(change, "view v needs table public.log")
    assert "Cannot be committed as it is" in part(pool.pair, "changes")
    change.commit("oskar")
    page = part(pool.pair, "changes")
    assert "Being committed" in page and "formaction" not in page
    change.refuse("view v needs table public.log; it is gone")
    page = part(pool.pair, "changes")
    assert "The last commit was refused" in page and page.count("view v needs table public.log") == 1


def test_before_the_migration_begins_a_refusal_is_what_it_would_stop_with():
    change = propose(make_pair().pools.get(), "EXCLUDE", "public", "table", "log")
    seen(change, "view v needs table public.log")
    page = part(change.pool.pair, "changes")
    assert "The migration could not begin with it" in page and "view v needs table public.log" in page


def test_a_preview_says_what_becomes_of_each_object_and_is_only_text():
    change = propose(make_pair().pools.get(), "EXCLUDE", "public", "table", "<b>log")
    seen(change, more=41)
    page = part(change.pool.pair, "changes")
    assert "42 objects change, of which the first 1 are listed" in page and "stays as it is" in page
    assert "public.&lt;b&gt;log" in page and "<b>" not in page
    change.show({"changes": [], "more": 0, "refusals": []})
    assert "No object that is there now changes." in part(change.pool.pair, "changes")


def test_a_screen_reader_is_told_where_each_change_stands():
    change = propose(make_pair().pools.get(), "EXCLUDE", "old")
    seen(change)
    assert render_pair(change.pool.pair_id, "criteria", OLGA)["announcement"] == "spring: Can be committed."


def test_many_rules_need_no_more_queries(django_assert_num_queries):
    pool = make_pair().pools.get()
    for n in range(20):
        propose(pool, "EXCLUDE", f"s{n}", label=f"change {n % 5}")
    with django_assert_num_queries(8):
        render_pair(pool.pair_id, "criteria", OLGA)


# What is asked


def test_a_rule_is_added_and_the_engine_is_woken(olga, rung):
    pair = make_pair()
    page = post(olga, PATH, **RULE)
    rule = CriteriaRule.objects.get()
    assert str(rule) == "EXCLUDE table log in schema public of *SYSBAS"
    assert (rule.label, rule.pool.criteria_changes.get().by, rung) == ("spring", "olga", [pair.pk])
    assert 'name="label" value="spring"' in page  # what comes next may be part of the same
    assert '<select name="pool"' not in page


def test_what_was_typed_stays_where_it_is_refused_with_the_reason(olga, rung):
    make_pair()
    page = post(olga, PATH, **{**RULE, "inclusion": "DEFINITION", "object_type": "view"})
    assert 'role="alert"' in page and "which has no contents; needed is one of table, materialized" in page
    assert 'value="log"' in page and '<option value="view" selected>' in page
    page = post(olga, PATH, **{**RULE, "label": " "})
    assert 'id="id_label_error">This field is required.' in page and 'aria-invalid="true"' in page
    assert rung == [] and not CriteriaRule.objects.exists()
    assert 'id="id_object_type_error">Select a valid choice' in post(
        olga, PATH, **{**RULE, "object_type": "x"}
    )


def test_a_second_rule_for_the_same_is_refused_with_the_name_of_the_first(olga):
    pool = make_pair().pools.get()
    propose(pool, "DEFINITION", "public", "table", "log", "autumn")
    page = post(olga, PATH, **RULE)
    assert page.count("is pending under 'autumn'; needed is one rule for the same") == 1
    assert "pending already" not in page


def test_where_there_are_several_pools_the_rule_names_its_own(olga):
    _, billing = make_pair(databases=("shop", "billing")).pools.all()
    make_pair("crm")
    other = StoragePool.objects.get(pair__name="crm")
    assert 'id="id_pool_error">' in post(olga, PATH, **RULE, pool=str(other.pk))
    post(olga, PATH, **RULE, pool=str(billing.pk))
    assert CriteriaRule.objects.get().pool == billing


def test_a_rule_is_removed_under_a_label_and_one_that_is_only_pending_without(olga, rung):
    pair = make_pair()
    pool = pair.pools.get()
    propose(pool, "EXCLUDE", "old").settle()
    rule = pool.criteria.get()
    url = f"{PATH}rules/{rule.pk}/remove/"
    page = post(olga, url, label=" ")
    assert "the label of a pending rule of *SYSBAS is empty" in page and "Add a rule" in page and rung == []
    post(olga, url, label="autumn")
    rule.refresh_from_db()
    assert (rule.state, rule.label, rung) == ("PENDING REMOVE", "autumn", [pair.pk])
    pending = propose(pool, "EXCLUDE", "older").rules.get()
    post(olga, f"{PATH}rules/{pending.pk}/remove/")
    assert not CriteriaRule.objects.filter(pk=pending.pk).exists()


def test_a_change_is_committed_or_rolled_back(olga, rung):
    pool = make_pair().pools.get()
    first, second = (
        propose(pool, "EXCLUDE", "a", label="first"),
        propose(pool, "EXCLUDE", "b", label="second"),
    )
    page = post(olga, f"{PATH}{first.pk}/commit/")
    assert "Active" in page and [rule.state for rule in pool.criteria.all()] == ["ACTIVE", "PENDING ADD"]
    post(olga, f"{PATH}{second.pk}/roll-back/")
    assert [rule.schema for rule in pool.criteria.all()] == ["a"] and rung == [pool.pair_id] * 2


def test_a_rule_and_a_change_are_found_below_their_own_pair_only(olga):
    make_pair("crm")
    change = propose(make_pair().pools.get(), "EXCLUDE", "old")
    for rest in (f"{change.pk}/commit/", f"{change.pk}/roll-back/", f"rules/{change.rules.get().pk}/remove/"):
        assert olga.post(f"/pairs/crm/criteria/{rest}").status_code == 404
    assert change.rules.get().state == "PENDING ADD"


def test_a_pair_that_is_not_there_or_has_no_database_has_no_criteria(olga):
    StoragePool.objects.filter(pair=make_pair()).delete()
    assert olga.get(PATH).status_code == olga.get("/pairs/crm/criteria/").status_code == 404
