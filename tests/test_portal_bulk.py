"""What is asked of many entries at once: of each as if it were asked alone, once, and in bounded time."""

import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from tests.portal import make_people, make_root, make_synchronizing_pair, owe
from tracking.listing import bulk
from tracking.listing.lists import LISTS
from tracking.models import Attempt, DefinitionEntry, FileChange, MigratedObject, set_state

BULK = "/pairs/shop/definitions/bulk/"


@pytest.fixture
def pool(db):
    make_people()
    return make_synchronizing_pair().pools.get()


def definitions(pool, count: int, state: str = "FAILED", kind: str = "view") -> list[DefinitionEntry]:
    first = DefinitionEntry.objects.count()
    return [
        DefinitionEntry.objects.create(
            pool=pool, number=first + n, state=state, object_type=kind, command=f"CREATE {kind.upper()}",
            identity=f"public.o{first + n}", failure="no room",
        )
        for n in range(count)
    ]  # fmt: skip


def asked(act: str, who: str = "olga", path: str = BULK, **data: object) -> str:
    client = Client()
    client.force_login(User.objects.get(username=who))
    answer = client.post(f"{path}{act}", data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_is_ticked_is_tried_again_and_the_rest_is_not(pool):
    entries = definitions(pool, 5)
    page = asked("retry/", row=[entries[1].pk, entries[3].pk])
    assert "Try again: 2 done." in page
    asked_for = DefinitionEntry.objects.filter(retry_asked=True)
    assert {entry.pk for entry in asked_for} == {entries[1].pk, entries[3].pk}
    assert {entry.asked_by for entry in asked_for} == {"olga"}


def test_all_that_match_the_filter_are_omitted_and_refusals_are_counted_with_their_reasons(pool):
    definitions(pool, 70)
    definitions(pool, 4, kind="table")
    on_its_way = definitions(pool, 3, state="READY")
    page = asked("omit/?all", here="state=FAILED")
    assert "Omit: 70 done. 4 refused: " in page and "; and 1 more." in page
    assert page.count("changes a table whose rows could not follow without it") >= 3
    assert "state=FAILED" in page  # the list is shown as it was
    assert DefinitionEntry.objects.filter(set_aside="OMITTED").count() == 70
    assert Attempt.objects.filter(outcome="OMITTED", by="olga").count() == 70
    assert "Omit: 0 done. 77 refused" in asked("omit/?all")  # those on their way, too
    assert not DefinitionEntry.objects.filter(pk__in=[e.pk for e in on_its_way], set_aside="OMITTED").exists()


def test_a_priority_is_set_for_many_and_a_garbled_one_for_none(pool):
    entries = definitions(pool, 3)
    rows = [entry.pk for entry in entries]
    assert "Set priority: 3 done." in asked("prioritize/", row=rows, priority="4")
    assert set(DefinitionEntry.objects.values_list("priority", flat=True)) == {4}
    page = asked("prioritize/", row=rows, priority="<b>")
    assert "0 done. 3 refused: &#x27;&lt;b&gt;&#x27; was given as the priority" in page


def test_nothing_that_is_garbled_or_of_another_pair_is_touched(pool):
    other = make_synchronizing_pair("other").pools.get()
    foreign = definitions(other, 2)
    rows = [*(entry.pk for entry in foreign), "x", "", "-1", "9" * 30, "1\x00"]
    assert "No entry was ticked, or none matches" in asked("remove/", row=rows)
    assert "No entry was ticked, or none matches" in asked("remove/?all", here="q=nobody&at=forged&pool=%00")
    assert DefinitionEntry.objects.count() == 2
    client = Client()
    client.force_login(User.objects.get(username="olga"))
    for path in (
        "definitions/bulk/conquer/",
        "tables/bulk/retry/",
        "nothing/bulk/retry/",
        "journal/bulk/remove/",
    ):
        assert client.post(f"/pairs/shop/{path}").status_code == 404
    assert client.get(f"{BULK}retry/").status_code == 405
    client.force_login(User.objects.get(username="vera"))
    assert client.post(f"{BULK}retry/").status_code == 403


def test_files_are_deferred_and_carried_objects_forgotten_in_the_same_way(pool):
    root = make_root(pool.pair)
    paths = [owe(root, b"<i>%d" % number, "FAILED") for number in range(3)]
    page = asked("defer/", path="/pairs/shop/paths/bulk/", row=[path.pk for path in paths[:2]])
    assert "Defer: 2 done." in page and FileChange.objects.filter(set_aside="DEFERRED").count() == 2
    for number in range(2):
        MigratedObject.objects.create(
            pool=pool, identity=f"public.v{number}", object_type="view", count=1,
            tracked_at=pool.since, ended_at=pool.since,
        )  # fmt: skip
    set_state(pool, "ACTIVE", "SYNCHRONIZING")
    assert "0 done. 2 refused" in asked("remove/?all", path="/pairs/shop/migrated/bulk/")
    set_state(pool, "ACTIVE", "REPLICATING")
    assert "Forget: 2 done." in asked("remove/?all", path="/pairs/shop/migrated/bulk/")
    assert not MigratedObject.objects.exists()


def test_the_time_is_bounded_and_what_is_left_is_said(pool):
    rows = [entry.pk for entry in definitions(pool, 3)]
    done = bulk.ask(LISTS["definitions"], rows, "omit", "olga", seconds=-1)
    assert done.left and "there are more: ask again for the rest" in str(done)
    assert not DefinitionEntry.objects.filter(set_aside="OMITTED").exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_each_thing_once_and_nobody_waits_for_who_holds_an_entry():
    make_people()
    pool = make_synchronizing_pair().pools.get()
    entries = definitions(pool, 60)
    found = []

    def press() -> None:
        found.append(bulk.ask(LISTS["definitions"], [entry.pk for entry in entries], "omit", "olga"))
        connection.close()

    presses = [threading.Thread(target=press) for _ in range(2)]
    for each in presses:
        each.start()
    for each in presses:
        each.join(30)
    assert sum(each.done for each in found) == 60 == Attempt.objects.filter(outcome="OMITTED").count()
    with transaction.atomic():
        list(DefinitionEntry.objects.select_for_update().filter(pk=entries[0].pk))
        held = threading.Thread(target=press)
        held.start()
        held.join(30)
        assert not held.is_alive() and found[-1].under_way == 1
