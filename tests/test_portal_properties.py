"""The page of a pair's properties."""

import re
from html import unescape

import pytest
from django.test import Client

from nodes.models import Pair, PropertyChange
from nodes.properties import PROPERTIES
from tests.portal import make_pair, make_people, part

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
