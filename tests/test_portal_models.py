"""What the portal's database guarantees, whoever writes to it."""

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from mwaportal.portaldb import portal_conninfo
from nodes.models import Node, Pair, StoragePool
from nodes.postgres.connect import connect, one
from tracking.mirror.keylist import owe_whole
from tracking.models import JournalEntry, TrackedTable, set_phase, set_state


@pytest.fixture
def pool(db) -> StoragePool:
    pair = Pair.objects.create(
        name="shop",
        source=Node.objects.create(name="old", conninfo="host=old password=sesame"),
        copy=Node.objects.create(name="new", conninfo="host=new password=sesame"),
    )
    return StoragePool.objects.create(pair=pair, database="shop")


@pytest.mark.parametrize("name", [".", "..", ""])
def test_a_pair_s_name_makes_an_address(pool, name):
    pool.pair.name = name
    with pytest.raises(ValidationError):
        pool.pair.full_clean()
    with pytest.raises(IntegrityError, match="a_pair_has_an_address"), transaction.atomic():
        pool.pair.save()


def test_a_pair_has_two_nodes(pool):
    pool.pair.copy = pool.pair.source
    with pytest.raises(ValidationError, match="source and copy are the same node, needed are two"):
        pool.pair.full_clean()


@pytest.mark.parametrize("name", ["parallel_degree", "whole_share_percent", "swap_budget_ms"])
def test_a_limit_of_nothing_is_refused(pool, name):
    setattr(pool.pair, name, 0)
    with pytest.raises(ValidationError, match="is 0, needed is at least 1"):
        pool.pair.full_clean()


def test_no_migration_is_missing(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize("statement", ["update {} set state = 'X'", "delete from {}", "truncate {}"])
def test_the_journal_is_append_only(pool, statement):
    set_state(pool, "TRACKING", "SUSPENDED", 212)
    set_phase(pool.pair, "SYNC", "A")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format("tracking_journalentry"))
    assert list(JournalEntry.objects.values_list("entry_type", "name", "state", "previous_state")) == [
        ("M", "MANAGER", "SYNC", ""),
        ("C", "*SYSBAS", "TRACKING", "NOT MIRRORED"),
    ]


def test_the_journal_tells_of_changes_of_state_and_reason_and_of_nothing_else(pool):
    set_state(pool, "TRACKING", "SUSPENDED", 212)
    set_state(pool, "TRACKING", "SUSPENDED", 9040, "ALTER TABLE public.orders")
    set_state(pool, "TRACKING", "SUSPENDED", 9040, "ALTER TABLE public.orders; CREATE VIEW public.today")
    set_state(pool, "ACTIVE", "SYNCHRONIZING")
    set_state(pool, "ACTIVE", "REPLICATING")
    told = JournalEntry.objects.order_by("id").values_list("previous_state", "state", "reason")
    assert list(told) == [
        ("NOT MIRRORED", "TRACKING", 212), ("TRACKING", "TRACKING", 9040), ("TRACKING", "ACTIVE", None),
    ]  # fmt: skip


def test_a_reason_that_has_grown_is_shown_and_keeps_its_beginning(pool):
    set_state(pool, "TRACKING", "SUSPENDED", 9040, "ALTER TABLE public.orders")
    since = pool.since
    set_state(pool, "TRACKING", "SUSPENDED", 9040, "ALTER TABLE public.orders; CREATE VIEW public.today")
    pool.refresh_from_db()
    assert pool.reason_text.endswith("CREATE VIEW public.today") and pool.since == since


def test_removing_a_pair_keeps_its_journal_and_drops_its_lists(pool):
    set_phase(pool.pair, "SETUP", "A")
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into tracking_trackedtable (pool_id, sheet, schema_name, table_name, key_columns)"
            " values (%s, 1, 'public', 'orders', '{id}') returning id",
            [pool.pk],
        )
        (entry,) = cursor.fetchone()
        cursor.execute("insert into tracking_trackedkey values (%s, '{1}')", [entry])
        cursor.execute("insert into tracking_capturedposition values (%s, '0/1', 1)", [pool.pk])
        assert TrackedTable.objects.get().key_columns == ["id"]

        pool.pair.delete()

        cursor.execute(
            "select (select count(*) from tracking_trackedtable), (select count(*) from tracking_trackedkey),"
            " (select count(*) from tracking_capturedposition)"
        )
        assert cursor.fetchone() == (0, 0, 0)
    assert JournalEntry.objects.get().pair_name == "shop"


@pytest.mark.django_db(transaction=True)
def test_a_process_without_django_writes_to_the_same_lists(pool):
    with psycopg.connect(portal_conninfo(), autocommit=True) as capture:
        assert one(capture, "select current_database()") == "test_portal"
        owe_whole(capture, pool.pk, 1, "public", "orders", "new")
    assert TrackedTable.objects.get().whole_reason == "new"


@pytest.mark.django_db(transaction=True)
def test_a_session_of_a_node_s_kind_tears_a_sheet_off_with_its_keys(pool):
    with connect(portal_conninfo(), "test") as capture:  # its search_path is pg_catalog only
        owe_whole(capture, pool.pk, 1, "public", "orders", "new")
        entry = (one(capture, "select id from public.tracking_trackedtable where pool_id = %s", (pool.pk,)),)
        capture.execute("insert into public.tracking_trackedkey values (%s, '{1}')", entry)
        capture.execute("delete from public.tracking_trackedtable where id = %s", entry)
        left = "select count(*) from public.tracking_trackedkey where table_id = %s"
        assert one(capture, left, entry) == 0


@pytest.mark.django_db(transaction=True)
def test_a_list_cannot_be_written_for_a_pool_that_is_gone(pool):
    with psycopg.connect(portal_conninfo(), autocommit=True) as capture:
        pool.pair.delete()
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            owe_whole(capture, pool.pk, 1, "public", "orders", "new")
