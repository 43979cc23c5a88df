"""The page of the properties of a pair and its pools."""

import re
from html import unescape

import pytest
from django.test import Client

from nodes import properties
from nodes.models import Pair, PoolProperties, PropertyChange, StoragePool
from nodes.properties import BY_NAME, PROPERTIES
from tests.portal import (
    make_copies,
    make_pair,
    make_people,
    make_root,
    make_samples,
    make_synchronizing_pair,
    part,
    text_of,
)
from tracking import hindrances
from tracking.models import set_state

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return make_people()


def browser(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def typed(response) -> dict[str, str]:
    """What a browser would send back from a form."""
    page = response.content.decode()
    fields = dict(re.findall(r'<input type="(?:hidden|text)" name="([a-z_-]+)" value="([^"]*)"', page))
    chosen = re.findall(r'<select name="([a-z_]+)".*?<option value="([^"]*)" selected', page, re.DOTALL)
    return {name: unescape(value) for name, value in {**fields, **dict(chosen)}.items()}


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def save_pool(client: Client, number: int, given: dict[str, str], **changed: str):
    return client.post(f"/pairs/shop/properties/{number}/", {**given, **changed}, follow=True)


def in_force(pair: Pair) -> str:
    """The table of values, as a reader sees it."""
    return text_of(part(Pair.objects.get(pk=pair.pk), "values"))


def save(client: Client, given: dict[str, str], **changed: str):
    return client.post("/pairs/shop/properties/", {**given, **changed}, follow=True)


def test_every_property_is_shown_with_its_meaning_its_limits_and_when_a_change_is_in_force(people):
    make_pair()
    page = text(browser(people["olga"]).get("/pairs/shop/properties/"))
    for each in PROPERTIES:
        assert each.label in page and each.meaning in page and f"In force {each.effect}." in page
        assert each.limits in page


def test_a_change_is_saved_and_stands_in_the_list_and_beside_its_property(people):
    pair, olga = make_pair(), browser(people["olga"])
    form = typed(olga.get("/pairs/shop/properties/"))
    page = text(save(olga, form, parallel_degree="6", wal_limit_bytes="8 GB", synchronous="True"))
    assert "The properties of shop are saved." in page
    pair.refresh_from_db()
    assert (pair.parallel_degree, pair.wal_limit_bytes, pair.synchronous) == (6, 8 * 2**30, True)
    assert PropertyChange.objects.count() == 3
    assert "olga shop WAL limit 4 GB 8 GB" in page and "olga shop Synchronous No Yes" in page
    assert "<strong>8 GB</strong>" in part(pair, "properties")


def test_nonsense_is_refused_beside_its_field_and_what_was_typed_stays(people):
    make_pair()
    olga = browser(people["olga"])
    form = typed(olga.get("/pairs/shop/properties/"))
    page = save(olga, form, parallel_degree="0", lag_limit_bytes="1 XB", savact="*ALL")
    shown = text(page)
    assert "is 0, needed is at least 1" in shown and "is '1 XB', needed is a number of bytes" in shown
    assert "Nothing was saved" in shown and "'*ALL' is not a valid choice" in shown
    assert typed(page)["lag_limit_bytes"] == "1 XB"
    assert not PropertyChange.objects.exists()


def test_the_second_of_two_is_told_and_saves_again_only_what_he_wanted(people):
    pair, olga, oskar = make_pair(), browser(people["olga"]), browser(people["oskar"])
    hers, his = (typed(client.get("/pairs/shop/properties/")) for client in (olga, oskar))
    save(olga, hers, parallel_degree="4", swap_budget_ms="9000")
    refused = save(oskar, his, parallel_degree="8", savactwait_seconds="60")
    assert "was changed to 4 at once by olga at" in text(refused)
    pair.refresh_from_db()
    assert (pair.parallel_degree, pair.savactwait_seconds) == (4, 120)
    again = typed(refused)
    assert (again["parallel_degree"], again["swap_budget_ms"], again["seen-swap_budget_ms"]) == (
        "8", "9000", "9000",
    )  # fmt: skip
    assert "are saved" in text(save(oskar, again))
    pair.refresh_from_db()
    assert (pair.parallel_degree, pair.savactwait_seconds, pair.swap_budget_ms) == (8, 60, 9_000)


@pytest.mark.parametrize(
    "garbled", [{}, {"parallel_degree": "8"}, {"seen-parallel_degree": "x", "parallel_degree": "8"}]
)
def test_a_form_that_was_tampered_with_changes_nothing(people, garbled):
    pair, olga = make_pair(), browser(people["olga"])
    whole = typed(olga.get("/pairs/shop/properties/")) if len(garbled) > 1 else {}
    assert olga.post("/pairs/shop/properties/", {**whole, **garbled}).status_code == 200
    pair.refresh_from_db()
    assert pair.parallel_degree == 2


def test_another_pair_of_the_same_name_does_not_inherit_the_changes(people):
    pair, olga = make_pair(), browser(people["olga"])
    save(olga, typed(olga.get("/pairs/shop/properties/")), parallel_degree="6")
    source, copy = pair.source, pair.copy
    pair.delete()
    Pair.objects.create(name="shop", source=source, copy=copy)
    assert "Nobody has changed anything yet." in text(olga.get("/pairs/shop/properties/"))


def test_a_pair_with_one_pool_is_not_cluttered_by_it(people):
    pair, olga = make_pair(), browser(people["olga"])
    page = olga.get("/pairs/shop/properties/").content.decode()
    assert "Whose properties" not in page and "properties/1/" not in page and "goes by the pair" not in page
    make_root(pair)  # which goes by the pair, so that the pool may differ from it
    assert 'href="/pairs/shop/properties/1/' in olga.get("/pairs/shop/properties/").content.decode()


def test_a_pool_s_own_value_is_saved_and_stands_below_the_pair_s(people):
    pair, olga = make_pair(databases=("shop", "erp")), browser(people["olga"])
    assert "Every pool goes by the pair; file roots always do." in in_force(pair)
    opened = olga.get("/pairs/shop/properties/2/")
    form = typed(opened)
    assert (
        "lag_limit_bytes" not in form
        and form["seen-lag_limit_bytes"] == ""
        and "As the pair (Yes)" in text(opened)
    )
    assert 'placeholder="As the pair (256 MB)"' in opened.content.decode()
    page = text(save_pool(olga, 2, form, lag_limit_bytes="1 GB", auto_resume="False"))
    assert "The properties of shop, pool erp are saved." in page
    assert "olga shop, pool erp Lag limit the pair's (256 MB) 1 GB" in page
    assert pair.pools.get(number=2).own_properties == {"lag_limit_bytes": 2**30, "auto_resume": False}
    shown = in_force(pair)
    assert "With values of their own: erp (2). Everything else goes by the pair" in shown
    assert "Lag limit of erp 1 GB its own; the pair has 256 MB" in shown
    assert "Auto resume of erp No its own; the pair has Yes" in shown and "of *SYSBAS" not in shown


def test_an_own_value_is_taken_back_by_leaving_it_empty(people):
    pair, olga = make_pair(databases=("shop", "erp")), browser(people["olga"])
    given = {"lag_limit_bytes": "1 GB", "synchronous": "True", "savact": "*LIB", "parallel_degree": "4"}
    properties.change(pair.pools.get(number=2), given, "olga")
    form = typed(olga.get("/pairs/shop/properties/2/"))
    assert {name: form[name] for name in given} == given
    save_pool(olga, 2, form, lag_limit_bytes="", synchronous="", savact="")
    assert pair.pools.get(number=2).own_properties == {"parallel_degree": 4}


def test_the_form_of_the_pair_says_where_its_value_does_not_hold(people):
    pair, olga = make_pair(databases=("shop", "erp", "crm")), browser(people["olga"])
    for number in (2, 3):
        properties.change(pair.pools.get(number=number), {"parallel_degree": "4"}, "olga")
    page = text(olga.get("/pairs/shop/properties/"))
    assert page.count("Pools with a value of their own: erp, crm.") == 1
    assert "Left empty it is as the pair, 2 at once." in text(olga.get("/pairs/shop/properties/2/"))


def test_nonsense_for_a_pool_is_refused_beside_its_field(people):
    pair, olga = make_pair(databases=("shop", "erp")), browser(people["olga"])
    form = typed(olga.get("/pairs/shop/properties/2/"))
    page = save_pool(olga, 2, form, parallel_degree="65", lag_limit_bytes="1 XB")
    assert "is 65, needed is at most 64" in text(page) and "is '1 XB', needed is" in text(page)
    assert typed(page)["lag_limit_bytes"] == "1 XB" and "Change for pool erp" in text(page)
    assert "the lag limit is 8 GB and the WAL limit 4 GB" in text(
        save_pool(olga, 2, form, lag_limit_bytes="8 GB")
    )
    properties.change(pair.pools.get(number=2), {"lag_limit_bytes": "3 GB"}, "olga")
    page = save(olga, typed(olga.get("/pairs/shop/properties/")), wal_limit_bytes="2 GB")
    assert "pool erp has values of its own: the lag limit is 3 GB and the WAL limit 2 GB" in text(page)


def test_the_second_of_two_is_told_of_a_pool_and_may_save_again(people):
    pair, olga, oskar = make_pair(), browser(people["olga"]), browser(people["oskar"])
    hers, his = (typed(client.get("/pairs/shop/properties/1/")) for client in (olga, oskar))
    save_pool(olga, 1, hers, parallel_degree="4", savactwait_seconds="90")
    refused = save_pool(oskar, 1, his, parallel_degree="8", whole_share_percent="50")
    assert "was changed to 4 at once by olga at" in text(refused)
    again = typed(refused)
    assert (again["parallel_degree"], again["savactwait_seconds"], again["seen-parallel_degree"]) == (
        "8", "90", "4",
    )  # fmt: skip
    save_pool(oskar, 1, again)
    assert pair.pools.get().own_properties == {
        "parallel_degree": 8, "savactwait_seconds": 90, "whole_share_percent": 50,
    }  # fmt: skip


@pytest.mark.parametrize("garbled", [{}, {"seen-lag_limit_bytes": str(2**30)}, {"swap_budget_ms": "9000"}])
def test_a_form_of_a_pool_that_was_tampered_with_changes_nothing(people, garbled):
    pair, olga = make_pair(), browser(people["olga"])
    properties.change(pair.pools.get(), {"lag_limit_bytes": "1 GB"}, "olga")
    olga.post("/pairs/shop/properties/1/", garbled)
    pair.refresh_from_db()
    assert (pair.pools.get().own_properties, pair.swap_budget_ms) == ({"lag_limit_bytes": 2**30}, 5_000)


def test_who_may_not_operate_changes_nothing_and_a_pool_that_is_not_there_has_no_page(people):
    pair, vera, olga = make_pair(), browser(people["vera"]), browser(people["olga"])
    page = vera.get("/pairs/shop/properties/1/")
    assert page.status_code == 200 and "<form method" not in page.content.decode().split("<main")[1]
    assert vera.post("/pairs/shop/properties/1/", {"parallel_degree": "4"}).status_code == 403
    assert pair.pools.get().own_properties == {}
    for number in (2, 99_999_999_999):
        assert olga.get(f"/pairs/shop/properties/{number}/").status_code == 404
        assert olga.post(f"/pairs/shop/properties/{number}/", {}).status_code == 404


def test_changes_of_a_pool_that_is_no_more_stay_and_are_no_changes_of_its_successor(people):
    pair, olga = make_pair(databases=("shop", "erp")), browser(people["olga"])
    properties.change(pair.pools.get(number=2), {"parallel_degree": "4"}, "olga")
    pair.pools.get(number=2).delete()
    properties.change(
        StoragePool.objects.create(pair=pair, number=2, database="erp"), {"savact": "*LIB"}, "oskar"
    )
    page = text(olga.get("/pairs/shop/properties/"))
    assert "olga shop, pool erp Parallel degree" in page and "erp (1)" in page
    assert "Parallel degree of erp" not in page


def test_every_page_and_check_goes_by_the_pool_s_own_values():
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    make_samples(pool)
    given = {
        "lag_limit_bytes": "1 MB",
        "wal_limit_bytes": "128 MB",
        "auto_resume": "False",
        "savact": "*LIB",
    }
    properties.change(pool, {**given, "savactwait_seconds": "77"}, "olga")
    StoragePool.objects.update(lag_bytes=120 * 2**20, wal_held_bytes=2**25, retry_at=None)
    pair = Pair.objects.get(pk=pair.pk)
    assert "allowed are 1048576" in pair.in_the_way_of_swap()
    assert "lag 120 MB, allowed 1.0 MB" in text_of(part(pair, "guide"))
    overview = text_of(part(pair, ""))
    assert " of 128 MB" in overview and "allowed 1.0 MB" in overview
    make_copies(pair.pools.get(), 7)
    migration = text_of(part(pair, "migration"))
    assert (
        "One checkpoint per schema (SAVACT *LIB)" in migration and "is waited for 77 s at a time" in migration
    )
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 9020)
    found = hindrances.hindrances(pair, pair.pools.all(), pool.since)
    assert "Auto resume is off" in [each.text for each in found]


def test_the_migration_says_for_which_pools_checkpoints_are_taken_how():
    pair = make_pair(databases=("shop", "erp", "crm"))
    assert text_of(part(pair, "migration")).count("Checkpoints: One checkpoint for everything") == 1
    properties.change(pair.pools.get(number=2), {"savact": "*SYSDFN"}, "olga")
    shown = text_of(part(Pair.objects.get(pk=pair.pk), "migration"))
    assert "Checkpoints of *SYSBAS, crm: One checkpoint for everything" in shown
    assert "Checkpoints of erp: One checkpoint per table" in shown


def test_every_property_that_a_pool_may_have_is_in_its_form(people):
    make_pair()
    names = set(typed(browser(people["olga"]).get("/pairs/shop/properties/1/")))
    assert {f"seen-{name}" for name in PoolProperties.names()} <= names
    assert not names & {f"seen-{name}" for name in set(BY_NAME) - set(PoolProperties.names())}
