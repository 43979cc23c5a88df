"""Tables that somebody else holds while the save runs."""

import pytest

from nodes.postgres import catalog
from nodes.postgres.connect import one
from tests.save import Listener, Meddler, create, locked, rows, run
from tracking.save.copy import CopyFailed
from tracking.save.events import CheckpointComplete, Copied, PutOff, Skipped, Vanished, Waiting


def test_tables_are_listed_while_one_is_locked(database):
    database.source.execute("create table a (x int); insert into a values (1); analyze a")
    with locked(database, "a"):
        (table,) = catalog.tables(database.source)
    assert table.bytes == 8192


def test_a_locked_table_is_skipped_and_copied_in_the_end(database):
    create(database, "create table busy (a int); create table free (a int)")
    database.source.execute("insert into busy select generate_series(1, 1000); insert into free values (1)")
    with locked(database, "busy") as holder:
        listener = Meddler(Skipped, lambda: holder.execute("rollback"))
        saved = run(database, listener, savactwait_seconds=0.2)
    assert [str(e.table) for e in listener.of(Copied)] == ["public.free", "public.busy"]
    assert str(listener.of(Skipped)[0].table) == "public.busy"
    assert {str(table) for table in saved.copied} == {"public.busy", "public.free"} and not saved.skipped
    assert rows(database.copy, "busy") == rows(database.source, "busy")
    assert len(listener.of(CheckpointComplete)) == 1  # the late one still belongs to it


def test_a_table_that_stays_locked_is_left_over_and_named(database):
    create(database, "create table busy (a int); create table free (a int)")
    with locked(database, "busy"):
        listener = Listener()
        saved = run(database, listener, savactwait_seconds=0.1)
    assert [str(table) for table in saved.skipped] == ["public.busy"]
    assert [str(table) for table in saved.copied] == ["public.free"]
    assert len(listener.of(Skipped)) == 4


def test_whoever_holds_the_table_is_named(database):
    create(database, "create table busy (a int)")
    with locked(database, "busy") as holder:
        listener = Meddler(Waiting, lambda: holder.execute("rollback"))
        run(database, listener, savactwait_seconds=20)
        (waiting,) = listener.of(Waiting)
        assert waiting.blockers == (f"pid {holder.info.backend_pid} (postgres, mwa migration of the shop)",)
        waits = one(database.source, "select clock_timestamp()") - waiting.since
    assert str(waiting.table) == "public.busy" and 0 < waits.total_seconds() < 20
    assert not listener.of(Skipped)


def test_one_locked_chunk_puts_the_whole_table_off(database):
    create(database, "create table big (id int, filler text)")
    database.source.execute("insert into big select n, repeat('x', 100) from generate_series(1, 5000) n")
    with locked(database, "big") as holder:
        listener = Meddler(Skipped, lambda: holder.execute("rollback"))
        run(database, listener, savactwait_seconds=0.2, split_bytes=100_000)
    assert len(listener.of(Skipped)) == 1
    assert rows(database.copy, "big") == rows(database.source, "big")


def test_a_table_dropped_in_the_middle_has_vanished(database):
    create(database, "create table short (a int); create table other (a int)")
    database.source.execute("insert into other select generate_series(1, 1000)")

    with locked(database, "short") as holder:
        drop = Meddler(Waiting, lambda: holder.execute("drop table short; commit"))
        saved = run(database, drop)
    assert [str(table) for table in saved.vanished] == ["public.short"] and len(drop.of(Vanished)) == 1
    assert [str(table) for table in saved.copied] == ["public.other"]


def test_a_renamed_table_is_not_taken_for_a_vanished_one(database):
    create(database, "create table old (a int)")
    with locked(database, "old") as holder:
        rename = Meddler(Waiting, lambda: holder.execute("alter table old rename to new; commit"))
        with pytest.raises(CopyFailed, match=r"public\.old: it is called public\.new now"):
            run(database, rename)


def test_a_table_that_took_the_name_of_another_is_not_copied_as_that(database):
    create(database, "create table t (a int)")
    with locked(database, "t") as holder:
        script = "drop table t; create table t (a int); insert into t values (4711); commit"
        saved = run(database, Meddler(Waiting, lambda: holder.execute(script)))
    assert [str(table) for table in saved.vanished] == ["public.t"]


def test_a_table_rewritten_after_the_checkpoint_is_not_copied_empty(database):
    """To the older snapshot it has no rows, and nothing of a rewrite comes through the stream."""
    create(database, "create table t (a int)")
    database.source.execute("insert into t select generate_series(1, 100)")
    with locked(database, "t") as holder:
        script = "alter table t alter a type bigint; alter table t alter a type int; commit"
        listener = Meddler(Waiting, lambda: holder.execute(script))
        saved = run(database, listener)
    assert [event.reason for event in listener.of(PutOff)] == ["it was rewritten after the checkpoint"]
    assert [event.code for event in listener.of(CheckpointComplete)] == ["CPI3712", "CPI3710"]
    assert len(saved.copied) == 1 and len(rows(database.copy, "t")) == 100
