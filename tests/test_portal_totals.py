"""What the lists note of how much is on them is what there is, whoever changes them and however."""

import random
import threading

import psycopg
import pytest
from django.db import connection
from django.db.models import Count, Q

from mwaportal.portaldb import portal_conninfo
from tests.lists import make_lists
from tests.portal import make_root, make_synchronizing_pair, owe
from tracking import fileroots
from tracking.engine import totals as upkeep
from tracking.ifs.changelist import ChangeList, FileList
from tracking.ifs.changes import Change
from tracking.ifs.outcome import Failed
from tracking.listing import totals
from tracking.listing.lists import LISTS
from tracking.models import Attempt, DefinitionEntry, FileChange, JournalEntry, OtherObject, TrackedTable


def noted(name: str) -> dict[tuple, int]:
    """What is known of a list, of all owners."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select owner, state, set_aside, object_type, entries from tracking_listtotal where list = %s",
            [name],
        )
        found: dict[tuple, int] = {}
        for *kind, entries in cursor.fetchall():
            found[tuple(kind)] = found.get(tuple(kind), 0) + entries
    return {kind: entries for kind, entries in found.items() if entries}


def deltas() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from tracking_listdelta")
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_every_change_of_every_list_is_counted_before_and_after_it_is_added_up():
    pair = make_lists(40)
    for folded in (False, True, True):
        for name, spec in LISTS.items():
            entries = spec.model._default_manager.all()
            if name == "tables":
                entries = entries.filter(Q(changes__gt=0) | Q(whole_reason__gt=""))
            assert sum(noted(name).values()) == entries.count() > 0
        by_state = DefinitionEntry.objects.filter(done_at=None).values_list(
            "state", "set_aside", "object_type"
        )
        for state, aside, kind, count in by_state.order_by().annotate(Count("pk")):
            assert noted("definitions")[str(pair.pools.get().pk), state, aside, kind] == count
        assert (
            totals.waiting("definitions", [pair.pools.get().pk]) == DefinitionEntry.objects.by_hand().count()
        )
        assert totals.put_right() == {}
        if folded:
            assert deltas() == 0
        DefinitionEntry.objects.filter(number__lt=10).update(state="READY", failure="")
        OtherObject.objects.filter(state="READY").delete()
        FileChange.objects.filter(state="FAILED").update(set_aside="DEFERRED")
        TrackedTable.objects.filter(table_name="t1").update(changes=0)
        totals.fold()
    pair.pools.all().delete()
    pair.file_roots.all().delete()
    for name in LISTS:
        assert name == "journal" or noted(name) == {}
    assert totals.put_right() == {}


@pytest.mark.django_db
def test_what_a_root_owes_is_read_and_not_counted(django_assert_num_queries):
    pair = make_synchronizing_pair()
    root = make_root(pair)
    for number, (state, aside) in enumerate(
        [("READY", ""), ("FAILED", ""), ("FAILED", "OMITTED"), ("READY", "DEFERRED"), ("INELIGIBLE", "")]
    ):
        owe(root, b"%d" % number, state, set_aside=aside)
    with django_assert_num_queries(1):
        (found,) = fileroots.counted()
    left = FileChange.objects.left().count()
    assert (found.owed, found.left, left) == (3, 2, 2)
    assert totals.by_list({"paths": [root.pk], "attempts": [1]}) == {"paths": (5, 2), "attempts": (0, 0)}


@pytest.mark.django_db
def test_figures_that_went_wrong_are_put_right_and_said(caplog, monkeypatch):
    make_lists(10)
    with connection.cursor() as cursor:
        cursor.execute("delete from tracking_listdelta where list = 'paths'")
        cursor.execute("update tracking_listdelta set entries = entries + 7 where list = 'attempts'")
    monkeypatch.setattr(upkeep, "_checked", -1e9)
    upkeep.step()
    assert "list paths were wrong" in caplog.text and "list attempts were wrong" in caplog.text
    assert sum(noted("attempts").values()) == Attempt.objects.count()
    assert sum(noted("paths").values()) == 10 and totals.put_right() == {}


@pytest.mark.django_db(transaction=True)
def test_those_who_write_a_list_at_the_same_time_do_not_wait_for_one_another_nor_for_the_sum():
    pool = make_synchronizing_pair().pools.get()
    JournalEntry.objects.create(pair_name="a", entry_type="M", name="MANAGER", state="SYNC")
    with psycopg.connect(portal_conninfo()) as one, psycopg.connect(portal_conninfo()) as other:
        for session in (one, other):
            session.execute("set lock_timeout = '1s'")
            session.execute(_TRACKED, [pool.pk, f"t{session.info.backend_pid}"])
        totals.fold()  # neither is committed
        assert totals.entries("tables", [pool.pk]) == 0
        one.commit()
        assert totals.entries("tables", [pool.pk]) == 1
        other.rollback()
    totals.fold()
    assert totals.entries("tables", [pool.pk]) == 1 and deltas() == 0


@pytest.mark.django_db(transaction=True)
def test_trackers_carriers_and_people_at_once_leave_right_totals():
    root = make_root(make_synchronizing_pair())
    ends = [threading.Thread(target=_live, args=(root.pk, number)) for number in range(3)]
    for end in ends:
        end.start()
    while any(end.is_alive() for end in ends):
        totals.fold()
        FileChange.objects.filter(state="FAILED", set_aside="").update(set_aside="DEFERRED")
        there = FileChange.objects.count()
        assert there >= 0 and totals.entries("paths", [root.pk]) >= 0
    for end in ends:
        end.join()
    assert totals.put_right() == {}
    assert sum(noted("paths").values()) == FileChange.objects.count() > 0


def _live(root: int, seed: int) -> None:
    chance = random.Random(seed)
    with psycopg.connect(portal_conninfo(), autocommit=True) as session:
        for turn in range(30):
            names = {b"%d" % chance.randrange(60) for _ in range(20)}
            if seed:
                ChangeList(session, root).add([Change(name, 0) for name in sorted(names)])
                continue
            taking = FileList(session, root)
            taken = taking.take(15)
            taking.done(taken[:5])
            for entry in taken[5:10]:
                taking.put_back(entry, Failed(entry.path, "*STMF", "no room", False), None)
            taking.hand_back(taken[10:])
            assert turn >= 0


_TRACKED = """
    insert into tracking_trackedtable (pool_id, sheet, schema_name, table_name, key_columns, changes)
    values (%s, 1, 'public', %s, '{id}', 1)
"""
