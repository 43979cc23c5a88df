"""Setting a pair up in the browser, without a browser: what is shown, what is refused, and what is kept."""

import re
from html import unescape

import pytest
from django.test import Client

from nodes import defining
from nodes.models import Node, Pair, StoragePool
from tests.portal import make_pair, make_people, make_synchronizing_pair, part, propose
from tracking.models import PreflightRun

pytestmark = pytest.mark.django_db
_AWAY = "host=127.0.0.1 port=1 user=mover password=sesame"


@pytest.fixture
def olga():
    return _browser(make_people()["olga"])


def _browser(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def new(**given: str) -> dict[str, str]:
    return {"name": "crm", **given}


def test_a_pair_is_added_by_two_connection_strings_that_are_never_shown(olga, servers):
    given = new(**{
        "source-name": "old", "source-conninfo": servers.source.conninfo(),
        "copy-name": "new", "copy-conninfo": servers.copy.conninfo(),
    })  # fmt: skip
    response = olga.post("/pairs/new/", given)
    assert response.url == "/pairs/crm/databases/"
    pair = Pair.objects.get()
    assert (pair.source.version, pair.copy.version, pair.goal) == (16, 18, "")
    page = olga.get("/pairs/crm/nodes/").content.decode()
    assert servers.source.conninfo() not in page and "PostgreSQL 16" in page


def test_what_was_right_stays_when_something_else_is_wrong(olga, servers):
    given = new(**{
        "source-name": "old", "source-conninfo": servers.source.conninfo(),
        "copy-name": "new", "copy-conninfo": _AWAY,
    })  # fmt: skip
    response = olga.post("/pairs/new/", given)
    assert "node new does not answer" in text(response) and "sesame" not in response.content.decode()
    assert [node.name for node in Node.objects.all()] == ["old"] and not Pair.objects.exists()
    old = Node.objects.get()
    assert f'<option value="{old.pk}" selected>old</option>' in response.content.decode()
    given = new(**{"source-node": str(old.pk), "copy-name": "new", "copy-conninfo": _AWAY,
                   "copy-may_be_away": "on"})  # fmt: skip
    response = olga.post("/pairs/new/", given, follow=True)
    assert "The copy is defined and does not answer" in text(response)
    assert Pair.objects.get().copy.name == "new"
    assert "new did not answer yet" in text(response)


@pytest.mark.parametrize(
    "given, said",
    [
        ({}, "is empty; needed is a name for the new source"),
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 64}, "at most 63 characters"),
        ({"name": ".."}, "neither empty nor . nor .."),
        ({"name": "other"}, "already exists"),
        ({"source-node": "999"}, "Select a valid choice"),
        ({"source-node": "x"}, "Select a valid choice"),
        ({"same": "1"}, "source and copy are the same node"),
        ({"source-node": "", "source-name": "fresh"}, "has no connection string"),
        ({"source-node": "", "source-name": "old-other", "source-conninfo": _AWAY}, "already exists"),
        ({"source-node": "", "source-name": "fresh", "source-conninfo": "\0"}, "Null characters"),
    ],
)
def test_a_pair_that_cannot_be_is_refused_beside_what_is_wrong(olga, given, said):
    other = make_pair("other")
    whole = {"name": "crm", "source-node": str(other.source.pk), "copy-node": str(other.copy.pk)}
    if "same" in given:
        whole["copy-node"] = whole["source-node"]
    whole = {"name": "crm"} if not given else {**whole, **given}
    response = olga.post("/pairs/new/", whole)
    assert response.status_code == 200 and said in text(response)
    assert Pair.objects.count() == 1


def test_a_pair_called_new_has_an_address_of_its_own(olga):
    other = make_pair("other")
    given = {"name": "new", "source-node": str(other.source.pk), "copy-node": str(other.copy.pk)}
    assert olga.post("/pairs/new/", given).url == "/pairs/~n/databases/"
    assert "Guide of new" in olga.get("/pairs/~n/guide/").content.decode()
    assert "Add new pair" in text(olga.get("/pairs/new/"))


@pytest.mark.parametrize("name", ["ß" * 63, "<script>alert(1)</script>", "a/b", "~n"])
def test_names_are_shown_as_they_are(olga, name):
    other = make_pair("other")
    pair = defining.add_pair(name, other.source, other.copy, ["<b>shop"])
    for page in ("guide", "setup", "nodes", "databases", "properties", "files", "criteria"):
        response = olga.get(f"/pairs/{name.replace('~', '~0').replace('/', '~1')}/{page}/")
        assert response.status_code == 200 and "<script>alert" not in response.content.decode()
        assert "<b>shop" not in response.content.decode()
        assert name in text(response)
    assert pair.pools.get().database == "<b>shop"


def test_databases_are_offered_from_what_the_source_has_and_the_first_is_sysbas(olga, servers, databases):
    first, second = databases(), databases()
    pair = make_pair(databases=())
    Node.objects.filter(pk=pair.source.pk).update(directory=str(servers.source.directory), version=16)
    page = text(olga.get("/pairs/shop/databases/"))
    assert first.name in page and second.name in page and "UTF8" in page and "template1" not in page
    chosen = {"database": [first.name, second.name], "first": second.name}
    assert olga.post("/pairs/shop/databases/", chosen).url == "/pairs/shop/files/"
    assert [str(pool) for pool in pair.pools.all()] == ["*SYSBAS", first.name]
    refused = text(olga.post("/pairs/shop/databases/", {"database": ["nowhere"]}))
    assert "the source has no database nowhere; it has:" in refused
    refused = text(olga.post("/pairs/shop/databases/", {"database": [first.name], "first": second.name}))
    assert f"database {second.name} is to be *SYSBAS and is not chosen" in refused
    refused = text(olga.post("/pairs/shop/databases/", {}))
    assert "was given no database" in refused
    assert pair.pools.count() == 2


def test_names_are_typed_where_the_source_is_away(olga):
    pair = make_pair(databases=())
    Node.objects.filter(pk=pair.source.pk).update(conninfo=_AWAY)
    page = olga.get("/pairs/shop/databases/").content.decode()
    assert "The source does not answer" in page and "sesame" not in page
    olga.post("/pairs/shop/databases/", {"typed": "shop\r\n\r\n crm \r\n"})
    assert [pool.database for pool in pair.pools.all()] == ["shop", "crm"]


def test_the_databases_of_a_pair_that_was_started_are_not_chosen(olga):
    pair = make_pair()
    pair.ask("SYNC")
    assert "Save the choice" not in text(olga.get("/pairs/shop/databases/"))
    assert "chosen before it is started" in text(
        olga.post("/pairs/shop/databases/", {"typed": "crm"}, follow=True)
    )
    assert StoragePool.objects.get().database == "shop"


def test_each_step_is_told_by_what_is_there(olga):
    pair = make_pair(databases=())
    assert "none chosen yet" in part(pair, "setup") and 'href="/pairs/shop/files/"' not in part(pair, "setup")
    StoragePool.objects.create(pair=pair, database="shop")
    shown = part(pair, "setup")
    assert "may be left out: none" in shown and 'href="/pairs/shop/files/"' in shown
    assert "may be left out: everything is mirrored" in shown and "not run yet" in shown
    propose(pair.pools.get(), "EXCLUDE", "old")
    assert "1 pending, to be committed" in part(pair, "setup")
    assert "Next: Replication criteria" in text(olga.get("/pairs/shop/files/"))
    assert "Next: File roots" in text(olga.get("/pairs/shop/databases/"))
    pair.ask("SYNC")
    assert "Next:" not in text(olga.get("/pairs/shop/files/"))


def test_a_preflight_is_asked_for_once_and_shown_with_what_to_do(olga, monkeypatch):
    rung: list[int] = []
    monkeypatch.setattr("mwaportal.doorbell.ring", rung.append)
    pair = make_pair()
    page = text(olga.post("/pairs/shop/setup/preflight/", follow=True))
    assert "Asked for" in page and "No engine works on this pair" in page and rung == [pair.pk]
    again = text(olga.post("/pairs/shop/setup/preflight/", follow=True))
    run = PreflightRun.objects.get()
    assert f"preflight {run.pk} of pair shop has not ended yet" in again
    check = {
        "name": "database", "database": "shop", "node": "copy", "status": "failed", "needed": "an empty one",
        "observed": "no such database: shop", "remedy": "create database shop", "objects": ["<i>x"],
    }  # fmt: skip
    run.end(checks=[check, {**check, "name": "clock", "status": "passed"}], databases=["shop"])
    shown = part(pair, "setup") + olga.get("/pairs/shop/setup/").content.decode()
    assert "1 of 2 checks failed" in shown and "create database shop" in shown and "&lt;i&gt;x" in shown
    assert 'popovertarget="create"' in shown and "Start migration of" not in shown
    olga.post("/pairs/shop/setup/preflight/", {"create": "1"})
    again = PreflightRun.objects.first()
    assert again.create_databases
    again.end(checks=[{**check, "status": "passed"}], databases=["shop"])
    assert "Start migration of" in olga.get("/pairs/shop/setup/").content.decode()
    defining.set_databases(pair, ["shop", "crm"])
    page = text(olga.get("/pairs/shop/setup/"))
    assert "were changed since: run it again" in page and "Start migration of shop" not in page


def test_a_pair_that_was_never_started_is_removed_from_the_guide(olga):
    pair = make_pair()
    assert "Nothing has been done on the nodes yet" in text(olga.get("/pairs/shop/guide/"))
    assert olga.post("/pairs/shop/remove/", {"on": "guide"}).url == "/pairs/shop/guide/"
    pair.refresh_from_db()
    assert pair.goal == "REMOVED" and pair.asked_by == "olga"
    page = text(olga.post("/pairs/shop/start/", {"on": "guide"}, follow=True))
    assert "pair shop is being removed" in page


def test_a_connection_string_is_replaced_and_who_did_stands_there(olga):
    pair = make_pair()
    page = text(olga.post("/pairs/shop/nodes/", {"side": "source", "source-conninfo": _AWAY}))
    assert "node old-shop does not answer" in page and "sesame" not in page
    given = {"side": "source", "source-conninfo": _AWAY, "source-may_be_away": "on"}
    page = text(olga.post("/pairs/shop/nodes/", given, follow=True))
    assert "has another connection string now" in page and "sesame" not in page
    assert "olga old-shop connection string host=old user=mover host=127.0.0.1 port=1" in page
    pair.source.refresh_from_db()
    assert pair.source.conninfo == _AWAY
    assert olga.post("/pairs/shop/nodes/", {"side": "elsewhere"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["new/", "shop/databases/", "shop/nodes/", "shop/properties/", "shop/setup/preflight/", "shop/remove/"],
)
def test_only_administrators_set_up(path):
    people = make_people()
    make_pair()
    for name in ("vera", "artur", "otto"):
        assert _browser(people[name]).post(f"/pairs/{path}", {"database": "x"}).status_code == 403
    assert Client().post(f"/pairs/{path}").status_code == 302
    assert Pair.objects.get().goal == "" and not PreflightRun.objects.exists()


def test_who_only_looks_is_offered_nothing():
    vera = _browser(make_people()["vera"])
    make_synchronizing_pair()
    for page in ("guide", "setup", "nodes", "databases", "properties"):
        content = vera.get(f"/pairs/shop/{page}/").content.decode()
        assert 'form="act"' not in content and '<form method="post" action="/pairs' not in content
    assert vera.get("/pairs/new/").status_code == 403


@pytest.mark.parametrize("page", ["databases", "nodes", "properties", "setup/preflight", "remove", "guide"])
def test_a_pair_that_was_removed_meanwhile_is_not_there(olga, page):
    assert olga.post(f"/pairs/gone/{page}/").status_code in (404, 405)
    assert olga.get(f"/pairs/gone/{page}/").status_code in (404, 405)
