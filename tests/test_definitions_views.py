import pytest
from psycopg import sql

from tests.definitions import followed

LONG = "x" * 60 + "é%"  # 63 bytes
WEIRD = 'We "" ird % %1$s é'  # as it is written between quotes

BEFORE = f"""
    do $$ begin create role "view o%wner"; exception when duplicate_object then null; end $$;
    create schema other;
    create schema "Sch %s";
    create table item (id int primary key, name text, price numeric(8, 2) default 1, "{WEIRD}" text);
    insert into item select i, 'n' || i, i, '%' from generate_series(1, 20) i;
    create function nothing() returns trigger language plpgsql as 'begin return null; end';
    create view small as select id, name from item where id < 5;
    create materialized view sums as select id % 3 as rest, sum(price) as total, min(name) as least
        from item group by 1;
    create access method heap_too type table handler heap_tableam_handler
"""

CHANGES = {
    "a query": [
        "create view v as select id, name from item",
        "create or replace view v as select id, upper(name) as name from item where id > 3",
        "create or replace view v as select id, upper(name) as name, price, 5 as five from item",
        "alter view v alter column five set default 3",
        "create or replace view v as select id, name, price, 6 as five, 'x''%'::text as quoted from item",
        "drop view v",
    ],
    "the rule of a view": [
        'create or replace rule "_RETURN" as on select to small do instead'
        " select item.id, item.name from item join item as more on more.id = item.id + 1",
    ],
    "columns renamed": [
        "alter view small rename column name to title",
        "create or replace view small as select id, name as title from item where id < 6",
        f'alter view small rename title to "{WEIRD}"',
        f'create or replace view small as select id, name as "{WEIRD}", 1 as more from item where id < 7',
        f'alter table small rename column "{WEIRD}" to name',
    ],
    "columns that a view loses": [
        "begin; drop view small; create view small as select id from item; commit",
        "create or replace view small as select id, 1 as one from item",
    ],
    "tables and columns renamed below": [
        "create view above as select name, id from small",
        "alter table item rename column name to title",
        "alter table item rename to thing",
        "alter view small rename to little",
        "create or replace view above as select name, id, 1 as one from little",
        "alter table thing set schema other",
        "alter schema other rename to another",
        "create or replace view little as select id, title as name from another.thing",
        "refresh materialized view sums",
        "alter table another.thing drop column price cascade",
    ],
    "options": [
        "create view v with (security_barrier, security_invoker) as select * from item with check option",
        "alter view v set (security_barrier = false)",
        "alter view v reset (security_invoker)",
        "alter view v set (security_invoker = true, check_option = cascaded)",
        "create or replace view v with (security_barrier) as select * from item where id > 1",
        "create or replace view v as select * from item where id > 1 with cascaded check option",
        "create or replace view v as select * from item where id > 1",
        "alter view small set (security_barrier = on)",
    ],
    "defaults": [
        "create view v as select * from item",
        "alter view v alter column price set default 7, alter name set default '100%'",
        "alter view v alter column price drop default",
        "alter table v alter column name set default 'q'",
        "create or replace view v as select *, 1 as one from item",
    ],
    "comments": [
        "comment on view small is 'it''s 100%'",
        "comment on column small.name is 'a %1$s name'",
        "create or replace view small as select id, name from item where id < 9",
        "alter view small rename name to title",
        "comment on view small is null",
        "comment on column small.title is null",
        "comment on materialized view sums is 'sums %'",
        "comment on column sums.total is 'total'",
        "alter materialized view sums rename to totals",
        "comment on column totals.total is null",
    ],
    "grants": [
        "grant select, insert on small to public",
        "grant update (name) on small to public",
        'grant select (id) on small to "view o%wner" with grant option',
        'grant select on sums to "view o%wner"',
        'grant select (total) on sums to "view o%wner"',
        "create or replace view small as select id, name from item where id < 9",
        "revoke insert on small from public",
        'revoke all on small from public, "view o%wner"',
        "grant select on all tables in schema public to public",
        'revoke select on sums from public, "view o%wner"',
    ],
    "owners": [
        'alter view small owner to "view o%wner"',
        'alter materialized view sums owner to "view o%wner"',
        "grant select on small to public",
        "alter table small owner to current_user",
    ],
    "schemas": [
        "create view above as select * from small",
        "alter view small set schema other",
        'alter materialized view sums set schema "Sch %s"',
        "create or replace view other.small as select id, name from item",
        'alter materialized view "Sch %s".sums rename total to "sum %"',
        'alter schema "Sch %s" rename to "sch ""2"',
        'refresh materialized view "sch ""2".sums',
        "drop schema other cascade",
    ],
    "triggers and rules": [
        "create trigger t instead of insert on small for each row execute function nothing()",
        'alter trigger t on small rename to "t %"',
        'comment on trigger "t %" on small is \'said\'',
        'create or replace trigger "t %" instead of update on small for each row execute function nothing()',
        'drop trigger "t %" on small',
        'create rule "r %" as on insert to small do instead insert into item values (new.id, new.name)',
        "comment on rule \"r %\" on small is 'a rule'",
        'create or replace rule "r %" as on insert to small do instead nothing',
        'alter rule "r %" on small rename to r2',
        "drop rule r2 on small",
    ],
    "recursive": [
        "create recursive view nums (n) as values (1) union all select n + 1 from nums where n < 10",
        "create or replace recursive view nums (n) as values (2) union all select n + 2 from nums",
        "alter view nums rename column n to number",
        "create view sets (a) as select id from item union select 5 order by 1",
    ],
    "nasty names": [
        f'create view "{WEIRD}" as select "{WEIRD}", id as "{LONG}" from item',
        f'create view "{LONG}" as select * from "{WEIRD}"',
        f'comment on column "{WEIRD}"."{WEIRD}" is \'x\'',
        f'alter view "{WEIRD}" rename column "{WEIRD}" to "b""%%"',
        f'alter view "{WEIRD}" alter column "{LONG}" set default 3',
        f'alter view "{WEIRD}" rename to "{LONG[1:]}"',
        f'create or replace view "{LONG[1:]}" as select "{WEIRD}" as "b""%%", id + 1 as "{LONG}" from item',
        f'alter view "{LONG[1:]}" set schema "Sch %s"',
        f'create materialized view "m %" as select * from "{LONG}"',
        f'create unique index "i %" on "m %" ("{LONG}")',
        f'drop view "Sch %s"."{LONG[1:]}" cascade',
    ],
    "a materialized view": [
        "create materialized view m as select id, name from item with no data",
        "refresh materialized view m",
        "alter materialized view m rename column name to title",
        "alter materialized view m alter column title set statistics 50",
        "alter materialized view m alter column title set storage external",
        "alter materialized view m alter column title set (n_distinct = 5)",
        "alter materialized view m alter column title set compression pglz",
        "alter materialized view m alter column title set statistics -1, alter title reset (n_distinct)",
        "alter materialized view m set (fillfactor = 50, toast.autovacuum_enabled = off)",
        "alter materialized view m reset (fillfactor)",
        "alter materialized view m set access method heap_too",
        "drop materialized view m",
        "create materialized view m using heap_too with (fillfactor = 70) as select 1 as a",
    ],
    "indexes of a materialized view": [
        "create unique index by_rest on sums (rest)",
        "create index on sums (total) where rest > 0",
        "alter materialized view sums cluster on by_rest",
        "alter index by_rest rename to by_rest2",
        "alter index by_rest2 set (fillfactor = 60)",
        "comment on index by_rest2 is '50%'",
        "refresh materialized view concurrently sums",
        "alter materialized view sums set without cluster",
        "drop index by_rest2",
    ],
    "cascades": [
        "create view above as select * from small",
        "create materialized view stored as select name from above",
        "create index on stored (name)",
        "alter table item drop column price cascade",
        "drop view above cascade",
        "create type kind as enum ('a')",
        "create table kinds (id int primary key, k kind)",
        "create view of_kinds as select k, id from kinds",
        "create view over_kinds as select k from of_kinds",
        "drop type kind cascade",
        "drop table item cascade",
    ],
    "many in one transaction": [
        "begin; create view a as select id from item; create view b as select id from a;"
        " alter view a rename column id to number; alter view a rename to c; create view a as select 1 as x;"
        " create or replace view b as select number as id, x from c, a; commit"
    ],
}  # fmt: skip


def stored(connection) -> dict[str, list[str] | None]:
    """What each materialized view holds; None where it is not populated."""
    views = connection.execute(
        "select schemaname, matviewname, ispopulated from pg_matviews order by 1, 2"
    ).fetchall()
    return {
        f"{schema}.{name}": sorted(
            row[0]
            for row in connection.execute(
                sql.SQL("select row(v.*)::text from {} v").format(sql.Identifier(schema, name))
            ).fetchall()
        )
        if populated
        else None
        for schema, name, populated in views
    }


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_to_a_view_arrives_in_the_stream(database, what):
    with followed(database, BEFORE) as pair:
        for statement in CHANGES[what]:
            pair.application(statement)
            pair.assert_same()
            assert stored(pair.copy) == stored(pair.source)
        pair.assert_known()


def test_what_changes_while_the_stream_is_off_arrives_when_it_is_on_again(database):
    with followed(database, BEFORE) as pair:
        pair.pause()
        for what in ("a query", "columns renamed", "indexes of a materialized view", "triggers and rules"):
            pair.each(*CHANGES[what])
        pair.each(
            "alter table item rename column name to title",
            "insert into item values (100, 'new')",
            "create view late as select title from small, item",
            "refresh materialized view sums",
            "alter table item drop column price cascade",
        )
        pair.go_on()
        pair.assert_same()
        pair.assert_known()


def test_a_refresh_has_the_rows_before_it_and_not_those_after_it(database):
    with followed(database, BEFORE) as pair:
        pair.each(
            "begin; insert into item values (100, 'z', 1000); refresh materialized view sums;"
            " insert into item values (101, 'z', 1000); commit",
            "update item set price = 5",
        )
        pair.assert_same()
        assert stored(pair.copy) == stored(pair.source)
        assert "1070" in str(stored(pair.copy))
        pair.application("refresh materialized view sums with no data")
        pair.assert_same()
        assert stored(pair.copy) == {"public.sums": None}
        pair.application("refresh materialized view sums")
        pair.assert_same()
        assert stored(pair.copy) == stored(pair.source)


def test_a_view_is_replaced_in_place(database):
    with followed(database, BEFORE) as pair:
        before = pair.copy.execute("select 'small'::regclass::oid").fetchone()
        pair.each(
            "create or replace view small as select id, name, 1 as one from item",
            "alter view small rename one to uno",
            "alter view small set (security_barrier)",
            "alter view small rename to tiny",
        )
        pair.assert_same()
        assert pair.copy.execute("select 'tiny'::regclass::oid").fetchone() == before


def test_a_tablespace_of_a_materialized_view(database):
    with followed(database, BEFORE) as pair:
        for node in (pair.source, pair.copy):
            node.execute("set allow_in_place_tablespaces = on")
            node.execute("create tablespace \"space %\" location ''")
        try:
            pair.application('alter materialized view sums set tablespace "space %"')
            pair.assert_same()
            pair.application('create materialized view m tablespace "space %" as select 1 as x')
            pair.assert_same()
            pair.application("alter materialized view m set tablespace pg_default")
            pair.assert_same()
            pair.application("drop materialized view sums")
            pair.assert_same()
            pair.assert_known()
        finally:
            for node in (pair.source, pair.copy):
                node.execute("drop materialized view if exists sums; drop materialized view if exists m")
                node.execute('drop tablespace "space %"')
