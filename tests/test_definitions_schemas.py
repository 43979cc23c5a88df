import pytest

from nodes.postgres.connect import connect
from tests.definitions import followed

BEFORE = """
    create table account (id int primary key, n int not null default 0, region text);
    insert into account select i, i % 3, 'r' || i % 3 from generate_series(1, 50) i;
    create table "od d%s" (id int primary key, "a ""b" int);
    insert into "od d%s" values (1, 2);
    create schema sales;
    create table sales.item (id int primary key, account int references account);
    insert into sales.item values (1, 1);
    create view sales.items as select * from sales.item
"""
LONG = "Ü" * 31  # 62 bytes of the 63 that a name can have

CHANGES = {
    "a schema": [
        "create schema s",
        "comment on schema s is 'it''s 100%'",
        "alter schema s owner to definer",
        "grant usage on schema s to public",
        "alter schema s rename to t",
        "revoke usage on schema t from public",
        "comment on schema t is null",
        "drop schema t",
    ],
    "a schema with a nasty name": [
        'create schema "a ""b"" %s %1$s"',
        """comment on schema "a ""b"" %s %1$s" is '%s'""",
        f'alter schema "a ""b"" %s %1$s" rename to "{LONG}"',
        f'create table "{LONG}"."x %I" (id int primary key)',
        f'grant all on schema "{LONG}" to definer',
        f'drop schema "{LONG}" cascade',
    ],
    "a schema with its elements": [
        "create schema parts create table a (id int primary key) create view v as select * from a"
        " create index i on a (id) create sequence s",
        "drop schema parts cascade",
    ],
    "a schema for a role": ["create schema authorization definer", "drop schema definer"],
    "a renamed schema and what it holds": [
        'alter schema sales rename to "Sales 2"',
        'alter table "Sales 2".item add column x int default 3',
        "comment on view \"Sales 2\".items is 'v'",
        'alter table "Sales 2".item rename to things',
        'create table "Sales 2".more (id int primary key references "Sales 2".things)',
        'alter schema "Sales 2" rename to sales',
        "drop table sales.more",
        "drop schema sales cascade",
    ],
    "renamed and changed in one transaction": [
        "begin; alter schema sales rename to x; create schema sales; create table sales.item (id"
        " int primary key);"
        " insert into x.item values (2, 2); alter table x.item add column t text; commit",
        "begin; drop table sales.item; alter table x.item set schema sales; commit",
    ],
    "a schema dropped whose tables reference each other": [
        "create schema ring; create table ring.a (id int primary key, b int);"
        " create table ring.b (id int primary key, a int references ring.a);"
        " alter table ring.a add foreign key (b) references ring.b;"
        " create type ring.mood as enum ('x'); alter table account add column m ring.mood",
        "drop schema ring cascade",
        "create schema ring create table a (id int primary key)",
    ],
    "public": [
        "comment on schema public is 'ours'",
        "grant create on schema public to public",
        "revoke all on schema public from public",
        "alter schema public owner to definer",
        "comment on schema public is null",
        "alter schema public rename to private",
        "create table private.x (id int primary key)",
        "alter schema private rename to public",
    ],
    "public dropped and made again": [
        "drop schema public cascade",
        "create schema public",
        "grant usage on schema public to public",
        "create table public.x (id int primary key)",
    ],
    "an extension": [
        "create schema ext",
        "create extension vector schema ext",
        "comment on extension vector is 'v%'",
        "create table place (id int primary key, v ext.vector(3))",
        "alter extension vector set schema public",
        "alter table place alter v type public.vector(4)",
        "alter schema ext rename to ext2",
        "alter extension vector set schema ext2",
        "alter schema ext2 rename to ext3",
        "alter table place alter v type ext3.vector(3)",
        "alter extension vector update",
        "comment on function ext3.l1_distance(ext3.vector, ext3.vector) is 'a part of it'",
        "drop extension vector cascade",
        "create extension if not exists vector",
    ],
    "what an extension takes in": [
        "create extension vector; create function f() returns int language sql return 1",
        # This is not carried: the function stays by itself on the copy, where it does no harm.
        "begin; alter extension vector add function f(); alter extension vector drop function f(); commit",
    ],
    "collations": [
        "create collation german (locale = 'POSIX')",
        "comment on collation german is 'd%'",
        "create collation \"n d\" (lc_collate = 'C', lc_ctype = 'POSIX')",
        "create collation c2 (provider = libc, lc_collate = 'C', lc_ctype = 'C.utf8')",
        'create collation copied from "C"',
        "alter table account add column g text collate german",
        "alter collation german rename to deutsch",
        "alter collation deutsch set schema sales",
        "alter collation sales.deutsch owner to definer",
        'create index on account (region collate "n d")',
        "alter collation sales.deutsch refresh version",
        "drop collation sales.deutsch cascade",
        "drop collation c2",
    ],
    "statistics objects": [
        "create statistics st (ndistinct, dependencies) on n, region from account",
        "comment on statistics st is '%'",
        "alter statistics st set statistics 17",
        'alter statistics st rename to "St 1%"',
        'alter statistics "St 1%" set schema sales',
        'alter statistics sales."St 1%" owner to definer',
        "create statistics on lower(region), (n + 1) from account",
        'alter statistics sales."St 1%" set statistics -1',
        'create statistics (mcv) on id, "a ""b" from "od d%s"',
        'drop statistics sales."St 1%"',
        "alter table account drop column region",
    ],
    "statistics on a column of another type": [
        "create table wide (a varchar(10), b int); create statistics st on a, b from wide",
        "alter statistics st set statistics 5",
        "alter table wide alter a type varchar(20)",
        "alter statistics st rename to st2",
        "drop statistics st2",
    ],
    "statistics that come with a table": [
        "create statistics st on n, region from account",
        "create table twin (like account including all)",
        "drop statistics twin_n_region_stat",
    ],
    "a publication": [
        "create publication p for table account, sales.item with (publish = 'insert, update')",
        "comment on publication p is 'p%'",
        "alter publication p set (publish = 'delete')",
        "alter publication p set (publish_via_partition_root = true, publish = 'insert, truncate')",
        'alter publication p add table "od d%s"',
        "alter publication p drop table account",
        'alter publication p rename to "P %s"',
        'alter table "od d%s" rename to plain',
        'alter publication "P %s" owner to postgres',
        'alter publication "P %s" set table account, plain',
        "drop table plain",
        'drop publication "P %s"',
    ],
    "a publication of columns and rows": [
        "create publication p for table account (id, n) where (n > 1), sales.item",
        "alter publication p set table account (id, n, region) where (region = '100%')",
        "alter table account rename n to number",
        "alter publication p set table account where (number > 2)",
        "alter publication p add table sales.item",
        "alter table sales.item rename to thing",
        "alter schema sales rename to trade",
        "alter publication p drop table trade.thing",
        "drop publication p",
        # A stream that begins again needs the tables by the names they have.
        "alter table trade.thing rename to item",
        "alter schema trade rename to sales",
    ],
    "a publication of schemas": [
        "create publication p for tables in schema sales, table account",
        "alter publication p add tables in schema public",
        'alter schema sales rename to "tra%de"',
        "alter publication p drop table account",
        'alter publication p drop tables in schema "tra%de"',
        'alter publication p set tables in schema "tra%de"',
        'drop schema "tra%de" cascade',
        "drop publication p",
    ],
    "a publication of all": [
        "create publication p for all tables with (publish = 'insert')",
        "alter publication p set (publish = 'update')",
        "create publication empty",
        "drop publication p, empty",
    ],
}


@pytest.fixture(autouse=True)
def roles(servers):
    """Roles are for a whole server, and not carried."""
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            if not admin.execute("select 1 from pg_roles where rolname = 'definer'").fetchone():
                admin.execute("create role definer")


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_arrives_in_the_stream(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive(CHANGES[what])


@pytest.mark.parametrize("what", CHANGES)
def test_changes_made_while_the_stream_is_off_arrive_in_order(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive_after_a_pause(CHANGES[what])


def test_an_extension_that_cannot_be_made_is_written_down_and_stops_nobody(database):
    with followed(database, BEFORE) as pair:
        pair.copy.execute("create type vector as (in_the_way int)")
        pair.application("create extension vector")
        pair.application("update account set n = 9 where id = 1")
        pair.caught_up()
        [failure] = pair.failures()
        assert failure.startswith("CREATE EXTENSION vector") and 'type "vector" already exists' in failure
        assert pair.copy.execute("select n from account where id = 1").fetchone() == (9,)


def test_a_version_that_the_copy_does_not_have_is_no_obstacle(database):
    with followed(database, BEFORE) as pair:
        pair.copy.execute("select mwa.create_extension('vector', 'public', '999')")
        assert pair.copy.execute("select count(*) from pg_extension where extname = 'vector'").fetchone() == (
            1,
        )


def test_a_publication_of_ours_is_not_carried(database):
    with followed(database, BEFORE) as pair:
        pair.application("create table more (id int primary key)")
        pair.application("alter publication mwa add table more")
        pair.caught_up()
        assert pair.copy.execute(
            "select count(*) from pg_publication_tables where pubname = 'mwa' and tablename = 'more'"
        ).fetchone() == (0,)
        assert not pair.failures()
