"""What we change on a node outside our own schema comes back, whatever has happened to it meanwhile."""

import pytest

from nodes.postgres import catalog, definition_changes, install, publication
from nodes.postgres.connect import connect, one
from nodes.postgres.publication import TableLocked
from tests.save import locked

IDENTITY = "select relreplident::text from pg_class where relname = %s"


def installed(session):
    install.install(session)
    return publication.publish(session, catalog.tables(session))


def test_an_identity_goes_back_to_its_table_under_another_name(database):
    source = database.source
    source.execute("""
        create table log (line text); create schema "Other";
        create table none (line text); alter table none replica identity nothing;
    """)
    installed(source)
    assert [one(source, IDENTITY, (name,)) for name in ("log", "none")] == ["f", "f"]
    source.execute('alter table log rename to "Lo\'g"; alter table none set schema "Other"')
    install.uninstall(source)
    assert [one(source, IDENTITY, (name,)) for name in ("Lo'g", "none")] == ["d", "n"]


def test_an_identity_that_was_kept_when_the_application_dropped_its_key_goes_back(database):
    source = database.source
    source.execute("""
        create table keyed (id int primary key); create table refused (id int primary key);
    """)
    installed(source)
    with connect(database.source_conninfo, "x", search_path="public") as ours:
        ours.execute("set application_name = 'shop'")
        ours.execute("alter table keyed drop constraint keyed_pkey")
        ours.execute("alter table refused replica identity nothing")
    assert [one(source, IDENTITY, (name,)) for name in ("keyed", "refused")] == ["f", "f"]
    install.uninstall(source)
    assert [one(source, IDENTITY, (name,)) for name in ("keyed", "refused")] == ["d", "n"]


def test_what_somebody_chooses_after_us_stays(database):
    source = database.source
    source.execute("create table log (id int not null); create unique index log_id on log (id)")
    source.execute("create table gone (line text)")
    installed(source)
    source.execute("alter table log replica identity using index log_id; drop table gone")
    install.uninstall(source)
    assert one(source, IDENTITY, ("log",)) == "i"


def test_the_copys_identities_are_noted_there_as_its_own(database):
    for session in (database.source, database.copy):
        session.execute('create table "Log" (line text); create table only_here (line text)')
        install.install(session)
    publication.publish(database.source, catalog.tables(database.source))
    database.source.execute("drop table only_here")
    database.copy.execute('alter table "Log" replica identity full')
    for _ in range(2):
        publication.note_same_identities(database.source, database.copy)
    assert one(database.copy, "select count(*) from mwa.changed_outside") == 1
    install.uninstall(database.copy)
    assert one(database.copy, IDENTITY, ("Log",)) == "d"


def test_tables_that_are_dropped_before_they_are_published_are_passed_over(database):
    source = database.source
    source.execute(
        "create schema away; create table away.a (x int); create table b (x int); create table c (x int)"
    )
    install.install(source)
    tables = catalog.tables(source)
    source.execute("drop schema away cascade; drop table b")
    assert [str(table) for table in publication.publish(source, tables)] == ["public.c"]
    assert publication.publish(source, catalog.tables(source)) == []


def test_a_table_that_somebody_holds_is_named_and_left_alone(database):
    database.source.execute("create table busy (x int)")
    install.install(database.source)
    with locked(database, "busy"), pytest.raises(TableLocked, match=r"public\.busy is locked"):
        publication.publish(database.source, catalog.tables(database.source))
    assert publication.published(database.source) == set()
    assert one(database.source, "select count(*) from mwa.changed_outside") == 0


def test_an_applications_event_trigger_that_forbids_definitions_is_not_asked(database):
    source = database.source
    source.execute("""
        create table log (line text);
        create function no() returns event_trigger language plpgsql as
            'begin raise exception $$no definitions before the weekend$$; end';
        create event trigger no on ddl_command_start execute function no();
        create event trigger no_more on sql_drop execute function no();
    """)
    installed(source)
    assert publication.published(source) == {("public", "log")}
    install.uninstall(source)
    assert one(source, "select to_regnamespace('mwa') is null")
    assert one(source, "show session_replication_role") == "origin"


def test_what_is_changed_and_dropped_is_noted_once(database):
    install.install(database.source)
    install.install(database.source)
    with connect(database.source_conninfo, "x", search_path="public") as session:
        session.execute("set application_name = 'shop'")
        session.execute("create table a (x int primary key, y text); create temp table t (x int)")
        session.execute("create index on a (y); drop table a; drop table t")
    noted = [str(change) for change in definition_changes.noted(database.source, 0)]
    assert noted == [
        "CREATE TABLE public.a", "CREATE INDEX public.a", "DROP TABLE public.a",
    ]  # fmt: skip
