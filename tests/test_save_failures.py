"""What fails, is killed or stopped while the save runs, and that it costs time only."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from nodes.postgres.connect import Unreachable, one, wait_until
from tests.save import Listener, Meddler, create, locked, rows, run
from tracking.save.copy import CopyFailed
from tracking.save.events import Begun, CheckpointComplete, ChunkCopied, Copied, PutOff, Waiting
from tracking.save.progress import copying
from tracking.save.run import SaveOptions, save

KILL = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like %s"
FILL = "insert into {} select n, repeat('x', 200) from generate_series(1, {}) n"


def children_of(pid: int) -> list[int]:
    """The processes below a process."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


def slow(database, table="big", many=200):
    """A table whose copy takes its time, for a trigger-like check on the copy sleeps for every row."""
    create(database, f"create table {table} (id int, filler text)")
    database.copy.execute(f"""
        create function dawdle(int) returns boolean language plpgsql as
            'begin perform pg_catalog.pg_sleep(0.02); return true; end';
        alter table {table} add check (public.dawdle(id));
    """)
    database.source.execute(FILL.format(table, many))


def test_a_finished_table_is_never_copied_again(database):
    create(database, "create table a (x int, y text); create table b (x int, y text)")
    database.source.execute(FILL.format("a", 10) + ";" + FILL.format("b", 10))
    listener = Listener()
    run(database, listener)
    database.copy.execute("delete from a")
    second = Listener()
    saved = run(database, second, finished=listener.finished())
    assert not saved.copied and not second.events
    assert rows(database.copy, "a") == []


def test_twice_in_a_row_leaves_the_same_rows(database):
    create(database, "create table a (x int, y text)")
    database.source.execute(FILL.format("a", 4000))
    run(database, split_bytes=100_000)
    run(database, split_bytes=100_000)
    run(database)
    assert rows(database.copy, "a") == rows(database.source, "a")


def test_stopping_ends_the_children_promptly(database):
    slow(database, many=2000)
    stop, listener = threading.Event(), Listener()
    result = []
    thread = threading.Thread(target=lambda: result.append(run(database, listener, stop=stop)))
    thread.start()
    wait_until(lambda: bool(copying(database.copy)), "the copy to run", seconds=10)
    stop.set()
    began = time.monotonic()
    thread.join(10)
    assert time.monotonic() - began < 2 and result[0].stopped and not result[0].copied
    assert not children_of(os.getpid())
    gone = "select not exists (select from pg_stat_activity where application_name like 'mwa save copy %')"
    wait_until(lambda: one(database.copy, gone), "the sessions to end", seconds=10)
    assert rows(database.copy, "big") == []


def test_progress_shows_rows_and_bytes_while_a_table_is_copied(database):
    slow(database, many=100)
    seen = []
    thread = threading.Thread(target=lambda: run(database))
    thread.start()
    wait_until(
        lambda: seen.append(copying(database.copy)) or bool(seen[-1]), "progress", seconds=10, every=0.05
    )
    thread.join(30)
    (count, size) = seen[-1]["public.big"]
    assert count <= 100 and size > 0
    assert len(rows(database.copy, "big")) == 100 and copying(database.copy) == {}


def test_a_session_ended_on_the_source_is_reported_with_the_table(database):
    create(database, "create table big (a int)")
    with locked(database, "big"):
        listener = Meddler(Waiting, lambda: database.source.execute(KILL, ("mwa save copy %",)))
        with pytest.raises(
            CopyFailed, match=r"public\.big: terminating connection .*\(on the source, 57P01\)"
        ):
            run(database, listener)


def test_a_session_ended_on_the_copy_is_reported_with_the_table(database):
    slow(database, many=50_000)
    failures = []

    def expect_failure():
        with pytest.raises(CopyFailed, match=r"public\.big: terminating connection .*\(on the copy, 57P01\)"):
            run(database)
        failures.append("seen")

    thread = threading.Thread(target=expect_failure)
    thread.start()
    wait_until(lambda: bool(copying(database.copy)), "the copy to run", seconds=10)
    database.copy.execute(KILL, ("mwa save copy %",))
    thread.join(10)
    assert failures and rows(database.copy, "big") == []


def test_killed_in_the_middle_nothing_is_left_running_and_the_next_run_finishes(database):
    slow(database, many=40_000)
    create(database, "create table first (x int, y text)")
    database.source.execute(FILL.format("first", 60_000))
    script = (
        "import sys; from tracking.save.run import *; from tracking.save.events import Copied\n"
        "save(sys.argv[1], sys.argv[2], SaveOptions(jobs=1), (),"
        " lambda e: print(e.table.oid, flush=True) if isinstance(e, Copied) else None)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, database.source_conninfo, database.copy_conninfo],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ) as process:  # fmt: skip
        finished = {int(process.stdout.readline())}
        wait_until(lambda: "public.big" in copying(database.copy), "the second table", seconds=10)
        children = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
    assert len(children) == 2
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "its children", seconds=5)
    hurry = "create or replace function dawdle(int) returns boolean language sql as 'select true'"
    database.copy.execute(hurry)
    listener = Listener()
    run(database, listener, finished=finished)
    assert [str(event.table) for event in listener.of(Copied)] == ["public.big"]
    for table in ("first", "big"):
        assert rows(database.copy, table) == rows(database.source, table)


def test_a_lost_checkpoint_is_replaced_and_finished_tables_are_kept(database):
    create(database, "create table a (x int, y text); create table b (x int, y text)")
    database.source.execute(FILL.format("a", 3000) + ";" + FILL.format("b", 10))
    listener = Meddler(Copied, lambda: database.source.execute(KILL, ("mwa save checkpoint",)))
    saved = run(database, listener, jobs=1)
    assert len(listener.of(CheckpointComplete)) == 2 and len(listener.of(Copied)) == 2
    assert len(saved.copied) == 2 and rows(database.copy, "b") == rows(database.source, "b")


def test_a_checkpoint_lost_between_two_chunks_begins_the_table_anew(database):
    """All chunks of a table see one snapshot: a row moved between ranges would be there twice, or never."""
    create(database, "create table a (x int, y text)")
    database.source.execute(FILL.format("a", 3000))
    move = "update a set y = y || 'moved' where x = 1"
    listener = Meddler(
        ChunkCopied,
        lambda: (database.source.execute(KILL, ("mwa save checkpoint",)), database.source.execute(move)),
    )
    run(database, listener, jobs=1, split_bytes=300_000)
    assert len(listener.of(PutOff)) == 1
    chunks = {event.of for event in listener.of(ChunkCopied)}
    assert [{event.chunks} for event in listener.of(Begun)] == [chunks] * 2 and chunks != {1}
    assert rows(database.copy, "a") == rows(database.source, "a")


def test_the_copys_own_words_are_in_the_message(database):
    create(database, "create table a (x int)")
    database.copy.execute("alter table a add check (x < 5)")
    database.source.execute("insert into a values (7)")
    with pytest.raises(
        CopyFailed, match=r'public\.a: new row .* violates check constraint "a_x_check"'
    ) as failure:
        run(database)
    assert failure.value.side == "on the copy" and failure.value.sqlstate == "23514"


def test_a_table_made_after_the_definitions_were_read_is_named_and_the_rest_is_saved(database):
    create(database, "create table old (x int)")
    database.source.execute("create table new (x int)")
    saved = run(database)
    assert [str(table) for table in saved.new] == ["public.new"]
    assert [str(table) for table in saved.copied] == ["public.old"]


def test_a_full_disk_on_the_copy_is_named(database):
    with tempfile.TemporaryDirectory(prefix="mwa-") as place:
        Path(place).chmod(0o777)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=False).returncode:
            pytest.skip("a small file system cannot be mounted here")
        try:
            directory = Path(place, "space")
            directory.mkdir()
            directory.chmod(0o777)
            uid = Path(one(database.copy, "show data_directory")).stat().st_uid
            os.chown(directory, uid, -1)
            directory.chmod(0o700)
            space = f"space_{database.name}"
            database.copy.execute(f"create tablespace {space} location '{directory}'")
            create(database, "create table a (x int, y text)")
            database.copy.execute(f"alter table a set tablespace {space}")
            database.source.execute(FILL.format("a", 20_000))
            with pytest.raises(
                CopyFailed, match=r"public\.a: could not extend file .*No space left on device"
            ):
                run(database)
            assert rows(database.copy, "a") == []
            database.copy.execute("drop table a")
            database.copy.execute(f"drop tablespace {space}")
        finally:
            subprocess.run(["umount", place], check=True)


def test_a_copy_that_does_not_answer_is_named(database):
    with pytest.raises(Unreachable, match="nowhere"):
        save(database.source_conninfo, "host=/nowhere dbname=x", SaveOptions(), (), Listener())
