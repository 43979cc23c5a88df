"""A list as a file: what its page shows with the same filter, in the same order, without bounds."""

import csv
import io
import json
import random
import re
import tracemalloc
from html import unescape
from http.client import IncompleteRead
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from mwaportal.portaldb import portal_conninfo
from nodes.models import Pair
from nodes.postgres.connect import connect, one
from tests.lists import make_lists
from tests.portal import make_people, make_synchronizing_pair
from tests.qsys2 import COLUMNS, track
from tests.test_portal_exports import fetch, many, read_by_vera
from tests.test_portal_lists import GARBLED, seen
from tracking import exports
from tracking.listing import exported
from tracking.listing.lists import LISTS
from tracking.listing.page import TAKES
from tracking.models import DefinitionEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return make_people()


def address(key: str, form: str = "json", pair: str = "shop", **query: str) -> str:
    view, _ = exported.VIEWS[key]
    return f"/exports/{view}.{form}?{urlencode({'pair': pair, 'list': key, **query})}"


def shown(pair: Pair, key: str, **query: str) -> list[int]:
    """The entries of the list, all pages of it, without those that are ticked off."""
    keys = list(seen(pair, key, **query).all_keys())
    if "done_at" not in {field.name for field in LISTS[key].model._meta.fields}:
        return keys
    done = set(LISTS[key].model._default_manager.exclude(done_at=None).values_list("pk", flat=True))
    return [entry for entry in keys if entry not in done]


def filters(key: str) -> list[dict[str, str]]:
    """Each way of sorting, and each kind of filter that there is for this list."""
    spec = LISTS[key]
    asked = [{}, *({"sort": sort.key} for sort in spec.sorts if sort.offered)]
    asked += [{"q": "order"}, {"q": "a<b>", "sort": "name"}] if spec.searched else []
    asked += [{"state": "FAILED"}, {"state": "FAILED", "q": "view"}] if spec.states else []
    asked += [{"state": "waits"}, {"aside": "OMITTED"}, {"aside": "none"}] if spec.set_aside else []
    return asked if key != "tables" else [each for each in asked if each.get("state") != "FAILED"]


@pytest.mark.parametrize("key", exported.VIEWS)
def test_a_file_has_what_the_list_shows_in_its_order_as_the_view_has_it(key, people):
    pair = make_lists(60)
    make_lists(20, seed=2, name="other")
    view, column = exported.VIEWS[key]
    whole = {row[column]: row for row in json.loads("".join(exports.as_json(view, "shop")))}
    for query in filters(key):
        answer, text = fetch(people["vera"], address(key, **query))
        rows = json.loads(text)
        assert answer.status_code == 200 and list(rows[0] if rows else {}) in ([], COLUMNS[view].split())
        assert [row[column] for row in rows] == shown(pair, key, **query), query
        assert rows == [whole[row[column]] for row in rows]
    assert len(json.loads(fetch(people["vera"], address(key))[1])) > 20


def test_the_links_of_a_page_lead_to_what_it_shows(people):
    pair = make_lists(120)
    query = {"q": "order", "state": "FAILED", "sort": "oldest"}
    client = Client()
    client.force_login(people["vera"])
    at = {"at": seen(pair, "definitions", **query).older}  # the file has all pages
    page = client.get("/pairs/shop/definitions/", {**query, **at}).content.decode()
    links = {unescape(link) for link in re.findall(r'href="(/exports/[^"]*)"', page)}
    assert {link.split("?")[0] for link in links} == {
        "/exports/library_migration_list.csv", "/exports/library_migration_list.json",
    }  # fmt: skip
    for link in links:
        answer, text = fetch(people["vera"], link)
        rows = json.loads(text) if ".json" in link else list(csv.DictReader(io.StringIO(text, newline="")))
        assert rows and {row["tracking_state"] for row in rows} == {"FAILED"}
        assert [int(row["definition_entry"]) for row in rows] == shown(pair, "definitions", **query)
        assert "library_migration_list-definitions-shop-" in answer["Content-Disposition"]


@pytest.mark.parametrize(
    "query, reason",
    [
        ({"state": "X"}, "State: 'X' is none of those that can be chosen here."),
        ({"state": "X", "sort": "<script>"}, "Sort: '<script>' is none of those that can be chosen here."),
        ({"q": "\x00"}, "Search: Null characters are not allowed."),
        ({"q": "x" * 1_001}, "Search: Ensure this value has at most 1000 characters (it has 1001)."),
        ({"aside": "DONE"}, "what was ticked off is asked for; needed is what the secondary does not have"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_with_the_value_and_not_offered(query, reason, people):
    make_lists(30)
    client = Client()
    client.force_login(people["vera"])
    for form in exports.FORMATS:
        answer = client.get(address("definitions", form, **query))
        page = answer.content.decode()
        assert answer.status_code == 400 and "Content-Disposition" not in answer
        assert reason in unescape(page) and "<script>" not in page.split("</head>")[1]
        assert 'href="/pairs/shop/definitions/"' in page
    assert "/exports/" not in client.get("/pairs/shop/definitions/", query).content.decode()


@pytest.mark.parametrize("key", ["definitions", "paths", "tables"])
def test_no_garbled_parameter_breaks_a_file(key, people):
    make_lists(6)
    client = Client()
    client.force_login(people["vera"])
    chance = random.Random(key)
    for _ in range(60):
        query = {name: chance.choice(GARBLED) for name in chance.sample(sorted(TAKES), chance.choice((1, 3)))}
        assert client.get(address(key, **query)).status_code in (200, 400), query


@pytest.mark.parametrize(
    "path",
    [
        "resync_status.csv?pair=shop&list=definitions", "library_migration_list.csv?list=definitions",
        "library_migration_list.csv?pair=shop&list=nothing", "mirror_info.csv?pair=shop&list=journal",
        "mirror_info.csv?pair=shop&list=mirror_info", "library_migration_list.csv?pair=x&list=definitions",
    ],
)  # fmt: skip
def test_what_is_no_list_of_the_view_is_not_found(path, people):
    make_lists(1)
    client = Client()
    client.force_login(people["vera"])
    assert client.get(f"/exports/{path}").status_code == 404


def test_who_may_not_look_gets_no_list(people):
    make_lists(1)
    client = Client()
    assert client.get(address("definitions")).url.startswith("/login/")
    client.force_login(people["otto"])
    assert client.get(address("definitions", state="X")).status_code == 403


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_calculates_nothing_of_a_list(begins, people):
    pool = make_synchronizing_pair().pools.get()
    track(pool, "orders")
    DefinitionEntry.objects.create(
        pool=pool, number=1, identity=f"{begins}1+1", command="<script>", state="FAILED", failure=f"{begins}x"
    )
    _, text = fetch(people["vera"], address("definitions", "csv", state="FAILED"))
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["object_name"] == f"'{begins}1+1" and row["failure_message"] == f"'{begins}x"
    assert row["change"] == "<script>"
    [row] = json.loads(fetch(people["vera"], address("definitions", state="FAILED"))[1])
    assert row["object_name"] == f"{begins}1+1"


@pytest.mark.parametrize("form, query", [("csv", {}), ("json", {"q": "orders_", "state": "READY"})])
def test_a_list_of_any_length_needs_no_memory(form, query):
    """The rows of a piece are less than the file, and all of them would be several times as much."""
    many(30_000)
    tracemalloc.start()
    try:
        size = lines = 0
        only = exported.entries(seen(Pair.objects.get(), "tables", **query))
        for piece in exports.FORMATS[form][1]("resync_status", "shop", only=only):
            size += len(piece)
            lines += piece.count("orders_")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == 30_000 and size > 2_000_000
    assert peak < size


@pytest.mark.parametrize("form", exports.FORMATS)
def test_what_leaves_the_list_while_it_is_read_is_left_out_and_what_joins_behind_is_in_it(form):
    many(3_500)
    only = exported.entries(seen(Pair.objects.get(), "tables", sort="name"))
    pieces = exports.FORMATS[form][1]("resync_status", "shop", only=only)
    begun = [next(pieces)] + ([next(pieces)] if form == "csv" else [])
    with connection.cursor() as cursor:
        cursor.execute("delete from tracking_trackedtable where table_name not like 'orders_%00'")
    track(Pair.objects.get().pools.get(), "orders_z")
    text = "".join([*begun, *pieces])
    rows = json.loads(text) if form == "json" else list(csv.DictReader(io.StringIO(text, newline="")))
    names = [row["system_object_name"] for row in rows]
    assert names == sorted(set(names)) and names[-1] == "orders_z"
    assert 1_000 < len(names) < 1_100


@pytest.mark.django_db(transaction=True)
def test_a_filter_that_takes_too_long_is_refused_and_ends_no_file_as_if_it_were_whole(people):
    """What is sorted by path is bounded by 2 s: somebody who holds the list makes it last longer."""
    pair = make_lists(2)
    with connection.cursor() as cursor:
        cursor.execute(_FILES, [pair.file_roots.first().pk, 1_500])
    only = exported.entries(seen(pair, "paths", sort="name"))
    pieces = exports.as_csv("ifs_migration_list", "shop", only=only)
    assert next(pieces).startswith("path_name") and next(pieces).count("\r\n") == 1_000
    client = Client()
    client.force_login(people["vera"])
    with connect(portal_conninfo(), "test", search_path="public", autocommit=False) as holder:
        holder.execute("lock table tracking_filechange")
        with pytest.raises(ValidationError, match="took longer than 2 s"):
            list(pieces)
        answer = client.get(address("paths", sort="name"))
    assert answer.status_code == 400 and b"took longer than 2 s" in answer.content


@pytest.mark.slow
def test_a_file_that_fails_in_its_middle_ends_its_connection_and_the_portal_goes_on():
    with read_by_vera(_SEED) as (served, reader):
        path = f"{served.url}{address('paths', sort='name')}"
        with served.database() as holder:
            holder.execute(_FILES, (one(holder, "select id from nodes_fileroot"), 60_000))
            with reader.open(path, timeout=30) as answer, holder.transaction():
                assert answer.read(1_000).startswith(b"[\n{")
                holder.execute("lock table tracking_filechange")
                with pytest.raises(IncompleteRead):
                    answer.read()
        assert len(json.loads(reader.open(path).read())) == 60_000


_FILES = """
    insert into tracking_filechange (root_id, turn, path)
    select %s, 100 + n, convert_to('file ' || n, 'UTF8') from generate_series(1, %s) n
"""
_SEED = "from tests.portal import *; make_people(); make_root(make_synchronizing_pair())"
