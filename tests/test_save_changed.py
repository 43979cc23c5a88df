"""Definitions that change between the reading of the tables and the moment a table is held."""

import pytest

from nodes.postgres.connect import connect
from tests.save import Meddler, create, rows, run
from tracking.save import route
from tracking.save.copy import CopyFailed
from tracking.save.events import CheckpointComplete, ChunkCopied, Copied, PutOff, Vanished

TABLES = "create table first (a int); create table second (a int, b int, c int)"


@pytest.fixture
def shop(database):
    create(database, TABLES)
    database.source.execute(
        "insert into first select generate_series(1, 1000); insert into second values (1, 2, 3)"
    )
    return database


def change(database, statements):
    with connect(database.source_conninfo, "migration of the shop", search_path="public") as session:
        session.execute(statements)


BEFORE_ITS_CHECKPOINT = {
    "another type of the same length": "alter table second alter b type real",
    "a column more": "alter table second add d int",
    "a column less": "alter table second drop b",
    "another name": "alter table second rename b to d",
    "names exchanged": "alter table second rename b to d; alter table second rename c to b;"
    " alter table second alter b type bigint; alter table second rename d to c",
    "now computed": "alter table second drop c; alter table second add c int generated always as (a) stored",
}


@pytest.mark.parametrize("statements", BEFORE_ITS_CHECKPOINT.values(), ids=BEFORE_ITS_CHECKPOINT.keys())
def test_columns_changed_before_its_checkpoint_are_found_and_then_put_off(shop, statements):
    listener = Meddler(Copied, lambda: change(shop, statements))
    with pytest.raises(CopyFailed, match=r"public\.second: its columns were changed while it was saved"):
        run(shop, listener, savact="*SYSDFN", jobs=1)
    assert rows(shop.copy, "second") == [] and rows(shop.copy, "first") == rows(shop.source, "first")
    if "generated" not in statements:
        assert [str(table) for table in run(shop, finished=listener.finished()).changed] == ["public.second"]


def test_a_table_rewritten_with_another_type_after_the_checkpoint_is_not_copied_as_the_old_one(shop):
    listener = Meddler(CheckpointComplete, lambda: change(shop, "alter table second alter b type real"))
    with pytest.raises(CopyFailed, match=r"public\.second: its columns were changed while it was saved"):
        run(shop, listener)
    assert [str(e.table) for e in listener.of(PutOff)] == ["public.second"]
    assert rows(shop.copy, "second") == []


def test_a_column_added_after_the_checkpoint_is_not_looked_for(shop):
    """The stream brings its values from here on, and what is to be done about it is on the list."""
    listener = Meddler(CheckpointComplete, lambda: change(shop, "alter table second add d int default 7"))
    assert len(run(shop, listener).copied) == 2
    assert rows(shop.copy, "second") == ["(1,2,3)"]


def test_a_column_dropped_after_the_checkpoint_is_named(shop):
    listener = Meddler(CheckpointComplete, lambda: change(shop, "alter table second drop b"))
    with pytest.raises(CopyFailed, match=r'public\.second: column "b" does not exist \(on the source'):
        run(shop, listener)


@pytest.mark.parametrize("statement", ["vacuum full first", "cluster first using first_a", "truncate first"])
def test_a_table_whose_rows_move_between_two_of_its_chunks_is_copied_anew(shop, statement):
    """Pages are what the chunks are made of."""
    shop.source.execute("create index first_a on first (a); delete from first where a % 2 = 0")
    shop.source.execute("insert into first select generate_series(1001, 3000)")
    listener = Meddler(ChunkCopied, lambda: change(shop, statement))
    run(shop, listener, split_bytes=20_000, jobs=1)
    assert [str(e.table) for e in listener.of(PutOff)] == ["public.first"]
    assert rows(shop.copy, "first") == rows(shop.source, "first")


@pytest.mark.parametrize("instead", ["materialized view second as select 1 as a", "sequence second"])
def test_a_table_that_something_else_took_the_name_of_has_vanished(shop, instead):
    listener = Meddler(CheckpointComplete, lambda: change(shop, f"drop table second; create {instead}"))
    saved = run(shop, listener)
    assert [str(e.table) for e in listener.of(Vanished)] == ["public.second"]
    assert [str(table) for table in saved.copied] == ["public.first"]


def test_a_table_that_somebody_holds_on_the_copy_is_not_waited_for_without_end(shop, monkeypatch):
    monkeypatch.setattr(route, "COPY_LOCK_SECONDS", 0.3)
    with connect(shop.copy_conninfo, "report", autocommit=False, search_path="public") as report:
        report.execute("select * from first")
        with pytest.raises(CopyFailed, match=r"public\.first: canceling statement due to lock timeout"):
            run(shop, split_bytes=20_000)
