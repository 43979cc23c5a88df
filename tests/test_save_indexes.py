"""Indexes are built after the data, in parallel, and whatever happens they are all there in the end."""

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from nodes.postgres.connect import one, wait_until
from tests.save import EVERYTHING, definitions
from tracking.save import large, progress
from tracking.save.definitions import DefinitionFailed, dump, restore_post_data, restore_pre_data
from tracking.save.foreign_keys import validate_foreign_keys

SLOW = """
    create function dawdle(int) returns int immutable language plpgsql as
        'begin perform pg_catalog.pg_sleep(0.02); return $1; end';
    create table a (x int primary key, y int unique deferrable, z int);
    create index a_slow on a (dawdle(z)); create index a_z on a (z);
"""


@pytest.fixture
def all_are_large(monkeypatch):
    monkeypatch.setattr(large, "LARGE_BYTES", 0)


def before_indexes(database, directory, script, rows=0):
    database.source.execute(script)
    archive = dump(database.source_conninfo, directory)
    restore_pre_data(archive, database.copy_conninfo)
    database.copy.execute(f"insert into a select n, n, n from generate_series(1, {rows}) n" if rows else "")
    return archive


def test_large_tables_get_the_same_definitions(database, tmp_path, all_are_large):
    database.source.execute(EVERYTHING)
    archive = dump(database.source_conninfo, tmp_path)
    restore_pre_data(archive, database.copy_conninfo)
    said = []
    restore_post_data(archive, database.copy_conninfo, 3, lambda *progress: said.append(progress))
    validate_foreign_keys(database.source_conninfo, database.copy_conninfo, 2)
    assert definitions(database.copy_conninfo) == definitions(database.source_conninfo)
    total, keys, others = said[0][2], said[-3][2], said[-1][2]
    assert said == [
        *(("indexes", done, total) for done in range(total + 1)),
        ("foreign keys", 0, keys), ("foreign keys", keys, keys),
        ("others", 0, others), ("others", others, others),
    ]  # fmt: skip
    assert total > 15 and keys > 0 and others > 5


def test_all_indexes_of_one_large_table_are_built_at_the_same_time(database, tmp_path, all_are_large):
    archive = before_indexes(database, tmp_path, """
        create function dawdle(int) returns int immutable language plpgsql as
            'begin perform pg_catalog.pg_sleep(0.01); return $1; end';
        create table a (x int, y int, z int); alter table a add primary key (x);
        create index one on a (dawdle(y)); create index two on a (dawdle(z));
    """, rows=100)  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(archive), database.copy_conninfo], env=QUIET
    ) as process:
        building = "select count(*) from pg_stat_progress_create_index where relid = 'public.a'::regclass"
        wait_until(lambda: one(database.copy, building) == 2, "two builds at a time", seconds=10)
        found = progress.building(database.copy)
        assert sorted(each.statement for each in found) == [
            "CREATE INDEX one ON public.a USING btree (public.dawdle(y));",
            "CREATE INDEX two ON public.a USING btree (public.dawdle(z));",
        ]
        assert {each.table for each in found} == {"public.a"} and all(each.phase for each in found)
    assert process.returncode == 0 and progress.building(database.copy) == []


SCRIPT = """
import sys; from pathlib import Path; from tracking.save.definitions import restore_post_data
restore_post_data(Path(sys.argv[1]), sys.argv[2], 2)
"""
QUIET = {**os.environ, "PYTHONWARNINGS": "ignore"}


@pytest.mark.parametrize("which", ["large", "small"])
def test_killed_while_an_index_is_built_the_next_run_finishes(database, tmp_path, which, monkeypatch):
    if which == "large":
        monkeypatch.setattr(large, "LARGE_BYTES", 0)
    archive = before_indexes(database, tmp_path, SLOW, rows=200)
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(archive), database.copy_conninfo], env=QUIET
    ) as process:
        building = """
            select exists (select from pg_stat_activity
                           where query like '%CREATE INDEX a_slow%' and pid <> pg_backend_pid())
        """
        wait_until(lambda: one(database.copy, building), "a build", seconds=10)
        process.send_signal(signal.SIGKILL)
    restore_post_data(archive, database.copy_conninfo, 2)
    assert definitions(database.copy_conninfo) == definitions(database.source_conninfo)


def test_indexes_that_lock_their_table_twice_do_not_block_each_other(database, tmp_path):
    """pg_restore --jobs alone ends in a deadlock here, about every second time."""
    archive = before_indexes(database, tmp_path, """
        create function dawdle(int) returns int immutable language plpgsql as
            'begin perform pg_catalog.pg_sleep(0.01); return $1; end';
        create table a (x int not null, y int, z int);
        create unique index identity on a (x); create index physical on a (dawdle(y));
        alter table a replica identity using index identity; alter table a cluster on physical;
    """, rows=30)  # fmt: skip
    restore_post_data(archive, database.copy_conninfo, 4)
    assert definitions(database.copy_conninfo) == definitions(database.source_conninfo)


@pytest.mark.parametrize("end", ["killed", "failed"])
def test_an_older_server_does_not_hide_what_went_wrong(databases, tmp_path, end):
    """Which does not know all that pg_restore sets: of its errors only these do not count."""
    first, second = databases(), databases()
    first.source.execute(SLOW)
    archive = dump(first.source_conninfo, tmp_path)
    restore_pre_data(archive, second.source_conninfo)
    second.source.execute("insert into a select g, g, g from generate_series(1, 200) g")
    if end == "failed":
        second.source.execute("insert into a values (1, 1, 1)")
    result = []

    def restore():
        try:
            restore_post_data(archive, second.source_conninfo, 2)
        except DefinitionFailed as error:
            result.append(str(error))

    thread = threading.Thread(target=restore)
    thread.start()
    if end == "killed":
        building = "select exists (select from pg_stat_activity where query like 'CREATE INDEX a_slow%')"
        wait_until(lambda: one(second.source, building), "a build", seconds=10)
        for child in psutil.Process().children(recursive=True):
            if child.name() == "pg_restore":
                child.kill()
    thread.join()
    assert result and (end == "killed" or "could not create unique index" in result[0])


def test_an_invalid_index_is_dropped_and_built_anew(database, tmp_path):
    archive = before_indexes(database, tmp_path, SLOW, rows=5)
    database.copy.execute("create index a_z on a (z)")
    database.copy.execute("update pg_index set indisvalid = false where indexrelid = 'a_z'::regclass")
    restore_post_data(archive, database.copy_conninfo, 2)
    assert one(database.copy, "select indisvalid from pg_index where indexrelid = 'a_z'::regclass")


def test_a_large_tables_failing_index_is_named(database, tmp_path, all_are_large):
    archive = before_indexes(database, tmp_path, "create table a (x int primary key, y int, z int)", rows=5)
    database.copy.execute("insert into a values (1, 1, 1)")
    with pytest.raises(
        DefinitionFailed, match=r"(?s)index public\.a_pkey: could not create unique index.*\(1\)"
    ):
        restore_post_data(archive, database.copy_conninfo, 2)
