"""How wide one checkpoint reaches (SAVACT)."""

import threading

import pytest

from nodes.postgres import catalog
from nodes.postgres.connect import one, wait_until
from tests.save import Listener, Meddler, create, rows, run
from tracking.save.copy import CheckpointUnusable, copy_chunk
from tracking.save.events import CheckpointComplete, ChunkCopied, Copied
from tracking.save.plan import plan
from tracking.save.route import Route
from tracking.save.snapshot import Checkpoint

TABLES = """
    create schema a; create schema b;
    create table a.one (x int); create table a.two (x int); create table b.one (x int);
"""


@pytest.mark.parametrize(
    ("savact", "scopes", "code"),
    [
        ("*SYNCLIB", {()}, "CPI3712"),
        ("*LIB", {("a",), ("b",)}, "CPI3710"),
        ("*SYSDFN", {("a", "one"), ("a", "two"), ("b", "one")}, "CPI3710"),
    ],
)
def test_one_checkpoint_for_all_for_each_schema_or_for_each_table(database, savact, scopes, code):
    create(database, TABLES)
    listener = Listener()
    run(database, listener, savact=savact)
    checkpoints = listener.of(CheckpointComplete)
    assert {event.scope for event in checkpoints} == scopes and len(checkpoints) == len(scopes)
    assert {event.code for event in checkpoints} == {code}


@pytest.mark.parametrize(("savact", "seen"), [("*SYNCLIB", 0), ("*SYSDFN", 1)])
def test_what_is_committed_meanwhile_is_seen_only_by_later_checkpoints(database, savact, seen):
    create(database, "create table first (x int); create table second (x int)")
    database.source.execute("insert into first select generate_series(1, 1000)")
    listener = Meddler(Copied, lambda: database.source.execute("insert into second values (1)"))
    run(database, listener, savact=savact, jobs=1)
    assert len(rows(database.copy, "first")) == 1000
    assert len(rows(database.copy, "second")) == seen


def test_a_row_that_moves_while_its_table_is_copied_in_chunks_is_there_once(database):
    create(database, "create table a (x int, y text)")
    database.source.execute("insert into a select n, repeat('x', 200) from generate_series(1, 3000) n")
    before = rows(database.source, "a")
    listener = Meddler(ChunkCopied, lambda: database.source.execute("update a set y = 'moved'"))
    run(database, listener, jobs=1, split_bytes=100_000)
    assert len(listener.of(ChunkCopied)) > 3 and rows(database.copy, "a") == before


def test_no_snapshot_is_held_when_the_save_is_over(database):
    create(database, TABLES)
    run(database, savact="*LIB")
    none = "select not exists (select from pg_stat_activity where application_name like 'mwa save%')"
    wait_until(lambda: one(database.source, none), "the save's sessions to end", seconds=5)


def test_a_checkpoint_outlives_a_transaction_timeout_of_the_role(database):
    name = database.name
    database.copy.execute(f"alter database {name} set transaction_timeout = '200ms'")
    with Checkpoint(database.copy_conninfo) as checkpoint:  # PostgreSQL 18, as a source
        database.copy.execute("select pg_sleep(0.4)")
        assert checkpoint.alive()


def test_a_checkpoint_knows_that_its_session_has_died(database):
    with Checkpoint(database.source_conninfo) as checkpoint:
        database.source.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'mwa save checkpoint'"
        )
        assert not checkpoint.alive()


def test_a_checkpoint_that_ends_this_very_moment_is_known_to_have_ended(database, servers):
    """Its file is removed a little later than its transaction ends."""
    create(database, "create table a (x int)")
    with Checkpoint(database.source_conninfo) as checkpoint:
        file = servers.source.directory / "pg_snapshots" / checkpoint.name
        content = file.read_bytes()
    wait_until(lambda: not file.exists(), "the checkpoint's session to end", seconds=5)
    try:
        file.write_bytes(content)
        file.chmod(0o644)
        route = Route.between(database.source_conninfo, database.copy_conninfo, 5)
        (planned,) = plan(database.source, catalog.tables(database.source), 1 << 30)
        with pytest.raises(CheckpointUnusable, match="the checkpoint has ended"):
            copy_chunk(route, planned.chunks[0], checkpoint.name, threading.Event())
    finally:
        file.unlink(missing_ok=True)
