"""What the database holds, and what that needs on the copy."""

import os
import subprocess

import pytest
from psycopg import sql

from nodes.postgres import preflight
from nodes.postgres.programs import DIRECTORY
from tests.preflight import look, the


def test_tables_without_a_key_are_listed_with_the_reason_and_the_offer(database):
    database.source.execute("""
        create table keyed (id int primary key);
        create table by_index (id int not null);
        create unique index by_index_id on by_index (id);
        alter table by_index replica identity using index by_index_id;
        create table keyless (id int);
        create table nothing (id int primary key); alter table nothing replica identity nothing;
        create table whole (id int primary key); alter table whole replica identity full;
        create table index_gone (id int not null);
        create unique index gone on index_gone (id);
        alter table index_gone replica identity using index gone;
        drop index gone;
        create table deferred (id int primary key deferrable);
        create unlogged table cache (id int);
        create table parent (id int) partition by range (id);
        create table "Child" partition of parent default;
        create temporary table gone_soon (id int);
        create extension vector
    """)
    checks = look(database)
    check = the(checks, "tables without a key")
    assert check.status == "warning" and "REPLICA IDENTITY FULL" in check.remedy
    assert "gives the old one back" in check.remedy and "resynchronized whole" in check.remedy
    assert dict(line.split(" ", 1) for line in check.objects) == {
        "public.keyless": "(no primary key that identifies rows at once)",
        "public.nothing": "(replica identity nothing)",
        "public.whole": "(replica identity full)",
        "public.index_gone": "(its replica identity index is missing or invalid)",
        "public.deferred": "(no primary key that identifies rows at once)",
        "public.cache": "(no primary key that identifies rows at once)",
        'public."Child"': "(no primary key that identifies rows at once)",
    }
    assert preflight.passed(checks)


def test_a_table_with_a_deferrable_key_is_refused_an_update_by_the_server_once_published(database):
    """The rule behind the list above is PostgreSQL's own."""
    database.source.execute(
        "create table deferred (id int primary key deferrable); insert into deferred values (1)"
    )
    database.source.execute("create publication theirs for table deferred")
    with pytest.raises(Exception, match="does not have a replica identity"):
        database.source.execute("update deferred set id = 2")


def test_unlogged_tables_are_named_and_the_remedy_makes_them_logged(database):
    database.source.execute('create unlogged table "My cache" (id int primary key)')
    check = the(look(database), "unlogged tables")
    assert check.status == "warning" and check.objects == ('public."My cache"',)
    database.source.execute(check.remedy.partition("matter: ")[2])
    assert the(look(database), "unlogged tables").status == "passed"


def test_triggers_that_would_fire_again_on_the_copy_are_named(database):
    database.source.execute("""
        create table "Bill" (a int); create function f() returns trigger language plpgsql as 'begin end';
        create trigger plain before insert on "Bill" for each row execute function f();
        create trigger "Always" before insert on "Bill" for each row execute function f();
        alter table "Bill" enable always trigger "Always";
    """)
    check = the(look(database), "triggers")
    assert (check.status, check.objects) == ("warning", ('"Always" on public."Bill"',))
    database.source.execute(check.remedy.partition(": ")[2])
    assert the(look(database), "triggers").status == "passed"


def test_large_objects_are_counted(database):
    database.source.execute("select lo_create(0) from generate_series(1, 3)")
    check = the(look(database), "large objects")
    assert (check.status, check.observed) == ("warning", "3 large objects")
    assert "not streamed" in check.needed


def test_tables_with_row_level_security_are_named_and_hidden_rows_are_refused(database, servers):
    database.source.execute("""
        create table bill (id int primary key); alter table bill enable row level security;
        create table pay (id int primary key); alter table pay enable row level security;
        alter table pay force row level security;
        create role clerk login
    """)
    check = the(look(database), "row level security")
    assert (check.status, check.objects) == ("passed", ("public.bill", "public.pay (forced)"))
    clerk = database.source_conninfo.replace("user=postgres", "user=clerk")
    try:
        check = the(preflight.run(clerk, database.copy_conninfo, [database.name]), "row level security")
    finally:
        database.source.execute("drop role clerk")
    assert check.status == "failed" and check.remedy == 'alter role "clerk" bypassrls;'


def test_an_extension_that_the_copy_does_not_offer_is_refused(database):
    # There is one extension only to try with, so the catalog says it is another.
    database.source.execute(
        "create extension vector; create table item (id int primary key, place vector(3), far vector[])"
    )
    checks = look(database)
    assert the(checks, "extensions").status == "passed"
    types = the(checks, "extension types")
    assert types.status == "passed"
    assert types.objects == ("public.item.far public.vector[]", "public.item.place public.vector(3)")
    database.source.execute("update pg_extension set extname = 'postgis' where extname = 'vector'")
    checks = look(database)
    check = the(checks, "extensions")
    assert (
        check.status == "failed"
        and "postgis" in check.observed
        and "not available on the copy" in check.observed
    )
    assert "postgis" in check.remedy and len(check.objects) == 1
    assert the(checks, "extension types").status == "warning"


def test_an_extension_that_the_copy_offers_in_an_older_version_only_is_named(database):
    database.source.execute(
        "create extension vector; create table item (id int primary key, place vector(3))"
    )
    database.source.execute("update pg_extension set extversion = '99.10.1' where extname = 'vector'")
    checks = look(database)
    assert the(checks, "extensions").status == "warning"
    assert "vector 99.10.1" in the(checks, "extensions").observed
    assert "vector 99.10.1" in the(checks, "extension types").observed


def test_rows_in_an_extensions_own_tables_are_named(database):
    database.source.execute("""
        create extension vector; create table public."Job" (a int); alter extension vector add table "Job";
        update pg_extension set extconfig = array['"Job"'::regclass::oid], extcondition = array['']
        where extname = 'vector';
    """)
    check = the(look(database), "extension tables")
    assert (check.status, check.objects) == ("warning", ('public."Job" (vector)',))


@pytest.mark.parametrize("node", ["source", "copy"])
def test_a_database_without_plpgsql_is_refused(database, node):
    getattr(database, node).execute("drop extension plpgsql")
    checks = look(database)
    check = the(checks, "plpgsql", node)
    assert (check.status, check.observed) == ("failed", "missing")
    getattr(database, node).execute(check.remedy)
    assert the(look(database), "plpgsql", node).status == "passed"


@pytest.fixture
def roles(database):
    """Six roles of the source, each bound to the database in its own way."""
    names = ["owner_r", "grantee_r", "policy_r", "default_r", "setting_r", "column_r", "idle_r"]
    database.source.execute("".join(f"create role {name};" for name in names))
    database.source.execute(f"""
        create table bill (id int primary key, note text);
        alter table bill owner to owner_r;
        grant select on bill to grantee_r;
        grant update (note) on bill to column_r;
        create policy mine on bill to policy_r;
        alter default privileges in schema public grant select on tables to default_r;
        alter role setting_r in database {database.name} set work_mem = '8MB'
    """)
    yield names
    for name in names:
        database.source.execute(f"drop owned by {name} cascade; drop role {name}")


def test_every_role_the_database_names_is_on_the_copy_or_will_be_made(database, roles):
    check = the(look(database), "roles")
    assert check.status == "warning"
    assert check.objects == tuple(sorted(set(roles) - {"idle_r"}))
    assert check.remedy.startswith("pg_dumpall --roles-only") and "psql" in check.remedy
    database.copy.execute("".join(f"create role {name};" for name in roles))
    try:
        assert the(look(database), "roles").status == "passed"
    finally:
        database.copy.execute("".join(f"drop role {name};" for name in roles))


def test_the_remedy_for_missing_roles_brings_them(database, roles):
    query = "select rolname from pg_roles"
    before = set(database.copy.execute(query).fetchall())
    remedy = the(look(database), "roles").remedy
    path = {**os.environ, "PATH": f"{DIRECTORY}:{os.environ['PATH']}"}
    subprocess.run(remedy, shell=True, check=True, capture_output=True, env=path)
    try:
        assert the(look(database), "roles").status == "passed"
    finally:
        for (name,) in set(database.copy.execute(query).fetchall()) - before:
            database.copy.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def test_a_tablespace_in_use_has_to_exist_on_the_copy(database, servers):
    for node in ("source", "copy"):
        getattr(database, node).execute("set allow_in_place_tablespaces = on")
    database.source.execute("create tablespace fast location ''")
    database.source.execute("create table bill (id int primary key) tablespace fast")
    try:
        check = the(look(database), "tablespaces")
        assert (check.status, check.objects) == ("failed", ("fast",))
        assert 'create tablespace "fast" location' in check.remedy
        database.copy.execute("create tablespace fast location ''")
        assert the(look(database), "tablespaces").status == "passed"
        database.copy.execute("drop tablespace fast")
    finally:
        database.source.execute("drop table bill")
        database.source.execute("drop tablespace fast")
