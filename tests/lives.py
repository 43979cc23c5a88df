"""A short life of each type in the support table: made, altered, renamed, dropped."""

from dataclasses import dataclass

BEFORE = """
    create table account (id int primary key, n int not null default 0, t text);
    insert into account select i, i, 'x' from generate_series(1, 5) i;
    create schema other;
    create type pair as (a int);
    create function pair_eq(pair, pair) returns boolean language sql immutable as 'select $1.a = $2.a';
    create function pair_cmp(pair, pair) returns int language sql immutable as 'select $1.a - $2.a';
    create function pair_int(pair) returns int language sql immutable as 'select $1.a';
    create function pair_in(internal) returns pair immutable language internal as 'btint4sortsupport';
    create function pair_out(internal) returns internal immutable language internal as 'btint4sortsupport';
    create operator ==# (function = pair_eq, leftarg = pair, rightarg = pair);
    create foreign data wrapper plain;
    create server near foreign data wrapper plain
"""


@dataclass(frozen=True)
class Life:
    """Statements of an application; `rename` is empty where PostgreSQL knows no name, or no other one."""

    create: str
    alter: str
    rename: str
    drop: str

    @property
    def verbs(self) -> list[str]:
        """What there is of it, in order."""
        return [statement for statement in (self.create, self.alter, self.rename, self.drop) if statement]


DESCRIBED = {
    "table": Life(
        "create table made (id int primary key, n int)", "alter table made add column t text default 'x'",
        "alter table made rename to called", "drop table called",
    ),
    "foreign table": Life(
        "create foreign table made (id int) server near options (a 'b')",
        "alter foreign table made add column t text, options (set a 'c')",
        "alter foreign table made rename to called", "drop foreign table called",
    ),
    "view": Life(
        "create view made as select id from account", "create or replace view made as select id, n from account",
        "alter view made rename to called", "drop view called",
    ),
    "materialized view": Life(
        "create materialized view made as select id from account", "create unique index on made (id)",
        "alter materialized view made rename to called", "drop materialized view called",
    ),
    "sequence": Life(
        "create sequence made", "alter sequence made increment 5 maxvalue 500",
        "alter sequence made rename to called", "drop sequence called",
    ),
    "enum": Life(
        "create type made as enum ('a')", "alter type made add value 'b'",
        "alter type made rename to called", "drop type called",
    ),
    "composite type": Life(
        "create type made as (a int)", "alter type made add attribute b text",
        "alter type made rename to called", "drop type called",
    ),
    "domain": Life(
        "create domain made as int", "alter domain made add constraint above check (value > 0)",
        "alter domain made rename to called", "drop domain called",
    ),
    "base type": Life(
        "create type made; create function made_in(cstring) returns made immutable strict language internal as 'int4in';"
        " create function made_out(made) returns cstring immutable strict language internal as 'int4out';"
        " create type made (input = made_in, output = made_out, internallength = 4, passedbyvalue, alignment = int4,"
        " default = '7', category = 'N');"
        " create function made_send(made) returns bytea immutable strict language internal as 'int4send'",
        "alter type made set (send = made_send)", "alter type made rename to called", "drop type called cascade",
    ),
    "range": Life(
        "create type made as range (subtype = float8)", "comment on type made is 'x'",
        "alter type made rename to called", "drop type called",
    ),
    "function": Life(
        "create function made(i int) returns int language sql as 'select i'",
        "create or replace function made(i int) returns int immutable language sql as 'select i + 1'",
        "alter function made rename to called", "drop function called",
    ),
    "procedure": Life(
        "create procedure made(i int) language sql as 'select 1'", "alter procedure made security definer",
        "alter procedure made rename to called", "drop procedure called",
    ),
    "aggregate": Life(
        "create aggregate made(int) (sfunc = int4pl, stype = int)",
        "create or replace aggregate made(int) (sfunc = int4mul, stype = int, initcond = '1')",
        "alter aggregate made(int) rename to called", "drop aggregate called(int)",
    ),
    "operator": Life(
        "create operator =## (function = pair_eq, leftarg = pair, rightarg = pair)",
        "alter operator =## (pair, pair) set (restrict = eqsel)",
        "alter operator =## (pair, pair) set schema other", "drop operator other.=## (pair, pair)",
    ),
    "operator family": Life(
        "create operator family made using btree",
        "alter operator family made using btree add operator 3 ==# (pair, pair), function 1 pair_cmp(pair, pair)",
        "alter operator family made using btree rename to called", "drop operator family called using btree",
    ),
    "operator class": Life(
        "create operator class made for type pair using btree as operator 3 ==#, function 1 pair_cmp(pair, pair)",
        "comment on operator class made using btree is 'x'",
        "alter operator class made using btree rename to called",
        "drop operator family made using btree cascade",
    ),
    "cast": Life(
        "create cast (pair as int) with function pair_int(pair)", "comment on cast (pair as int) is 'x'",
        "", "drop cast (pair as int)",
    ),
    "conversion": Life(
        "create conversion made for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8", "comment on conversion made is 'x'",
        "alter conversion made rename to called", "drop conversion called",
    ),
    "language": Life(
        "create language made handler plpgsql_call_handler", "comment on language made is 'x'",
        "alter language made rename to called", "drop language called",
    ),
    "transform": Life(
        "create transform for pair language plpgsql (from sql with function pair_out(internal))",
        "comment on transform for pair language plpgsql is 'x'", "",
        "drop transform for pair language plpgsql",
    ),
    "access method": Life(
        "create access method made type index handler bthandler", "comment on access method made is 'x'",
        "", "drop access method made",
    ),
    "text search parser": Life(
        "create text search parser made (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end,"
        " lextypes = prsd_lextype)",
        "comment on text search parser made is 'x'",
        "alter text search parser made rename to called", "drop text search parser called",
    ),
    "text search template": Life(
        "create text search template made (lexize = dsimple_lexize)", "comment on text search template made is 'x'",
        "alter text search template made rename to called", "drop text search template called",
    ),
    "text search dictionary": Life(
        "create text search dictionary made (template = simple)",
        "alter text search dictionary made (accept = false)",
        "alter text search dictionary made rename to called", "drop text search dictionary called",
    ),
    "text search configuration": Life(
        "create text search configuration made (parser = \"default\")",
        "alter text search configuration made add mapping for word with simple",
        "alter text search configuration made rename to called", "drop text search configuration called",
    ),
    "schema": Life(
        "create schema made", "grant usage on schema made to public", "alter schema made rename to called",
        "drop schema called",
    ),
    "extension": Life(
        "create extension vector", "alter extension vector set schema other", "", "drop extension vector",
    ),
    "collation": Life(
        "create collation made (locale = 'POSIX')", "comment on collation made is 'x'",
        "alter collation made rename to called", "drop collation called",
    ),
    "statistics object": Life(
        "create statistics made on id, n from account", "alter statistics made set statistics 50",
        "alter statistics made rename to called", "drop statistics called",
    ),
    "foreign-data wrapper": Life(
        "create foreign data wrapper made", "alter foreign data wrapper made options (a 'b')",
        "alter foreign data wrapper made rename to called", "drop foreign data wrapper called",
    ),
    "server": Life(
        "create server made foreign data wrapper plain", "alter server made version '2' options (a 'b')",
        "alter server made rename to called", "drop server called",
    ),
    "user mapping": Life(
        "create user mapping for public server near", "alter user mapping for public server near options (a 'b')",
        "", "drop user mapping for public server near",
    ),
    "publication": Life(
        "create publication made for table account", "alter publication made set (publish = 'insert')",
        "alter publication made rename to called", "drop publication called",
    ),
    "default acl": Life(
        "alter default privileges grant select on tables to public",
        "alter default privileges grant insert on tables to public",
        "", "alter default privileges revoke all on tables from public",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Unseen:
    """The same for what no event trigger sees; NAME is the test's own, `before` is on both nodes already.

    What is done by hand stays on the list, with what to do, until the nodes are the same.
    """

    life: Life
    before: str = "select 1"
    by_hand: bool = False


COMPARED = {
    "ROLE": Unseen(
        Life("create role NAME login", "alter role NAME createdb connection limit 3",
             "alter role NAME rename to NAME_2", "drop role NAME_2"),
    ),
    "ROLE MEMBERSHIP": Unseen(
        Life("grant NAME to NAME_2", "grant NAME to NAME_2 with admin option", "", "revoke NAME from NAME_2"),
        "create role NAME; create role NAME_2",
    ),
    "PARAMETER PRIVILEGE": Unseen(
        Life("grant set on parameter work_mem to NAME", "grant alter system on parameter work_mem to NAME", "",
             "revoke all on parameter work_mem from NAME"),
        "create role NAME",
    ),
    "TABLESPACE": Unseen(
        Life("create tablespace NAME location ''", "alter tablespace NAME set (seq_page_cost = 3)",
             "alter tablespace NAME rename to NAME_2", "drop tablespace NAME_2"),
        "set allow_in_place_tablespaces = on", by_hand=True,
    ),
    "DATABASE": Unseen(
        Life("alter database NAME connection limit 17", "comment on database NAME is 'x'", "",
             "alter database NAME connection limit -1"),
    ),
    "DATABASE SETTING": Unseen(
        Life("alter database NAME set work_mem = '8MB'", "alter database NAME set work_mem = '9MB'", "",
             "alter database NAME reset work_mem"),
    ),
    "ROLE SETTING": Unseen(
        Life("alter role NAME set work_mem = '8MB'", "alter role NAME set work_mem = '9MB'", "",
             "alter role NAME reset work_mem"),
        "create role NAME",
    ),
    "SYSTEM SETTING": Unseen(
        Life("alter system set work_mem = '8MB'", "alter system set work_mem = '9MB'", "",
             "alter system reset work_mem"),
        by_hand=True,
    ),
    "LARGE OBJECT": Unseen(
        Life("select lo_from_bytea(4711, 'x')", "select lo_put(4711, 1, 'yz')", "", "select lo_unlink(4711)"),
    ),
    "UNLOGGED TABLE": Unseen(
        Life("insert into NAME values (1)", "update NAME set id = 2", "", "delete from NAME"),
        "create unlogged table NAME (id int primary key)",
    ),
    "MATERIALIZED VIEW": Unseen(
        # Its contents, which come and go.
        Life("refresh materialized view NAME", "refresh materialized view NAME with no data",
             "refresh materialized view NAME", "refresh materialized view NAME with no data"),
        "create materialized view NAME as select 1 as one with no data",
    ),
    "EVENT TRIGGER": Unseen(
        Life("create event trigger NAME on ddl_command_end execute function NAME()",
             "alter event trigger NAME disable", "alter event trigger NAME rename to NAME_2",
             "drop event trigger NAME_2"),
        "create function NAME() returns event_trigger language plpgsql as 'begin end'",
    ),
    "SUBSCRIPTION": Unseen(
        Life("create subscription NAME connection 'host=elsewhere' publication p"
             " with (connect = false, slot_name = none)",
             "alter subscription NAME set publication q with (refresh = false)",
             "alter subscription NAME rename to NAME_2", "drop subscription NAME_2"),
        by_hand=True,
    ),
}  # fmt: skip
# A label needs a provider, which is compiled there.
ELSEWHERE = {
    "SECURITY LABEL": "tests/test_restore_others.py",
    "rows of tables": "tests/test_mirror_handover.py",
}
