"""The pages of the lists: every entry is reached once, filters mean what they say, no address breaks one."""

import random
import re
from html import unescape
from itertools import product
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client

from mwaportal.access import Viewer
from nodes.models import Pair
from tests.lists import HOSTILE, make_lists
from tests.portal import OLGA, make_people, make_root, make_synchronizing_pair, owe
from tracking.ifs.paths import shown
from tracking.listing.lists import LISTS
from tracking.listing.page import TAKES, Listing
from tracking.models import Attempt, DefinitionEntry, FileChange, set_state
from tracking.pages import PAGES, render_pair
from tracking.pages.view import PairView

pytestmark = pytest.mark.django_db
ENTRIES = 110


@pytest.fixture
def olga() -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(make_people()["olga"])
    return client


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def seen(pair, key: str, **query: str) -> Listing:
    return Listing(LISTS[key], PairView(Pair.objects.get(pk=pair.pk), OLGA, query))


def every(pair, key: str, **query: str) -> list[int]:
    """The entries of all pages, from the first to the last; each page leads back to the one before it."""
    keys, listing, before = [], seen(pair, key, **query), None
    while True:
        assert not listing.trouble and not listing.form.errors
        keys += listing.keys
        if before is not None:
            assert seen(pair, key, **query_of(listing.newer)).keys == before
        if not listing.older:
            return keys
        before, listing = listing.keys, seen(pair, key, **query_of(listing.older))


@pytest.mark.parametrize("key", LISTS)
def test_every_entry_is_on_one_page_whatever_the_order(key):
    pair = make_lists(ENTRIES)
    make_lists(3, seed=2, name="other")
    field = {"pool": "pool__pair", "root": "root__pair", "pair": "pair_name"}[LISTS[key].by]
    there = LISTS[key].model._default_manager.filter(**{field: pair.name if key == "journal" else pair})
    for sort in LISTS[key].sorts:
        keys = every(pair, key, sort=sort.key if sort.offered else "")
        assert len(keys) == len(set(keys)) and set(keys) == set(there.values_list("pk", flat=True))


def test_a_filter_shows_what_it_says_and_counts_it():
    pair = make_lists(ENTRIES)
    entries, left = list(DefinitionEntry.objects.all()), set(DefinitionEntry.objects.by_hand())
    for state, aside in product(
        ["READY", "FAILED", "waits", ""], ["OMITTED", "DEFERRED", "DONE", "none", ""]
    ):
        wanted = {
            entry.pk
            for entry in entries
            if (not aside or ("DONE" if entry.done_at else entry.set_aside or "none") == aside)
            and (not state or (entry in left if state == "waits" else entry.state == state))
        }
        query = {"state": state, "aside": aside}
        assert set(every(pair, "definitions", **query)) == wanted, query
        assert seen(pair, "definitions", **query).matching == len(wanted), query


def test_a_search_finds_names_by_their_beginning_with_and_without_their_schema():
    pair = make_lists(ENTRIES)
    for typed in ("ord", "ORDER", "public.order", "PUBLIC.view_", *HOSTILE):
        check_search(pair, typed)


def check_search(pair, typed: str) -> None:
    begins = typed.lower().replace('"', "")
    wanted = {
        entry.pk
        for entry in DefinitionEntry.objects.all()
        for name in [entry.identity.lower().replace('"', "")]
        if (name if "." in typed else name.removeprefix("public.")).startswith(begins)
    }
    assert set(every(pair, "definitions", q=typed)) == wanted
    assert wanted or typed == "order.line", typed
    assert seen(pair, "definitions", q=typed).matching is None  # it is not counted by names


def test_a_search_for_files_takes_what_the_page_shows_whatever_bytes_a_name_has():
    pair = make_lists(ENTRIES)
    for change in FileChange.objects.all()[:8]:
        path = bytes(change.path)
        assert change.pk in every(pair, "paths", q=shown(path)), path
        assert change.pk in every(pair, "paths", q=shown(path.rpartition(b"/")[2])), path
    below = {
        change.pk for change in FileChange.objects.all() if bytes(change.path).startswith(b"invoices/2/")
    }
    assert set(every(pair, "paths", q="invoices/2/")) == below
    failed = {key for key in below if FileChange.objects.get(pk=key).state == "FAILED"}
    assert set(every(pair, "paths", q="invoices/2/", state="FAILED")) == failed


def test_filters_go_together_and_a_schema_is_a_filter():
    pair = make_lists(ENTRIES)
    found = every(pair, "definitions", schema="public", q="order", type="view", state="FAILED")
    wanted = DefinitionEntry.objects.filter(
        identity__startswith="public.order", object_type="view", state="FAILED"
    )
    assert set(found) == set(wanted.values_list("pk", flat=True))
    assert every(pair, "definitions", schema="private") == []
    roots = list(pair.file_roots.all())
    for root in roots:
        keys = every(pair, "paths", root=str(root.pk))
        assert set(keys) == set(FileChange.objects.filter(root=root).values_list("pk", flat=True))


def test_a_table_migrates_while_its_sheet_is_worked_off():
    pair = make_lists(20)
    pool = pair.pools.get()
    assert every(pair, "tables", state="MIGRATING") == [] and len(every(pair, "tables", state="READY")) == 20
    with_sheet(pool.pk, 2)
    set_state(pool, "ACTIVE", "SYNCHRONIZING")
    assert len(every(pair, "tables", state="MIGRATING")) == len(every(pair, "tables", state="READY")) == 10
    assert seen(pair, "tables", state="MIGRATING").matching == 10
    assert render_pair(pair.pk, "tables", OLGA)["rows"].count("Migrating") == 10


def with_sheet(pool: int, sheet: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("insert into tracking_capturedposition values (%s, '0/0', %s)", [pool, sheet])


def test_a_page_whose_entries_are_gone_leads_to_the_first():
    pair = make_lists(ENTRIES)
    older = query_of(seen(pair, "definitions", sort="newest").older)
    DefinitionEntry.objects.filter(pk__in=every(pair, "definitions", sort="newest")[50:]).delete()
    assert seen(pair, "definitions", **older).keys == every(pair, "definitions", sort="newest")


GARBLED = [
    "\x00", "\x00abc", "ÿ" * 300, "9" * 400, "-1", "1,2,,x", "' or 1=1 --", "<script>", "%00", "%(name)s",
    "{0}", "a" * 5_000, "null", "\ud800".encode("utf-8", "surrogatepass").decode("latin1"), "\\x", "\\",
    "\n", " ", "eyJhIjoxfQ:1x:forged", "💥", "0" * 18, "9223372036854775808", "C", "waits", "DONE",
]  # fmt: skip


@pytest.mark.parametrize("key", ["definitions", "paths", "journal", "tables"])
def test_no_garbled_parameter_breaks_a_list(key):
    pair = make_lists(12)
    for name, value in product(sorted(TAKES), GARBLED):
        listing = seen(pair, key, **PAGES[key].taken({name: value}))
        assert len(listing.rows) <= 20 and listing.newer == "" and listing.since >= 0


@pytest.mark.parametrize("key", LISTS)
def test_no_garbled_address_breaks_a_page_or_gets_into_it(key, olga):
    make_lists(12)
    chance = random.Random(key)
    for _ in range(25):
        query = {name: chance.choice(GARBLED) for name in chance.sample(sorted(TAKES), 4)}
        answer = olga.get(f"/pairs/shop/{key}/", query)
        page = answer.content.decode()
        assert answer.status_code == 200, query
        assert "<script>" not in page.split("</head>")[1], query
    assert (
        "is none of those that can be chosen here" in olga.get(f"/pairs/shop/{key}/?sort=x").content.decode()
    )


@pytest.mark.parametrize("key", LISTS)
def test_a_mark_of_a_page_is_of_its_own_list_and_order_and_is_signed(key, olga):
    pair = make_lists(60)
    first = seen(pair, key).keys
    other = "journal" if key != "journal" else "attempts"
    foreign = query_of(seen(pair, other).older)["at"]
    assert seen(pair, key, at=foreign).keys == first
    mine = query_of(seen(pair, key).older)["at"]
    forged = seen(pair, key, at=mine[:-2] + "xx")
    assert forged.keys == first and "holds no page of this list" in forged.trouble


@pytest.mark.parametrize("key", LISTS)
def test_names_are_only_text_and_nothing_is_offered_to_whoever_only_looks(key):
    pair = make_lists(60)
    parts = render_pair(pair.pk, key, Viewer())
    assert "<b>" not in "".join(parts.values()) and "<i>" not in "".join(parts.values())
    assert "<button" not in parts["rows"] and "checkbox" not in parts["rows"]


def test_a_filter_that_cannot_be_read_shows_nothing_and_offers_nothing_for_all(olga):
    make_lists(60)
    page = olga.get("/pairs/shop/definitions/?state=X").content.decode()
    assert (
        "Nothing is shown, because the filter cannot be read" in page and "&#x27;X&#x27; is none of" in page
    )
    assert page.count('<tr id="row-') == 1 and "all-that-match" not in page
    answer = olga.post("/pairs/shop/definitions/bulk/omit/?all", {"here": "state=X"}, follow=True)
    assert "Nothing was done, because the filter cannot be read." in answer.content.decode()
    assert not Attempt.objects.filter(outcome="OMITTED", by="olga").exists()


def test_an_open_page_keeps_its_rows_says_which_are_gone_and_offers_what_is_new():
    pair = make_synchronizing_pair()
    root = make_root(pair)
    entries = [owe(root, b"file %d" % number, "FAILED") for number in range(3)]
    address = seen(pair, "paths").keys
    listing = seen(pair, "paths")
    live = {"rows": ",".join(map(str, address)), "mark": str(listing.touched)}
    parts = render_pair(pair.pk, "paths", OLGA, live)
    assert parts["news"].strip() == "" and "not on the list" not in parts["rows"].lower()
    entries[0].delete()
    owe(root, b"a new one", "FAILED")
    parts = render_pair(pair.pk, "paths", OLGA, live)
    assert f'<tr id="row-{address[0]}" class="gone">' in parts["rows"] and "a new one" not in parts["rows"]
    assert "2 changes since this page was opened: refresh" in parts["news"]
    assert "<span>3 entries</span>" in parts["counts"]


def test_a_page_shows_only_rows_of_its_own_pair_whatever_its_socket_names():
    pair, other = make_lists(3), make_lists(3, seed=2, name="other")
    foreign = seen(other, "definitions").keys
    parts = render_pair(pair.pk, "definitions", OLGA, {"rows": ",".join(map(str, foreign))})
    assert parts["rows"].count('class="gone"') == 3


def test_the_socket_of_a_page_names_its_rows(olga):
    pair = make_lists(60)
    page = olga.get("/pairs/shop/paths/?state=FAILED").content.decode()
    socket = query_of(unescape(re.search(r'hx-ws:connect="([^"]*)"', page)[1]))
    assert socket["state"] == "FAILED" and socket["mark"].isdecimal()
    assert socket["rows"] == ",".join(re.findall(r'<tr id="row-(\d+)"', page))
    assert PAGES["paths"].taken(socket) == socket and urlencode(socket)
    assert render_pair(pair.pk, "paths", OLGA, socket)["rows"] in page.replace("\r", "")
