"""What may happen in the middle of a system migration: somebody dies, waits, or changes a definition."""

import os
import signal
from pathlib import Path

import pytest
from django.conf import settings

from nodes.models import Pair
from nodes.postgres.connect import connect, one, wait_until
from tests.mirror import content
from tests.test_engine_sync_pause import capture_pid
from tracking.engine import archive
from tracking.models import DefinitionEntry, TableCopy, TrackedTable

SHOP = """
    create table customer (id int primary key, name text);
    create table log (line text);
    insert into customer select i, 'c' || i from generate_series(1, 100) i;
    insert into log values ('first')
"""
STEPS = ["INSTALLED", "DEFINED", "COPIED", "INDEXED"]
NEW = """
    create table made (id int primary key, n int); create index on made (n);
    insert into made select i, i from generate_series(1, 20) i
"""


@pytest.fixture
def shop(engine):
    """A pair that is not started."""
    engine.database.source.execute(SHOP)
    return engine


def held_up_while_copying(engine, holder) -> None:
    """A table that the save waits for, for as long as the test likes."""
    engine.set(savactwait_seconds=300)
    engine.set_up_to("DEFINED")
    holder.execute("lock table public.customer")
    engine.start()
    waits = TableCopy.objects.filter(name="customer", state="LOCKED")
    engine.until("the others to be copied", TableCopy.objects.filter(name="log", state="COPIED").exists)
    engine.until("the wait", waits.exists)


def definitions(token: str) -> list[Path]:
    return list((Path(settings.HOME) / "definitions").glob(f"{token}*"))


@pytest.mark.parametrize("step", STEPS)
def test_a_table_created_in_the_middle_comes_along(shop, step):
    shop.set_up_to(step)
    shop.application(NEW)
    shop.start()
    shop.until("SYNC", lambda: shop.pair.phase == "SYNC")
    shop.until_state("ACTIVE", "REPLICATING")
    shop.until_equal()
    shop.application("update made set n = 0 where id < 5; insert into made values (100, 100)")
    shop.until_equal()
    assert "(1,0)" in content(shop.database.copy)["public.made"]
    assert one(shop.database.copy, "select count(*) from pg_indexes where tablename = 'made'") == 2
    nothing_left(shop)
    assert not TableCopy.objects.exclude(state="COPIED").exists()


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_definition_changed_in_the_middle_arrives(shop, step):
    shop.set_up_to(step)
    change = "alter table customer add column email text default 'none'; create view names as select 1 as one"
    shop.application(change + "; update customer set email = 'here' where id = 1")
    shop.start()
    shop.until("SYNC", lambda: shop.pair.phase == "SYNC")
    shop.until_state("ACTIVE", "REPLICATING")
    shop.until_equal()
    assert "(1,c1,here)" in content(shop.database.copy)["public.customer"]
    assert one(shop.database.copy, "select one from names") == 1
    nothing_left(shop)


def nothing_left(shop) -> None:
    shop.until("the list to be empty", lambda: not DefinitionEntry.objects.exists())


def test_a_definition_that_was_being_changed_during_the_dump_is_not_lost(shop):
    """Its number is smaller than that of one which was committed before."""
    shop.set_up_to("INSTALLED")
    with connect(shop.database.source_conninfo, "x", autocommit=False) as slow:
        slow.execute("set application_name = 'shop'")
        slow.execute("create function public.slow() returns int return 1")
        shop.application("create function fast() returns int return 2")
        shop.start()
        shop.until("the definitions", lambda: shop.pool.step == "DEFINED")
        slow.commit()
    shop.until("SYNC", lambda: shop.pair.phase == "SYNC")
    assert one(shop.database.copy, "select public.slow() + public.fast()") == 3
    nothing_left(shop)


def test_what_changes_between_the_restore_and_its_being_written_down_is_not_lost(shop):
    """Dumped again, the change would count as known and not be on the copy."""
    shop.pair.ask("SYNC")
    shop.killed_after("tracking.save.definitions.restore_pre_data")
    assert shop.pool.step == "INSTALLED"
    shop.application("create function late() returns int return 1")
    shop.start()
    shop.until("SYNC", lambda: shop.pair.phase == "SYNC")
    assert one(shop.database.copy, "select public.late()") == 1
    nothing_left(shop)


def test_a_dump_that_was_killed_counts_for_nothing(shop):
    shop.pair.ask("SYNC")
    shop.killed_after("tracking.save.definitions.dump")
    assert not archive.path(shop.pool).exists() and definitions(shop.pair.token)
    shop.application("create function later() returns int return 1")
    shop.start()
    shop.until("SYNC", lambda: shop.pair.phase == "SYNC")
    shop.until_equal()
    assert one(shop.database.copy, "select public.later()") == 1
    nothing_left(shop)


def test_definitions_are_not_kept_longer_than_they_are_needed(shop):
    shop.set_up_to("DEFINED")
    (kept,) = definitions(shop.pair.token)
    assert kept.name == f"{shop.pair.token}_1" and kept.stat().st_mode & 0o077 == 0
    shop.start()
    shop.until("SYNC", lambda: shop.pair.phase == "SYNC")
    assert definitions(shop.pair.token) == []
    shop.application(NEW)
    shop.until("the table to join", lambda: "public.made" in content(shop.database.copy))
    shop.until_state("ACTIVE", "REPLICATING")
    assert definitions(shop.pair.token) == []


def test_definitions_go_with_their_pair(shop):
    shop.set_up_to("DEFINED")
    token = shop.pair.token
    assert definitions(token)
    shop.pair.ask("REMOVED")
    shop.start()
    wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=40)
    assert definitions(token) == []


def test_a_capture_that_dies_while_tables_are_copied_is_started_again(shop):
    """A save may last for hours; all that time the source would keep its log."""
    with connect(shop.database.source_conninfo, "app", autocommit=False) as holder:
        held_up_while_copying(shop, holder)
        first = capture_pid(shop)
        os.kill(first, signal.SIGKILL)
        shop.application("update log set line = 'while nobody captured'")
        shop.until("the list", TrackedTable.objects.filter(table_name="log").exists)
        assert capture_pid(shop) != first
        assert shop.pool.step == "DEFINED"
    shop.until("SYNC", lambda: shop.pair.phase == "SYNC")
    shop.until_equal()


def test_the_log_is_bounded_while_tables_are_copied(shop):
    """A transaction that does not end keeps the log, whoever reads the slot."""
    source, name = shop.database.source, f"mwa_{shop.pair.token}_1_f"
    source.execute("create table filler (id int, t text); alter table filler alter t set storage external")
    held = "select count(*) from pg_replication_slots where slot_name = %s"
    with (
        connect(shop.database.source_conninfo, "app", autocommit=False) as holder,
        connect(shop.database.source_conninfo, "app", autocommit=False) as forgotten,
    ):
        shop.set(wal_limit_bytes=5_000_000, suspend_wait_seconds=1)
        held_up_while_copying(shop, holder)
        forgotten.execute("create table public.forgotten (id int primary key)")
        for _ in range(4):
            shop.application("insert into filler select i, repeat('x', 30000) from generate_series(1, 100) i")
        shop.until("the slot to be given up", lambda: one(source, held, (name,)) == 0)
        assert shop.pair.messages.filter(code="8690").exists() and shop.pool.step == "DEFINED"
    shop.set(wal_limit_bytes=2**30)
    shop.until("SYNC", lambda: shop.pair.phase == "SYNC")
    shop.until_equal()


@pytest.mark.parametrize("what", ["save", "hand-over"])
def test_removing_does_not_wait_for_what_takes_long(shop, what):
    with connect(shop.database.source_conninfo, "app", autocommit=False) as holder:
        if what == "save":
            held_up_while_copying(shop, holder)
        else:
            shop.set_up_to("INDEXED")
            shop.set(savactwait_seconds=300)
            holder.execute("update public.customer set name = 'x' where id = 1")
            shop.start()
            shop.until("the wait", shop.pair.messages.filter(code="767").exists)
        shop.ask("REMOVED")
        wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=40)
    ours = "select count(*) from pg_replication_slots where database = current_database()"
    assert one(shop.database.source, ours) == 0


def test_a_pair_without_a_database_can_be_removed(engine):
    engine.pair.pools.all().delete()
    engine.start()
    engine.ask("REMOVED")
    wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=10)
