"""Every definition arrives, and nothing of ours does."""

from contextlib import contextmanager

import pytest

from nodes.postgres import catalog, publication
from nodes.postgres.connect import connect, one
from tests.save import EVERYTHING, definitions, locked, run
from tracking.save import parallel, route
from tracking.save.definitions import (
    DefinitionFailed,
    dump,
    restore_post_data,
    restore_pre_data,
)
from tracking.save.foreign_keys import validate_foreign_keys
from tracking.save.views import refresh_materialized_views


@pytest.fixture
def everything(database):
    database.source.execute(EVERYTHING)
    return database


def restored(database, directory, jobs=2):
    archive = dump(database.source_conninfo, directory)
    assert restore_pre_data(archive, database.copy_conninfo)
    restore_post_data(archive, database.copy_conninfo, jobs)
    return archive


def test_the_definitions_of_both_nodes_are_equal_in_the_end(everything, tmp_path):
    restored(everything, tmp_path)
    validate_foreign_keys(everything.source_conninfo, everything.copy_conninfo, 2)
    there = definitions(everything.source_conninfo)
    assert definitions(everything.copy_conninfo) == there and len(there) > 80


def test_what_is_ours_stays_on_the_source(everything, tmp_path):
    restored(everything, tmp_path)
    ours = """
        select array(select pubname::text from pg_publication order by 1)
            || array(select subname::text from pg_subscription where subname in ('mwa_1', 'of_the_user')
                     and subdbid = (select oid from pg_database where datname = current_database()))
            || array(select evtname::text from pg_event_trigger)
            || array(select 'schema' from pg_namespace where nspname = 'mwa')
    """
    assert one(everything.copy, ours) == ["of_the_user", "whole_schema", "of_the_user", "of_the_user"]


def test_the_applications_event_triggers_do_not_fire_for_our_work(everything, tmp_path):
    restored(everything, tmp_path)
    validate_foreign_keys(everything.source_conninfo, everything.copy_conninfo, 2)
    refresh_materialized_views(everything.source_conninfo, everything.copy_conninfo)
    assert one(everything.copy, "select count(*) from noted") == 0


def test_every_step_may_be_done_twice(everything, tmp_path):
    archive = dump(everything.source_conninfo, tmp_path)
    assert restore_pre_data(archive, everything.copy_conninfo) is True
    assert restore_pre_data(archive, everything.copy_conninfo) is False
    restore_post_data(archive, everything.copy_conninfo, 2)
    assert restore_pre_data(archive, everything.copy_conninfo) is False
    restore_post_data(archive, everything.copy_conninfo, 2)
    assert validate_foreign_keys(everything.source_conninfo, everything.copy_conninfo, 2) > 0
    assert validate_foreign_keys(everything.source_conninfo, everything.copy_conninfo, 2) == 0
    assert definitions(everything.copy_conninfo) == definitions(everything.source_conninfo)


def test_foreign_keys_are_proved_only_after_the_data(everything, tmp_path):
    restored(everything, tmp_path)
    valid = """
        select conname::text, convalidated from pg_constraint
        where contype = 'f' and conparentid = 0 order by 1
    """
    assert everything.copy.execute(valid).fetchall() == [
        ("items_c", False), ("items_order_id_day_fkey", False), ("kids_parent", False),
    ]  # fmt: skip
    validate_foreign_keys(everything.source_conninfo, everything.copy_conninfo, 2)
    assert everything.copy.execute(valid).fetchall() == [
        ("items_c", True), ("items_order_id_day_fkey", True), ("kids_parent", False),
        ("orders_customer_fkey", True),
    ]  # fmt: skip


def test_a_row_that_refers_to_nothing_is_found(database, tmp_path):
    database.source.execute("""
        create table parent (id int primary key); create table child (id int, parent int references parent);
        insert into parent values (1); insert into child values (10, 1);
    """)
    restored(database, tmp_path)
    database.copy.execute("set session_replication_role = replica; insert into child values (10, 1)")
    with pytest.raises(
        DefinitionFailed, match=r"(?s)foreign key child_parent_fkey of public\.child: .*\(1\)"
    ):
        validate_foreign_keys(database.source_conninfo, database.copy_conninfo, 2)


def test_foreign_keys_of_one_table_do_not_wait_for_each_other(database, tmp_path, monkeypatch):
    database.source.execute("""
        create table parent (id int primary key);
        create table child (a int references parent, b int references parent);
        insert into parent select generate_series(1, 200000);
        insert into child select id, id from parent;
    """)
    archive = dump(database.source_conninfo, tmp_path)
    restore_pre_data(archive, database.copy_conninfo)
    run(database)
    restore_post_data(archive, database.copy_conninfo, 2)
    monkeypatch.setattr(route, "COPY_LOCK_SECONDS", 0.001)
    assert validate_foreign_keys(database.source_conninfo, database.copy_conninfo, 2) == 2


def test_a_partitioned_tables_foreign_key_arrives_validated(everything, tmp_path):
    restored(everything, tmp_path)
    everything.copy.execute("set session_replication_role = replica")
    everything.copy.execute("insert into orders values (1, 4711, '2020-02-02')")
    with pytest.raises(
        DefinitionFailed, match=r"(?s)foreign key orders_customer_fkey of public\.orders: .*4711"
    ):
        validate_foreign_keys(everything.source_conninfo, everything.copy_conninfo, 2)


def test_materialized_views_are_refreshed_after_those_that_they_read(everything, tmp_path):
    everything.source.execute("alter event trigger of_the_user disable")
    everything.source.execute("insert into customers (name) values ('a'), ('b')")
    everything.source.execute("refresh materialized view mv_count; refresh materialized view aa_reads_mv")
    archive = dump(everything.source_conninfo, tmp_path)
    restore_pre_data(archive, everything.copy_conninfo)
    run(everything)
    restore_post_data(archive, everything.copy_conninfo, 2)
    done = refresh_materialized_views(everything.source_conninfo, everything.copy_conninfo)
    assert done.index("public.mv_count") < done.index("public.aa_reads_mv") and "public.mv_empty" not in done
    assert one(everything.copy, "select c from aa_reads_mv") == 2


def test_a_failing_definition_is_named_and_nothing_is_made(database, tmp_path):
    role = f"gone_{database.name}"
    database.source.execute(f"create role {role}; create table a (x int); create table b (x int)")
    database.source.execute(f"alter table b owner to {role}")
    try:
        archive = dump(database.source_conninfo, tmp_path)
        with pytest.raises(
            DefinitionFailed, match=f'TABLE public b {role}: ERROR:  role "{role}" does not exist'
        ):
            restore_pre_data(archive, database.copy_conninfo)
    finally:
        database.source.execute(f"drop owned by {role}; drop role {role}")
    assert catalog.tables(database.copy) == []


def test_a_failing_index_is_named(database, tmp_path):
    database.source.execute("create table a (x int unique)")
    archive = dump(database.source_conninfo, tmp_path)
    restore_pre_data(archive, database.copy_conninfo)
    database.copy.execute("insert into a values (1), (1)")
    with pytest.raises(
        DefinitionFailed, match=r"CONSTRAINT public a a_x_key .*could not create unique index"
    ):
        restore_post_data(archive, database.copy_conninfo, 2)


def test_a_table_that_stays_locked_is_named_and_who_holds_it(database, tmp_path):
    database.source.execute("create table busy (a int)")
    with locked(database, "busy") as holder:
        pid = holder.info.backend_pid
        with pytest.raises(DefinitionFailed, match=rf"public\.busy is locked by pid {pid}"):
            dump(database.source_conninfo, tmp_path, lock_wait_seconds=0.2)


def test_the_archive_is_for_our_eyes_only(database, tmp_path):
    """It holds the password of an application's subscription."""
    archive = dump(database.source_conninfo, tmp_path / "new" / "archive")
    assert archive.stat().st_mode & 0o777 == 0o600


def test_nothing_is_forgotten_where_views_need_a_key(database, tmp_path):
    """pg_dump puts an empty view of the same name before the data."""
    database.source.execute("""
        create table t (id int primary key, name text);
        create view v as select id, name, count(*) from t group by id;
    """)
    restored(database, tmp_path)
    assert definitions(database.copy_conninfo) == definitions(database.source_conninfo)


def test_a_copy_of_an_older_version_than_our_programs_gets_the_same_definitions(databases, tmp_path):
    source, copy = databases().source_conninfo, databases().source_conninfo
    with connect(source, "test", search_path="public") as session:
        session.execute(EVERYTHING)
    archive = dump(source, tmp_path)
    assert restore_pre_data(archive, copy)
    restore_post_data(archive, copy, 2)
    validate_foreign_keys(source, copy, 2)
    assert definitions(copy) == definitions(source)


def test_two_processes_that_complain_at_once_of_a_setting_are_no_failure():
    """Each of them writes its line in three parts, and the other one between them."""
    unknown = (
        'could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"\n'
        "Command was: SET transaction_timeout = 0;\n\n"
    )
    said = (
        f"pg_restore:pg_restore:  error: from TOC entry 2500; 0 0 TABLE ATTACH a b\nerror: {unknown}{unknown}"
    )
    assert parallel._failure(said, [], 1) is None
    full = "pg_restore: error: could not execute query: ERROR:  disk full\nCommand was: CREATE INDEX"
    failure = parallel._failure(said + full, [], 1)
    assert failure is not None and failure.message == "ERROR:  disk full"


@contextmanager
def reading(database, relation):
    """Somebody who has begun to read on the copy, and does not end."""
    with connect(database.copy_conninfo, "report", autocommit=False, search_path="public") as report:
        report.execute(f"declare c cursor for select * from {relation}")
        yield


def test_somebody_who_reads_on_the_copy_is_not_waited_for_without_end(everything, tmp_path, monkeypatch):
    monkeypatch.setattr(route, "COPY_LOCK_SECONDS", 0.3)
    archive = dump(everything.source_conninfo, tmp_path)
    restore_pre_data(archive, everything.copy_conninfo)
    with (
        reading(everything, "customers"),
        pytest.raises(
            DefinitionFailed,
            match=r"constraint of public.customers: waited 0.3 s for pid \d+ \(postgres, mwa report\)",
        ),
    ):
        restore_post_data(archive, everything.copy_conninfo, 2)
    restore_post_data(archive, everything.copy_conninfo, 2)
    refresh_materialized_views(everything.source_conninfo, everything.copy_conninfo)
    with (
        reading(everything, "mv_a"),
        pytest.raises(DefinitionFailed, match=r"view public.mv_a: canceling statement due to lock timeout"),
    ):
        refresh_materialized_views(everything.source_conninfo, everything.copy_conninfo)


def test_a_script_does_not_wait_without_end_either(database, tmp_path, monkeypatch):
    monkeypatch.setattr(route, "COPY_LOCK_SECONDS", 0.3)
    database.source.execute("create table a (x int); alter table a enable row level security")
    archive = dump(database.source_conninfo, tmp_path)
    restore_pre_data(archive, database.copy_conninfo)
    with (
        reading(database, "a"),
        pytest.raises(DefinitionFailed, match=r"ROW SECURITY .*canceling statement due to lock timeout"),
    ):
        restore_post_data(archive, database.copy_conninfo, 2)


def test_the_names_left_out_are_those_that_we_give():
    assert publication.PUBLICATION == "mwa"
