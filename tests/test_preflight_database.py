"""The state of the databases themselves, on the source and on the copy."""

import pytest
from psycopg import sql

from nodes.postgres import preflight
from nodes.postgres.connect import connect, for_database
from nodes.postgres.preflight import Options
from tests.preflight import look, the


@pytest.fixture
def missing(database, servers):
    """A database that the copy does not have yet."""
    database.copy.close()
    with connect(servers.copy.conninfo(), "test") as admin:
        admin.execute(sql.SQL("drop database {}").format(sql.Identifier(database.name)))
        yield database
        query = "select count(*) from pg_database where datname = %s"
        if admin.execute(query, (database.name,)).fetchone() == (0,):
            admin.execute(sql.SQL("create database {}").format(sql.Identifier(database.name)))


def _from_the_copys_server(database, servers, **options):
    source, copy = servers.source.conninfo(), servers.copy.conninfo()
    return preflight.run(source, copy, [database.name], Options(**options))


def test_a_database_missing_on_the_copy_is_refused_with_the_statement_that_makes_it(missing, servers):
    check = the(_from_the_copys_server(missing, servers), "database", "copy")
    assert check.status == "failed" and check.observed == f"no such database: {missing.name}"
    with connect(servers.copy.conninfo(), "test") as admin:
        admin.execute(check.remedy)
    checks = _from_the_copys_server(missing, servers)
    assert the(checks, "database", "copy").status == "passed"
    assert the(checks, "encoding").status == the(checks, "collation").status == "passed"


def test_a_missing_database_may_be_left_to_create_and_everything_else_is_looked_at(missing, servers):
    missing.source.execute("create extension vector")
    checks = _from_the_copys_server(missing, servers, create_database=True)
    check = the(checks, "database", "copy")
    assert check.status == "passed" and "will be created" in check.observed
    assert preflight.passed(checks)
    assert the(checks, "encoding").observed == "source UTF8, copy not there yet"
    assert the(checks, "extensions").observed == "2 extensions, all available"
    assert not [check for check in checks if check.name == "empty copy"]


def test_a_role_that_may_not_create_the_missing_database_is_named(missing, servers):
    with connect(servers.copy.conninfo(), "test") as admin:
        admin.execute("create role guest login")
        try:
            guest = servers.copy.conninfo().replace("user=postgres", "user=guest")
            checks = preflight.run(servers.source.conninfo(), guest, [missing.name], Options(True))
        finally:
            admin.execute("drop role guest")
    check = the(checks, "database", "copy")
    assert check.status == "failed" and 'alter role "guest" createdb' in check.remedy


def test_a_database_that_the_source_does_not_have_is_refused(servers):
    checks = preflight.run(servers.source.conninfo(), servers.copy.conninfo(), ["nowhere"], Options(True))
    for node in ("source", "copy"):
        check = the(checks, "database", node)
        assert check.status == "failed" and check.database == "nowhere"
    assert {check.name for check in checks if check.database} == {"database"}


def test_one_database_that_is_missing_does_not_hide_the_others(database, servers):
    names = ["nowhere", database.name]
    checks = preflight.run(servers.source.conninfo(), servers.copy.conninfo(), names)
    assert {check.database for check in checks if check.name == "empty copy"} == {database.name}


@pytest.mark.parametrize("node", ["source", "copy"])
def test_a_database_that_allows_no_connections_is_refused(database, servers, node):
    name = sql.Identifier(database.name)
    getattr(database, node).close()
    with connect(getattr(servers, node).conninfo(), "test") as admin:
        admin.execute(sql.SQL("alter database {} allow_connections false").format(name))
        check = the(_from_the_copys_server(database, servers), "database", node)
        assert check.status == "failed" and "allows no connections" in check.observed
        admin.execute(check.remedy)
    assert the(_from_the_copys_server(database, servers), "database", node).status == "passed"


def test_a_database_whose_drop_was_interrupted_is_refused(database, servers):
    database.source.close()
    with connect(servers.source.conninfo(), "test") as admin:
        change = "update pg_database set datconnlimit = %s where datname = %s"
        admin.execute(change, (-2, database.name))
        try:
            check = the(_from_the_copys_server(database, servers), "database", "source")
        finally:
            admin.execute(change, (-1, database.name))
    assert check.status == "failed" and "invalid" in check.observed and "drop database" in check.remedy


def test_a_copy_that_is_not_empty_is_refused_and_what_it_holds_is_named(database):
    database.copy.execute("""
        create extension vector; create schema app; create table app.bill (id int);
        create view public.bills as select * from app.bill; create sequence app.numbers;
        create type app.mood as enum ('good'); create function app.one() returns int return 1;
        select lo_create(4711)
    """)
    check = the(look(database), "empty copy")
    assert check.status == "failed" and check.observed == "7 objects"
    assert set(check.objects) == {
        "function app.one", "large object 4711", "schema app", "sequence app.numbers", "table app.bill",
        "type app.mood", "view public.bills",
    }  # fmt: skip


def test_a_long_list_of_objects_is_cut_and_counted(database):
    database.copy.execute("".join(f"create table t{number} (id int);" for number in range(14)))
    check = the(look(database), "empty copy")
    assert check.observed == "14 objects"
    assert len(check.objects) == 11 and check.objects[-1] == "and 4 more"


@pytest.mark.parametrize("node", ["source", "copy"])
def test_what_an_earlier_migration_left_is_named_and_its_remedy_removes_it(database, servers, node):
    other = database.copy_conninfo if node == "source" else database.source_conninfo
    session = getattr(database, node)
    session.execute("create schema mwa; create table mwa.settings (id int)")
    session.execute("create publication mwa_shop for all tables; create publication mwa")
    session.execute("select pg_create_logical_replication_slot('mwa_stream', 'pgoutput')")
    session.execute(
        "create function mwa.seen() returns event_trigger language plpgsql as 'begin end';"
        "create event trigger mwa_definitions on ddl_command_end execute function mwa.seen()"
    )
    session.execute(
        sql.SQL("create subscription mwa_back connection {} publication p with (connect = false)").format(
            sql.Literal(other)
        )
    )
    check = the(look(database), "leftovers", node)
    assert check.status == "failed" and "left by an earlier migration" in check.observed
    assert check.objects == (
        "subscription mwa_back", "slot mwa_stream", "event trigger mwa_definitions", "publication mwa",
        "publication mwa_shop", "schema mwa",
    )  # fmt: skip
    for statement in check.remedy.partition("database: ")[2].split(";")[:-1]:
        session.execute(statement)
    checks = look(database)
    assert the(checks, "leftovers", node).status == "passed"
    assert the(checks, "empty copy").status == "passed"


def test_what_is_left_in_another_database_is_that_ones_own(database, databases):
    other = databases()
    other.source.execute("select pg_create_logical_replication_slot('mwa_other', 'pgoutput')")
    assert the(look(database), "leftovers", "source").status == "passed"
    assert the(look(other), "leftovers", "source").status == "failed"


def test_somebody_elses_replication_is_named(database):
    for session in (database.source, database.copy):
        session.execute("create publication theirs for all tables")
    database.source.execute("select pg_create_logical_replication_slot('their_slot', 'pgoutput')")
    database.copy.execute(
        "create subscription their_feed connection 'host=/nowhere' publication p with (connect = false)"
    )
    checks = look(database)
    source, copy = (the(checks, "other replication", node) for node in ("source", "copy"))
    assert (source.status, source.objects) == ("warning", ("slot their_slot", "publication theirs"))
    assert (copy.status, copy.objects) == ("warning", ("subscription their_feed", "publication theirs"))


def test_a_source_that_is_itself_a_subscriber_is_refused(database):
    database.source.execute(
        "create subscription their_feed connection 'host=/nowhere' publication p with (connect = false)"
    )
    check = the(look(database), "other replication", "source")
    assert check.status == "failed" and check.objects == ("subscription their_feed",)


def test_the_names_of_databases_may_be_awkward(servers):
    name = """Shop "No 1" of O'Hara"""
    create = sql.SQL("create database {}").format(sql.Identifier(name))
    drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            admin.execute(create)
    try:
        with connect(for_database(servers.source.conninfo(), name), "test", search_path="public") as session:
            session.execute('create table "A b" ("C" int)')
        checks = preflight.run(servers.source.conninfo(), servers.copy.conninfo(), [name])
        assert preflight.passed(checks)
        assert the(checks, "source reached from copy").status == "passed"
        assert '"A b"' in the(checks, "tables without a key").objects[0]
    finally:
        for server in (servers.source, servers.copy):
            with connect(server.conninfo(), "test") as admin:
                admin.execute(drop)
