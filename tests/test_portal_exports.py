"""The views of schema qsys2 as files: the same as the views, for whoever may look, and without bounds."""

import asyncio
import csv
import io
import json
import re
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponseBase
from django.test import AsyncClient, Client
from django.utils import timezone

from mwaportal.portaldb import portal_conninfo
from nodes.postgres.connect import connect, one, wait_until
from tests.portal import PASSWORD, make_copies, make_history, make_pair, make_people, make_synchronizing_pair
from tests.qsys2 import COLUMNS, bring, make_root, on_sheet, owe, read, track
from tests.served import Served
from tracking import exports
from tracking.models import DefinitionEntry
from tracking.pages import PAGES

pytestmark = pytest.mark.django_db
NAMES = (b"=1+1", b"two\nlines", b'"quoted", 2', b"caf\xe9", "größe".encode(), b"back\\slash", b"\xff" * 3)


def fetch(user: User, path: str) -> tuple[HttpResponseBase, str]:
    """As it is served: by ASGI, in pieces."""

    async def go():
        client = AsyncClient()
        await client.aforce_login(user)
        answer = await client.get(path)
        return answer, b"".join([piece async for piece in answer]).decode()

    return async_to_sync(go)()


def filled() -> None:
    for name in ("shop", "crm"):
        pair = make_synchronizing_pair(name)
        pool = pair.pools.get()
        make_history(pair)
        make_copies(pool, 10)
        track(pool, "orders")
        on_sheet(pool, 1)
        root = make_root(pair, source=f"/srv/{name}")
        owe(root, *NAMES)
        bring(root)
        owe(root, *NAMES)


@pytest.mark.parametrize("view", exports.VIEWS)
def test_a_file_is_the_view(view):
    filled()
    rows = read(view, "order by pair_name, 1, 2, 3")
    assert len(rows) > 1
    as_text = [
        {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in vars(row).items()
        }
        for row in rows
    ]
    assert json.loads("".join(exports.as_json(view))) == as_text
    lines = list(csv.reader(io.StringIO("".join(exports.as_csv(view)))))
    assert lines[0] == COLUMNS[view].split()
    assert lines[1:] == [["" if v is None else str(v) for v in row.values()] for row in as_text]


def test_a_stakeholder_gets_a_file_with_a_date():
    filled()
    answer, text = fetch(make_people()["vera"], "/exports/mirror_info.csv?pair=shop")
    today = f"{timezone.now():%Y-%m-%d}"
    assert answer.status_code == 200 and answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="mirror_info-shop-{today}.csv"'
    assert [row["pair_name"] for row in csv.DictReader(io.StringIO(text))] == ["shop", "shop"]


def test_without_a_pair_a_file_is_of_all():
    filled()
    answer, text = fetch(make_people()["artur"], "/exports/migration_manager_info.json")
    assert answer["Content-Type"] == "application/json"
    assert [row["pair_name"] for row in json.loads(text)] == ["crm"] * 4 + ["shop"] * 4


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_view_without_rows_is_a_file_all_the_same(form):
    make_pair()
    _, text = fetch(make_people()["olga"], f"/exports/resync_status.{form}?pair=shop")
    expected = {"csv": COLUMNS["resync_status"].replace(" ", ",") + "\r\n", "json": "[]\n"}
    assert text == expected[form]


@pytest.mark.parametrize("path", ["mirror_info.csv", "mirror_info.json", "nothing.csv"])
def test_who_may_not_look_gets_nothing(path):
    make_pair()
    client = Client()
    assert client.get(f"/exports/{path}").url.startswith("/login/")
    client.force_login(make_people()["otto"])
    answer = client.get(f"/exports/{path}")
    assert answer.status_code == 403 and b"otto may not see the pairs" in answer.content


@pytest.mark.parametrize(
    "path",
    [
        "nothing.csv", "mirror_info.xml", "mirror_info", "nodes_node.csv", "mirror_info.csv.csv",
        "MIRROR_INFO.csv", "mirror_info.csv?pair=nothing", "mirror_info.csv?pair=", "pg_authid.json",
    ],
)  # fmt: skip
def test_what_there_is_not_is_not_found(path):
    make_pair()
    client = Client()
    client.force_login(make_people()["vera"])
    assert client.get(f"/exports/{path}").status_code == 404


def test_nothing_is_changed_by_asking():
    client = Client()
    client.force_login(make_people()["olga"])
    assert client.post("/exports/mirror_info.csv").status_code == 405


@pytest.mark.parametrize("name", ["a/b", "größe 100 % ~/?#&", 'a"b', "a\nb\\c", "x'; drop schema qsys2; --"])
def test_any_name_of_a_pair_can_be_asked_for_by_the_link_on_its_page(name):
    pair = make_synchronizing_pair(name)
    make_root(pair)
    make_synchronizing_pair("other")
    vera = make_people()["vera"]
    client = Client()
    client.force_login(vera)
    pages = "".join(client.get(page.address(pair)).content.decode() for page in PAGES.values())
    links = set(re.findall(r'href="(/exports/[^"]*)"', pages))
    assert {link.split("?")[0] for link in links} == {
        f"/exports/{view}.{form}" for view in exports.VIEWS for form in exports.FORMATS
    }
    _, text = fetch(vera, next(link for link in links if link.startswith("/exports/mirror_info.csv")))
    assert [row["pair_name"] for row in csv.DictReader(io.StringIO(text, newline=""))] == [name, name]


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_spreadsheet_calculates_nothing(begins):
    pool = make_synchronizing_pair(f"{begins}1+1").pools.get()
    track(pool, f"{begins}cmd")
    DefinitionEntry.objects.create(pool=pool, number=1, command="x", failure=f"{begins}HYPERLINK()")
    for view in exports.VIEWS:
        for line in csv.reader(io.StringIO("".join(exports.as_csv(view)))):
            cells = [cell for cell in line if not re.fullmatch(r"-\d+", cell)]  # which is a number
            assert not any(cell.startswith(begins) for cell in cells)
    [entry] = [row for row in json.loads("".join(exports.as_json("library_migration_list"))) if row["change"]]
    assert entry["failure_message"] == f"{begins}HYPERLINK()"
    [line] = [
        row
        for row in csv.DictReader(io.StringIO("".join(exports.as_csv("library_migration_list")), newline=""))
        if row["change"]
    ]
    assert line["failure_message"] == f"'{begins}HYPERLINK()"


@pytest.mark.parametrize("view", ["ifs_migration_list", "migrated_ifs"])
def test_any_name_of_a_file_is_one_cell_and_tells_which_file_it_is(view):
    filled()
    shown = [
        r"/srv/shop/=1+1", r"/srv/shop/two\nlines", '/srv/shop/"quoted", 2', r"/srv/shop/caf\xe9",
        "/srv/shop/größe", r"/srv/shop/back\\slash", r"/srv/shop/\xff\xff\xff",
    ]  # fmt: skip
    _, text = fetch(make_people()["vera"], f"/exports/{view}.csv?pair=shop")
    assert text.count("\r\n") == text.count("\n") == len(NAMES) + 1
    assert {row["path_name"] for row in csv.DictReader(io.StringIO(text, newline=""))} == set(shown)
    rows = json.loads("".join(exports.as_json(view, "shop")))
    assert {row["path_name"] for row in rows} == set(shown)


def many(rows: int) -> None:
    pool = make_synchronizing_pair().pools.get()
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into tracking_trackedtable"
            " (pool_id, sheet, schema_name, table_name, key_columns, changes)"
            " select %s, 1, 'public', 'orders_' || n, '{id}', 1 from generate_series(1, %s) n",
            (pool.pk, rows),
        )


@pytest.mark.parametrize("form", exports.FORMATS)
def test_however_many_rows_need_no_memory(form):
    many(30_000)
    tracemalloc.start()
    try:
        size = lines = 0
        for piece in exports.FORMATS[form][1]("resync_status"):
            size += len(piece)
            lines += piece.count("orders_")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == 30_000 and size > 2_000_000
    assert peak < size / 2


@pytest.mark.django_db(transaction=True)
def test_a_reader_who_goes_away_leaves_nothing_open_and_holds_no_snapshot():
    many(20_000)
    opened = "select count(*) from pg_cursors where is_holdable"
    snapshot = "select backend_xmin is null and backend_xid is null from pg_stat_activity where pid = %s"

    def ask(query, *values):
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchone()[0]

    pieces = exports.as_csv("resync_status")

    async def go():
        answer = exports.sent(pieces)
        assert "changes" in await anext(answer) and "orders_" in await anext(answer)
        pid = await sync_to_async(ask)("select pg_backend_pid()")
        with connect(portal_conninfo(), "test") as other:
            row = (await asyncio.to_thread(other.execute, snapshot, (pid,))).fetchone()
        during = await sync_to_async(ask)(opened)
        await answer.aclose()
        return row, during, await sync_to_async(ask)(opened)

    assert async_to_sync(go)() == ((True,), 1, 0)


IDLE = """
    select count(*) from pg_stat_activity
    where query ilike 'fetch%' and clock_timestamp() - state_change > interval '2 s'
"""
SEED = """
from tests.portal import *
from tests.test_portal_exports import many
make_people()
many(60_000)
"""


def signed_in(served: Served) -> OpenerDirector:
    """Vera, who reads what a served portal sends as it comes."""
    reader = build_opener(HTTPCookieProcessor())
    page = reader.open(f"{served.url}/login/").read().decode()
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', page)
    form = {"username": "vera", "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    reader.open(f"{served.url}/login/", urlencode(form).encode())
    return reader


@contextmanager
def read_by_vera(seed: str) -> Iterator[tuple[Served, OpenerDirector]]:
    """A served portal with what this makes, and Vera, who is signed in there."""
    served = Served()
    try:
        served.start("--no-worker")
        served.run("shell", "-v0", "-c", seed)
        yield served, signed_in(served)
    finally:
        served.remove()


@pytest.mark.slow
def test_a_slow_reader_makes_the_server_wait():
    with (
        read_by_vera(SEED) as (served, reader),
        served.database() as portal,
        reader.open(f"{served.url}/exports/resync_status.json") as answer,
    ):
        text = answer.read(1_000)
        wait_until(lambda: one(portal, IDLE) == 1, "a cursor from which nobody reads", seconds=20)
        assert len(json.loads(text + answer.read())) == 60_000


def test_only_the_views_can_be_read():
    with pytest.raises(ValueError, match="'nodes_node' is none of migration_manager_info"):
        next(exports.as_csv("nodes_node"))
