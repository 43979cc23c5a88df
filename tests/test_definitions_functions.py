"""Functions, procedures, aggregates; languages, transforms, casts, conversions and access methods."""

import pytest

from tests.definitions import followed

BEFORE = """
    do $$ begin create role "some %one"; exception when duplicate_object then null; end $$;
    create schema other;
    create schema "We ird%s ""é";
    create table account (id int primary key, n int not null default 0, t text);
    insert into account select i, 0 from generate_series(1, 20) i;
    create type pair as (a int, b text);
    create function doubled(int) returns int language sql immutable as 'select $1 * 2';
    create function doubled(text) returns text language sql immutable as $$select $1 || '100%' || $1$$;
    create function positive(int) returns boolean language sql immutable as 'select $1 >= 0';
    alter table account add constraint positive check (positive(n));
    create procedure reset() language sql as 'update account set n = 0';
    create function plus(int, int) returns int language sql immutable as 'select coalesce($1, 0) + $2';
    create aggregate total(int) (sfunc = plus, stype = int);
    create type mood as enum ('sad', 'ok');
    create function mood_number(mood) returns int language sql immutable as $$select 1$$;
    create cast (mood as int) with function mood_number(mood);
    create language plx handler plpgsql_call_handler inline plpgsql_inline_handler
        validator plpgsql_validator;
    create conversion latin for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
    create access method heap2 type table handler heap_tableam_handler
"""

CHANGES = {
    "a function and its body": [
        "create function f(a int, b text default 'it''s %s', variadic c int[] default '{}') returns"
        " text language plpgsql strict stable cost 7 parallel safe security definer set search_path"
        " = public, \"We ird%s \"\"é\" set work_mem = '1MB' as $_$ begin return format('%I %s', a,"
        " b); end $_$",
        "create or replace function f(a int, b text default 'other', variadic c int[] default"
        " '{1}') returns text language plpgsql as $x$ begin return E'100%\\n$function$'; end $x$",
        "alter function f immutable leakproof",
        "alter function f cost 3 parallel restricted",
        "alter function f set timezone to 'UTC'",
        "alter function f reset all",
        "alter function f security definer strict",
        "drop function f",
    ],
    "what a function is called": [
        'create function "We ird%s ""é"."100%% \'sure\'"("of %I" int) returns int language sql as'
        " 'select $1'",
        "comment on function \"We ird%s \"\"é\".\"100%% 'sure'\" is 'it''s 100%I \\ good'",
        'alter function "We ird%s ""é"."100%% \'sure\'" rename to "ünd"',
        'alter function "We ird%s ""é"."ünd" set schema other',
        'alter function other."ünd" set schema "We ird%s ""é"',
        'grant execute on function "We ird%s ""é"."ünd" to "some %one"',
        'comment on function "We ird%s ""é"."ünd" is null',
        'alter function "We ird%s ""é"."ünd" rename to'
        " fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        'alter schema "We ird%s ""é" rename to "%I"',
        "create or replace function"
        ' "%I".fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff("of %I" int) returns'
        " int language sql as 'select $1 + 1'",
        'drop function "%I".fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
    ],
    "overloaded functions": [
        "alter function doubled(text) cost 5",
        "alter function doubled(int) rename to twice",
        "comment on function doubled(text) is 'text'",
        "create function doubled() returns int language sql as 'select 2'",
        "drop function doubled(), doubled(text)",
    ],
    "results": [
        "create function one(out a int, inout b text) language sql as $$select 1, b$$",
        'create function many(x int) returns table ("A%" int, b text) language sql rows 5 as'
        " $$select x, 'b'$$",
        "create function every() returns setof account language sql as 'select * from account'",
        "create function composite(pair) returns pair[] language sql as 'select array[$1]'",
        "create function anything(anyelement, anycompatiblearray) returns anyelement language sql"
        " as 'select $1'",
        "create function row_no() returns bigint language internal window immutable as 'window_row_number'",
        "create function noted() returns trigger language plpgsql as $$ begin return new; end $$",
        "create trigger noted before insert on account for each row execute function noted()",
        "alter function many(int) rows 50",
        "alter function row_no() rename to row_number_of",
        "drop function many, one, every(), row_number_of",
        "drop function noted() cascade",
    ],
    "standard bodies": [
        "create function std(a int default 3) returns int language sql return a + (select max(n)"
        " from account)",
        "create function atomic(a int) returns setof account language sql begin atomic select *"
        " from account where id = a; select * from account where t = '%I'; end",
        "create or replace function std(a int default 4) returns int language sql return doubled(a)",
        "alter table account rename column n to number",
        "alter function atomic(int) cost 3",
        "create procedure p() language sql begin atomic update account set number = std(); end",
        "drop function std cascade",
        "drop function atomic",
    ],
    "where a function is used": [
        "create function fallback() returns int language sql return 7",
        "alter table account alter n set default fallback()",
        "create or replace function fallback() returns int language sql return 8",
        "insert into account (id) values (100)",
        "create or replace function positive(int) returns boolean language sql immutable as 'select $1 > -7'",
        "insert into account values (101, -5)",
        "alter function positive(int) rename to above",
        "create index on account (doubled(n))",
        "create table made (id int primary key, m int default doubled(3), g int generated always as"
        " (doubled(id)) stored)",
        "alter function fallback() set schema other",
        "drop function other.fallback cascade",
    ],
    "procedures": [
        "create procedure \"p %\"(in a int, inout b text default 'x') language plpgsql as $$ begin"
        " b := 'y%'; end $$",
        'alter procedure "p %" security definer set search_path to public',
        'alter procedure "p %" rename to q',
        "comment on procedure q is 'said'",
        'alter procedure q owner to "some %one"',
        "alter procedure q set schema other",
        'grant execute on procedure reset to "some %one"',
        "revoke execute on procedure reset from public",
        "create or replace procedure reset() language sql as 'update account set n = 1'",
        "drop procedure other.q, reset",
        "alter routine doubled(int) cost 4",
        "drop routine doubled(text)",
    ],
    "owners and grants": [
        'alter function doubled(int) owner to "some %one"',
        'grant execute on function doubled(text) to "some %one" with grant option',
        "revoke all on function doubled(int), doubled(text) from public",
        'revoke grant option for execute on function doubled(text) from "some %one"',
        'revoke all on all functions in schema public from "some %one"',
        "grant execute on all routines in schema public to public",
        "create or replace function doubled(int) returns int language sql immutable as 'select $1 * 3'",
        "alter function doubled(int) owner to postgres",
    ],
    "settings and support": [
        "create function f() returns int language sql set search_path = '' set \"my.own\" = 'it''s"
        " %I' as 'select 1'",
        "alter function f() set \"my.own\" to 'other \\ one'",
        'alter function f() reset "my.own"',
        "alter function doubled(int) support array_unnest_support",
        "set search_path = other, public; create table here (id int primary key); create function"
        " g() returns bigint language sql as 'select count(*) from here'; create procedure h()"
        " language sql as 'delete from here'",
        "drop function f, other.g",
    ],
    "a type that has another name": [
        "create function takes(pair, pair[]) returns setof pair language sql as 'select $1'",
        'grant execute on function takes to "some %one"',
        "comment on function takes is 'x'",
        "alter type pair rename to couple",
        'revoke execute on function takes from "some %one"',
        "comment on function takes is null",
        "alter type couple set schema other",
        "alter function takes rename to takes2",
        "drop function takes2",
    ],
    "the same name with another result": [
        "begin; drop function doubled(text); create function doubled(text) returns text[] language"
        " sql as 'select array[$1]'; commit",
        "begin; drop procedure reset; create function reset() returns void language sql as ''; commit",
    ],
    "an extension": [
        "alter function doubled(int) depends on extension plpgsql",
        "comment on function doubled(int) is 'x'",
        "alter function doubled(int) no depends on extension plpgsql",
    ],
    "swapped in one transaction": [
        "begin; alter function doubled(int) rename to tmp; alter function plus(int, int) rename to"
        " doubled; create function plus(int) returns int language sql as 'select 1'; alter function"
        " tmp(int) rename to plus2; commit",
    ],
    "a range and its constructors": [
        "create type span as range (subtype = int4)",
        "drop type span",
    ],
    "an ordinary aggregate": [
        'create aggregate "all %"(a int) (sfunc = plus, stype = int, sspace = 16, initcond ='
        " '10', combinefunc = plus, parallel = safe)",
        "create or replace aggregate \"all %\"(a int) (sfunc = int4pl, stype = int, initcond = '1')",
        "comment on aggregate \"all %\"(int) is 'it''s %'",
        'alter aggregate "all %"(int) rename to every_one',
        'grant execute on function every_one(int) to "some %one"',
        "revoke all on function every_one(int) from public",
        "alter aggregate every_one(int) set schema other",
        'alter aggregate other.every_one(int) owner to "some %one"',
        "drop aggregate other.every_one(int)",
        "alter function plus(int, int) rename to added",
        "create or replace aggregate total(int) (sfunc = added, stype = int, initcond = 3)",
        "drop function added cascade",
    ],
    "an aggregate of nothing": [
        "create function inc(int) returns int language sql as 'select $1 + 1'",
        "create aggregate number(*) (sfunc = inc, stype = int, initcond = 0)",
        "comment on aggregate number(*) is 'rows'",
        "alter aggregate number(*) rename to numbers",
        'alter aggregate numbers(*) owner to "some %one"',
        "revoke all on function numbers() from public",
        "comment on aggregate numbers(*) is null",
        "alter aggregate numbers(*) set schema other",
        "drop aggregate other.numbers(*)",
    ],
    "a moving aggregate": [
        "create aggregate moving(int) (sfunc = int4pl, stype = int, msfunc = int4pl, minvfunc ="
        " int4mi, mstype = int, msspace = 8, minitcond = '0', mfinalfunc = int4up,"
        " mfinalfunc_modify = shareable, finalfunc = int4up, finalfunc_modify = read_write)",
        "create aggregate extra(int) (sfunc = int4pl, stype = int, mstype = int, msfunc = int4pl,"
        " minvfunc = int4mi, finalfunc = plus, finalfunc_extra, mfinalfunc = plus,"
        " mfinalfunc_extra)",
        "create aggregate highest(int) (sfunc = int4larger, stype = int, sortop = >)",
        "create aggregate serial(int8) (sfunc = int8_avg_accum, stype = internal, finalfunc ="
        " numeric_poly_sum, combinefunc = int8_avg_combine, serialfunc = int8_avg_serialize,"
        " deserialfunc = int8_avg_deserialize, parallel = restricted)",
        "drop aggregate moving(int), extra(int), highest(int), serial(int8)",
    ],
    "ordered and hypothetical": [
        "create aggregate median(float8 order by anyelement) (sfunc = ordered_set_transition, stype"
        " = internal, finalfunc = percentile_disc_final, finalfunc_extra, finalfunc_modify ="
        " read_write)",
        'create aggregate my_rank(variadic "any" order by variadic "any") (sfunc ='
        " ordered_set_transition_multi, stype = internal, finalfunc = rank_final, finalfunc_extra,"
        " hypothetical)",
        "comment on aggregate median(float8 order by anyelement) is 'm'",
        'comment on aggregate my_rank(variadic "any" order by variadic "any") is \'r\'',
        "alter aggregate median(float8 order by anyelement) rename to middle",
        'alter aggregate my_rank(variadic "any" order by variadic "any") set schema other',
        "drop aggregate middle(float8 order by anyelement)",
        'drop aggregate other.my_rank(variadic "any" order by variadic "any")',
    ],
    "languages": [
        'create trusted language "pl%" handler plpgsql_call_handler validator plpgsql_validator',
        'create or replace trusted language "pl%" handler plpgsql_call_handler inline plpgsql_inline_handler',
        "comment on language \"pl%\" is '100%'",
        'alter language "pl%" rename to "p l"',
        'grant usage on language "p l" to "some %one"',
        'revoke usage on language "p l" from public',
        'alter language "p l" owner to "some %one"',
        'create function in_it() returns int language "p l" as $$ begin return 1; end $$',
        'alter language "p l" rename to plz',
        "drop language plz cascade",
        "drop language plx",
    ],
    "transforms": [
        "create function from_sql(internal) returns internal language internal immutable as 'prsd_lextype'",
        "create function to_sql(internal) returns pair language internal immutable as 'int4in'",
        "create function to_sql2(internal) returns pair language internal immutable as 'int4in'",
        "create transform for pair language plx (from sql with function from_sql(internal), to sql"
        " with function to_sql(internal))",
        "create function with_it(pair) returns int language plx transform for type pair as $$ begin"
        " return 1; end $$",
        "comment on transform for pair language plx is 'it''s %'",
        "create or replace transform for pair language plx (to sql with function to_sql2(internal))",
        "alter language plx rename to ply",
        "comment on transform for pair language ply is null",
        "alter type pair rename to couple",
        "comment on transform for couple language ply is 'again'",
        "drop function with_it",
        "drop transform for couple language ply",
    ],
    "casts": [
        "create cast (pair as int) with inout as assignment",
        "create cast (mood as text[]) with inout as implicit",
        "create domain digits as int",
        "create cast (int as mood) with inout",
        "create function number_mood(int, int, boolean) returns mood language sql immutable as"
        " $$select 'ok'::mood$$",
        "drop cast (int as mood)",
        "create cast (int as mood) with function number_mood(int, int, boolean)",
        "create type bits",
        "create function bits_in(cstring) returns bits language internal immutable strict as 'int4in'",
        "comment on cast (mood as int) is 'it''s 100%'",
        "comment on cast (mood as int) is null",
        "drop cast (mood as int)",
        "drop function number_mood cascade",
    ],
    "conversions": [
        "create default conversion \"%I\" for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1",
        "comment on conversion \"%I\" is 'it''s %'",
        'alter conversion "%I" rename to "L 1"',
        'alter conversion "L 1" owner to "some %one"',
        'alter conversion "L 1" set schema "We ird%s ""é"',
        'drop conversion "We ird%s ""é"."L 1"',
        "drop conversion latin",
    ],
    "access methods": [
        'create access method "b %" type index handler bthandler',
        "comment on access method \"b %\" is 'it''s %'",
        "create table in_it (id int primary key) using heap2",
        'drop access method "b %"',
        "drop access method heap2 cascade",
    ],
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_to_a_function_arrives_in_the_stream(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive(CHANGES[what])


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_changed_while_the_stream_was_off_arrives(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive_after_a_pause(CHANGES[what])


def test_a_table_may_be_renamed_that_a_standard_body_names(database):
    with followed(database, BEFORE) as pair:
        pair.each(
            "create function number() returns int language sql return (select max(n) from account)",
            "alter table account rename to accounts",
            "alter function number() cost 3",
            "drop function number()",
        )
        pair.assert_same()
        pair.assert_known()


def test_a_body_that_cannot_be_parsed_there_is_written_down_and_stops_nothing(database):
    with followed(database, BEFORE + "; create table nowhere (n int)") as pair:
        pair.copy.execute("drop table nowhere")
        pair.application(
            "create function f() returns int language sql as 'select n from nowhere';"
            " create function g() returns int language sql as 'select 1';"
            " alter function f() cost 7; insert into account values (100, 1)"
        )
        pair.caught_up()
        first, second = pair.failures()
        assert "CREATE FUNCTION public.f()" in first and 'relation "nowhere" does not exist' in first
        assert "ALTER FUNCTION public.f()" in second
        assert pair.copy.execute("select g(), n from account where id = 100").fetchone() == (1, 1)


def test_a_body_that_was_not_looked_at_on_the_primary_is_not_looked_at_there(database):
    """As pg_restore does: functions before the tables that they name."""
    with followed(database, BEFORE) as pair:
        pair.application(
            "set check_function_bodies = off;"
            " create function f() returns int language sql as 'select n from later'; create table later (n int)"
        )
        pair.assert_same()


def test_the_constructors_of_a_range_come_with_its_type(database):
    with followed(database, BEFORE) as pair:
        pair.application("create type span as range (subtype = int4)")
        assert not [text for text in pair.statements() if "FUNCTION" in text]
        pair.assert_same()
