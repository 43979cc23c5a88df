import pytest
from psycopg import sql

from nodes.postgres.connect import connect
from tests.definitions import followed

ROLES = ["cashier", "auditor", 'Ro "le" %s', "boss"]
BEFORE = """
    create table account (id int primary key, n int not null default 0, "o %s" text);
    insert into account select i, 0 from generate_series(1, 50) i;
    create table plain (id int primary key);
    create schema sales;
    create table sales.item (id serial primary key, account int);
    create view items as select * from account;
    create sequence numbers;
    create function f(int) returns int language sql return $1;
    create procedure p() language sql begin atomic select 1; end;
    create domain positive as int check (value > 0);
    create type mood as enum ('a');
    create type pair as (a int);
    create foreign data wrapper dummy;
    create server other foreign data wrapper dummy
"""

CHANGES = {
    "a table": [
        "grant select, insert on account to cashier, auditor",
        "grant all on account to boss with grant option",
        'grant update, delete on account to "Ro ""le"" %s"',
        "grant select on account to public",
        "revoke insert on account from cashier",
        "revoke grant option for select on account from boss",
        "grant truncate, references, trigger on account to cashier",
        "revoke all on account from boss",
        "revoke all on account from public, cashier",
        "revoke usage on sequence numbers from current_user",
        "revoke all on sequence numbers from current_user",
        "grant all on sequence numbers to current_user",
    ],
    "columns": [
        'grant select (id, "o %s"), update (n) on account to cashier',
        "grant select (n) on account to cashier with grant option",
        "grant insert (id) on items to public",
        "revoke select (id) on account from cashier",
        "grant select on account to cashier",
        "revoke select on account from cashier",
        'grant all ("o %s") on account to "Ro ""le"" %s"',
        'alter table account rename "o %s" to other',
        'revoke all (other) on account from "Ro ""le"" %s"',
    ],
    "all in a schema": [
        "grant select on all tables in schema public, sales to cashier",
        "grant usage on all sequences in schema sales to cashier",
        "grant execute on all routines in schema public to cashier with grant option",
        "revoke all on all functions in schema public from public, cashier",
        "revoke select on all tables in schema public from cashier",
    ],
    "every other kind": [
        "grant usage, select on sequence numbers to cashier",
        "revoke usage on sequence numbers from cashier",
        "revoke execute on function f from public",
        "grant execute on function f(int) to cashier with grant option",
        "grant execute on procedure p to auditor",
        "revoke all on procedure p from public",
        "grant usage, create on schema sales to cashier",
        "revoke create on schema sales from cashier",
        "grant usage on type mood to cashier",
        "revoke all on type mood from public",
        "revoke usage on domain positive from public",
        "grant usage on domain positive to auditor",
        "revoke all on type pair from public",
        "grant usage on type pair to public",
        "grant usage on foreign data wrapper dummy to cashier with grant option",
        "grant usage on foreign server other to cashier",
        "revoke usage on foreign server other from cashier",
        "revoke grant option for usage on foreign data wrapper dummy from cashier",
        "grant all on sequence numbers to public",
        "grant select on items to auditor",
    ],
    "what came with the server": [
        "revoke execute on function pg_ls_dir(text) from public",
        "grant execute on function pg_ls_dir(text) to cashier",
        "revoke execute on function upper(text) from public",
        "grant usage on language plpgsql to cashier",
        "revoke all on language plpgsql from public",
        "grant usage on language plpgsql to public",
        "grant select on pg_authid to auditor",
        "revoke select on pg_authid from auditor",
        "grant execute on function upper(text) to public",
        "revoke usage on language plpgsql from cashier",
        "revoke execute on function pg_ls_dir(text) from cashier",
    ],
    "what came with an extension": [
        "create extension vector",
        "grant execute on function vector_dims(vector) to cashier",
        "revoke usage on type vector from public",
        "comment on function vector_dims(vector) is 'a part'",
        "grant usage on type vector to cashier",
        "grant usage on type vector to public",
        "revoke usage on type vector from cashier",
    ],
    "owners": [
        "alter table account owner to cashier",
        "alter view items owner to cashier",
        "alter sequence numbers owner to cashier",
        "alter function f owner to cashier",
        "alter procedure p owner to cashier",
        "alter domain positive owner to cashier",
        "alter type mood owner to cashier",
        "alter type pair owner to cashier",
        "alter schema sales owner to cashier",
        "alter server other owner to boss",
        "alter foreign data wrapper dummy owner to postgres",
        "alter table sales.item owner to auditor",
        "create publication pub; alter publication pub owner to postgres",
        "grant select on account to auditor",
        'alter table account owner to "Ro ""le"" %s"',
        "alter table account owner to auditor",
        "create collation c (locale = 'C'); alter collation c owner to cashier",
        "create statistics st on n, id from account; alter statistics st owner to cashier",
    ],
    "everything of a role dropped": [
        "grant select on account, items to auditor; grant usage on schema sales to auditor",
        "grant execute on function f to auditor; grant usage on type mood to auditor; grant update"
        " (n) on account to auditor",
        "alter default privileges for role auditor grant select on tables to cashier",
        "alter default privileges grant select on tables to auditor",
        "create table own (id int primary key); alter table own owner to auditor; create view ours"
        " as select * from own",
        "create policy pol on account to auditor, cashier using (true)",
        "create user mapping for auditor server other",
        "drop owned by auditor cascade",
        "drop owned by cashier, boss",
    ],
    "default privileges": [
        "alter default privileges for role cashier grant select on tables to auditor",
        "alter default privileges for role cashier grant insert, update on tables to auditor with grant option",
        'alter default privileges for role cashier in schema sales grant all on tables to "Ro ""le""'
        ' %s", public',
        "alter default privileges for role cashier revoke execute on functions from public",
        'alter default privileges for role "Ro ""le"" %s" grant usage on sequences to cashier',
        "alter default privileges for role boss revoke usage on types from public",
        "alter default privileges for role boss grant usage, create on schemas to cashier",
        "alter default privileges for role cashier in schema sales grant execute on routines to boss",
        "alter default privileges for role boss revoke all on sequences from boss",
        'alter schema sales rename to "sa %les"',
        'alter default privileges for role cashier in schema "sa %les" revoke all on tables from public',
        "alter default privileges for role cashier revoke all on tables from auditor",
        "alter default privileges for role cashier grant execute on functions to public",
        'alter default privileges for role cashier in schema "sa %les" revoke all on tables from "Ro'
        ' ""le"" %s"',
        "alter default privileges for role boss grant all on sequences to boss",
        'drop schema "sa %les" cascade',
        'alter default privileges for role "Ro ""le"" %s" revoke all on sequences from cashier',
        "alter default privileges for role boss grant usage on types to public",
        "alter default privileges for role boss revoke all on schemas from cashier",
    ],
    "what default privileges give": [
        "alter default privileges grant select on tables to cashier; alter default privileges revoke"
        " execute on functions from public;"
        " alter default privileges for role boss in schema sales grant select on tables to auditor;"
        " alter default privileges grant usage on sequences to auditor; alter default privileges"
        " grant usage on schemas to cashier;"
        " alter default privileges revoke usage on types from public; grant create, usage on schema"
        " sales, public to boss",
        # On the copy an administrator makes these: what is the default for that one is not for them.
        "set role boss; create table sales.more (id serial primary key); create view v as select 1 as one;"
        " create function g() returns int language sql return 1; create type t as (a int); create"
        " domain d as int;"
        " create sequence s; create table x (id int generated always as identity)",
        "create table own (id serial primary key); create view w as select 1 as one; create type u"
        " as enum ('a');"
        " create function h() returns int language sql return 1; create schema another create table"
        " inside (id int primary key)",
        "create schema hers authorization boss",
        "create table sales.last (id int primary key)",
    ],
}

BY_OTHERS = [
    "grant usage on schema public to cashier, auditor; grant select, insert on account to cashier with"
    " grant option",
    "set role cashier; grant select on account to auditor with grant option",
    'set role auditor; grant select on account to "Ro ""le"" %s", public',
    "grant select on account to boss",
    "set role cashier; grant insert on account to boss",
    "revoke insert on account from cashier cascade",
    "grant delete on account to cashier",
    "set role auditor; revoke select on account from public",
    "grant update (n) on account to cashier with grant option; set role cashier; grant update (n) on"
    " account to auditor;"
    " grant select (id) on account to boss",
    "revoke grant option for select on account from cashier cascade",
    "grant usage on type mood to cashier with grant option; set role cashier; grant usage on type mood to boss",
    "alter table account owner to cashier",
    "alter type mood owner to boss",
]


@pytest.fixture(autouse=True)
def roles(servers):
    """Roles are for a whole server, and not carried."""
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            for role in ROLES:
                if not admin.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
                    admin.execute(sql.SQL("create role {}").format(sql.Identifier(role)))


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_arrives_in_the_stream(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive(CHANGES[what])


@pytest.mark.parametrize("what", CHANGES)
def test_changes_made_while_the_stream_is_off_arrive_in_order(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive_after_a_pause(CHANGES[what])


GRANTED = """
    select x.identity, a.grantor::regrole::text, a.grantee::regrole::text, a.privilege_type, a.is_grantable
    from (select 'pg_class'::regclass as class, oid, 0 as part, relacl as acl from pg_class
          union all select 'pg_class'::regclass, attrelid, attnum, attacl from pg_attribute
          union all select 'pg_type'::regclass, oid, 0, typacl from pg_type) o,
    aclexplode(o.acl) a, pg_identify_object(class, oid, part) x
    where oid >= 16384 and x.schema = 'public' and a.privilege_type <> 'MAINTAIN'  -- new in 17
    order by 1, 2, 3, 4, 5
"""


@pytest.mark.parametrize("tracking", [False, True])
def test_what_a_role_grants_that_does_not_own_it_is_granted_by_that_role(database, tracking):
    with followed(database, BEFORE) as pair:
        if tracking:
            pair.pause()
        for statement in BY_OTHERS:
            pair.application(statement)
            if not tracking:
                pair.caught_up()
                assert not pair.failures()
                assert pair.copy.execute(GRANTED).fetchall() == pair.source.execute(GRANTED).fetchall()
        if tracking:
            pair.go_on()
            pair.caught_up()
            assert not pair.failures()
            assert pair.copy.execute(GRANTED).fetchall() == pair.source.execute(GRANTED).fetchall()
        pair.assert_known()


def test_a_command_that_no_event_trigger_sees_is_noticed_by_a_sweep(database):
    with followed(database, BEFORE) as pair:
        pair.each(*CHANGES["owners"])
        pair.application('reassign owned by cashier, boss, auditor to "Ro ""le"" %s"')
        pair.application("create table later (id int primary key)")
        pair.source.execute("select mwa.look_again()")
        pair.assert_same()
        pair.assert_known()


def test_a_role_that_the_copy_does_not_have_is_written_down(database, servers):
    with connect(servers.source.conninfo(), "test") as admin:
        admin.execute("drop role if exists only_here")
        admin.execute("create role only_here")
    with followed(database, BEFORE) as pair:
        pair.application("grant select on account to only_here")
        pair.application("grant select on account to cashier")
        pair.caught_up()
        [failure] = pair.failures()
        assert failure.startswith("GRANT public.account") and 'role "only_here" does not exist' in failure
        pair.application("revoke all on account from only_here")
    with connect(servers.source.conninfo(), "test") as admin:
        admin.execute("drop role only_here")
