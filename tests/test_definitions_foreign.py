import pytest

from nodes.postgres.connect import connect
from tests.definitions import followed

BEFORE = """
    create table account (id int primary key, n int not null default 0);
    insert into account select i, 0 from generate_series(1, 50) i;
    create schema far;
    create foreign data wrapper plain;
    create server other foreign data wrapper plain options (host 'a', port '1');
    create foreign table remote (id int not null, t text) server other
        options (schema_name 's', table_name 't')
"""

CHANGES = {
    "a wrapper": [
        "create foreign data wrapper w options (a '1', b 'it''s 100%')",
        "comment on foreign data wrapper w is 'w%'",
        "alter foreign data wrapper w validator postgresql_fdw_validator",
        "alter foreign data wrapper w no validator",
        "alter foreign data wrapper w options (add c '=3', set a '%s', drop b)",
        'alter foreign data wrapper w rename to "W %s"',
        'alter foreign data wrapper "W %s" owner to postgres',
        'grant usage on foreign data wrapper "W %s" to stranger',
        'drop foreign data wrapper "W %s"',
    ],
    "a server": [
        "create server s type 't' version '1' foreign data wrapper plain options (host 'a.b', \"O"
        " p\" 'it''s %s = 1')",
        "comment on server s is '%'",
        "alter server s version '2%'",
        "alter server s options (set host 'c', add port '5432', drop \"O p\")",
        "alter server s options (drop host, drop port)",
        'alter server s rename to "S %"',
        'grant usage on foreign server "S %" to stranger',
        'alter server "S %" owner to stranger',
        'drop server "S %"',
        "create server s foreign data wrapper plain",
        "alter server s version 'x'",
        "drop server s",
    ],
    "user mappings": [
        "create user mapping for stranger server other options (\"user\" 'u', password 'p%''')",
        "create user mapping for public server other",
        "create user mapping for current_user server other options (x 'y')",
        "alter user mapping for stranger server other options (set password 'q', drop \"user\", add"
        " more '%s')",
        'alter server other rename to "o 2"',
        "alter user mapping for public server \"o 2\" options (add a 'b')",
        'drop user mapping for stranger server "o 2"',
        'create user mapping if not exists for public server "o 2"',
        'drop server "o 2" cascade',
    ],
    "a foreign table": [
        "create foreign table f (id int options (column_name 'n%') not null check (id > 0), \"t"
        ' %s" text collate "C" default \'x\','
        " g int generated always as (id + 1) stored) server other options (schema_name 's',"
        " table_name 't%s''')",
        "alter foreign table f options (set schema_name 'z', drop table_name, add more '1')",
        "alter foreign table f alter id options (set column_name 'm', add other '%')",
        "alter foreign table f alter \"t %s\" options (add column_name 'q')",
        "alter foreign table f alter id options (drop column_name)",
        "alter foreign table f add column d date options (column_name 'd') default '2020-01-01',"
        " add constraint pos check (id > 3)",
        'alter foreign table f rename "t %s" to "u %I"',
        'alter foreign table f alter "u %I" drop default, alter id drop not null',
        'alter foreign table f alter "u %I" type varchar(20)',
        "alter foreign table f drop constraint pos, drop column d",
        "alter foreign table f alter id set statistics 10",
        "comment on foreign table f is 'f%'",
        "comment on column f.id is '%'",
        "grant select, insert on f to stranger",
        "grant update (id) on f to stranger",
        "alter foreign table f owner to stranger",
        "alter foreign table f set schema far",
        'alter foreign table far.f rename to "F %s"',
        "alter foreign table far.\"F %s\" options (set schema_name 'y')",
        'drop foreign table far."F %s"',
    ],
    "a foreign partition and a child": [
        "create table event (id int, at date) partition by range (at)",
        "create foreign table event_2023 partition of event for values from ('2023-01-01') to"
        " ('2024-01-01') server other"
        " options (table_name 'e')",
        "alter foreign table event_2023 options (set table_name 'f')",
        "alter table event add column more int",
        "alter table event detach partition event_2023",
        "create foreign table child (own int) inherits (account) server other",
        "alter table account add column x int",
        "alter foreign table child no inherit account",
        "drop table event",
    ],
    "a function as validator": [
        "create function far.valid(text[], oid) returns void language plpgsql as $$ begin end $$;"
        " create foreign data wrapper checked validator far.valid",
        "create server s2 foreign data wrapper checked options (a 'b')",
        'alter schema far rename to "f a r"',
        'alter foreign data wrapper checked rename to "c %"',
        "alter server s2 options (set a 'c')",
        'drop foreign data wrapper "c %" cascade',
    ],
    "all that a wrapper has": [
        "create user mapping for stranger server other options (a 'b')",
        "alter foreign data wrapper plain rename to simple",
        "create foreign table more (id int) server other",
        "drop foreign data wrapper simple cascade",
    ],
}


@pytest.fixture(autouse=True)
def roles(servers):
    """Roles are for a whole server, and not carried."""
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            if not admin.execute("select 1 from pg_roles where rolname = 'stranger'").fetchone():
                admin.execute("create role stranger")


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_arrives_in_the_stream(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive(CHANGES[what])


@pytest.mark.parametrize("what", CHANGES)
def test_changes_made_while_the_stream_is_off_arrive_in_order(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive_after_a_pause(CHANGES[what])


def test_an_option_that_the_copy_has_of_its_own_stays(database):
    with followed(database, BEFORE) as pair:
        pair.copy.execute("alter server other options (set host 'near the copy')")
        pair.application("alter server other options (set port '2', add more 'x')")
        pair.caught_up()
        assert not pair.failures()
        assert pair.copy.execute("select srvoptions from pg_foreign_server").fetchone() == (
            ["host=near the copy", "port=2", "more=x"],
        )
