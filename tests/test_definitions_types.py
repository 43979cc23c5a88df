import pytest

from tests.definitions import followed

LONG = "x" * 60 + "é%"  # 63 bytes
WEIRD = 'We "" ird % %1$s é'  # as it is written between quotes

BEFORE = f"""
    do $$ begin create role "type o%wner"; exception when duplicate_object then null; end $$;
    create schema other;
    create type mood as enum ('sad', 'ok', 'it''s 100%');
    create type pair as (a int, "{WEIRD}" text);
    create domain positive as int default 3 constraint above check (value > 0);
    create type shape as (a int, "{WEIRD}" text);
    create type span as range (subtype = float8, subtype_diff = float8mi);
    create table holder (id int primary key, m mood default 'ok', p pair, d positive, s span, ms mood[]);
    insert into holder select i, 'sad', row(i, 'x')::pair, i, span(i, i + 1), array['ok', 'sad']::mood[]
        from generate_series(1, 20) i;
    create view moods as select m, p from holder where m > 'sad'
"""

CHANGES = {
    "an enum": [
        "create type color as enum ('red', 'green')",
        "alter type color add value 'blue'",
        "alter type color add value 'a''s %' before 'red'",
        "alter type color add value 'between' after 'red'",
        "alter type color add value if not exists 'blue'",
        "alter type color rename value 'a''s %' to 'b %1$s'",
        "alter table holder add column c color, add column cs color[] default '{blue}'",
        "update holder set c = case when id < 5 then 'b %1$s' else 'between' end::color",
        "alter type color rename value 'between' to 'middle'",
        "alter type color rename to colour",
        "alter type colour add value 'last'",
        "alter type colour set schema other",
        "insert into holder (id, c) values (99, 'last')",
        "drop type other.colour cascade",
        "create type none as enum ()",
        "alter type none add value 'first'",
        "alter type mood add value 'fine' before 'ok'",
        "insert into holder (id, m) values (100, 'fine')",
        "alter type mood rename value 'ok' to 'okay'",
        "update holder set m = 'okay' where id = 100",
    ],
    "a composite type": [
        'create type c as (a int, b text collate "C", c numeric(8, 2)[], d varchar(5))',
        "alter type c add attribute e timestamptz, add attribute f mood",
        'alter type c rename attribute b to "b %1$s"',
        'alter type c alter attribute a type bigint, alter attribute "b %1$s" type varchar(7) collate "C"',
        "alter type c drop attribute c",
        'alter type c drop attribute d, add attribute d text, alter attribute e type date',
        "alter type c rename to cc",
        "comment on column cc.a is 'it''s 100%'",
        "alter type cc set schema other",
        "comment on column other.cc.a is null",
        "create type outer_type as (inside other.cc, m mood)",
        "comment on column outer_type.m is 'mood'",
        "drop type other.cc cascade",
        "drop type mood cascade",
        "create type empty as ()",
        "alter type empty add attribute a int",
        "drop type empty",
        "alter type pair add attribute more int",
        "update holder set p.more = 5 where id < 5",
        f'alter type pair rename attribute "{WEIRD}" to "{LONG}"',
        "alter type pair drop attribute more",
    ],
    "a domain": [
        "create domain dom as varchar(20) collate \"C\" default 'x%' not null check (value <> 'no')"
        " check (length(value) < 9)",
        "alter domain dom set default 'y'",
        "alter domain dom drop default",
        "alter domain dom drop not null",
        "alter domain dom add constraint \"c %\" check (value <> '%1$s') not valid",
        'alter domain dom validate constraint "c %"',
        'comment on constraint "c %" on domain dom is \'said %\'',
        'alter domain dom rename constraint "c %" to "d %"',
        'comment on constraint "d %" on domain dom is null',
        'alter domain dom drop constraint "d %"',
        "create domain over as dom check (value <> 'over')",
        "alter table holder add column o over default 'fine'",
        "alter domain dom set not null",
        "alter domain dom rename to named",
        "alter domain named set schema other",
        "comment on domain other.named is 'domain'",
        "alter domain over drop constraint over_check",
        "drop domain other.named cascade",
        "alter domain positive add check (value < 1000)",
        "alter domain positive drop constraint above",
        "alter domain positive set default 100",
        "drop domain positive cascade",
    ],
    "a range": [
        "create type r as range (subtype = text, collation = \"C\", subtype_opclass = text_pattern_ops,"
        " multirange_type_name = rs)",
        "comment on type r is 'range'",
        "comment on type rs is 'ranges'",
        'alter type rs rename to "rs %"',
        "alter type r rename to rr",
        'alter table holder add column r rr, add column rs "rs %"',
        "update holder set r = '[a,b)', rs = '{[a,b)}'",
        "alter type rr set schema other",
        'alter type "rs %" set schema other',
        "comment on type other.\"rs %\" is null",
        "drop type other.rr cascade",
        "alter type span rename to spanned",
        "drop type spanned cascade",
    ],
    "a range that comes as a shell first": [
        "create type whole",
        "comment on type whole is 'a shell'",
        "create function rounded(whole) returns whole immutable language internal as 'int4range_canonical'",
        "create function apart(int, int) returns float8 immutable language sql as 'select $1::float8 - $2'",
        "create type whole as range (subtype = int4, canonical = rounded, subtype_diff = apart)",
        "alter table holder add column w whole",
        "update holder set w = '[1,5]'",
        "create type never",
        "drop type never",
        "drop type whole cascade",
    ],
    "owners, comments, grants": [
        "comment on type mood is 'it''s 100%'",
        "comment on type pair is 'pair'",
        "comment on domain positive is 'positive'",
        *(f'alter type {name} owner to "type o%wner"' for name in ("mood", "pair", "positive", "span")),
        "revoke usage on type mood from public",
        'grant usage on type mood to "type o%wner" with grant option',
        "revoke all on domain positive from public",
        "grant usage on type positive to postgres",
        "revoke usage on type span from public",
        "grant usage on type span to public",
        "comment on type mood is null",
        "alter type mood owner to postgres",
    ],
    "names and schemas": [
        f'alter type mood rename to "{WEIRD}"',
        f"""alter type "{WEIRD}" add value 'x' before 'ok'""",
        f'alter type "{WEIRD}" rename to "{LONG}"',
        f'alter type pair rename to "{WEIRD}"',
        f'alter type "{WEIRD}" add attribute "{LONG}" "{LONG}"',
        f"""comment on column "{WEIRD}"."{LONG}" is '%'""",
        f'alter type "{WEIRD}" set schema other',
        f'alter domain positive rename to "{WEIRD}"',
        f'alter domain "{WEIRD}" rename constraint above to "{LONG}"',
        f'alter type span rename to "s {WEIRD}"',
        "alter schema other rename to another",
        f'alter type another."{WEIRD}" rename attribute a to b',
        f'create type another."{LONG}" as (a "{LONG}", b another."{WEIRD}"[])',
        f'alter type another."{LONG}" alter attribute b type "s {WEIRD}"',
        f'drop type "{LONG}" cascade',
        "drop schema another cascade",
        f'drop domain "{WEIRD}" cascade',
    ],
    "cascades": [
        "create function f(mood) returns pair language sql as 'select null::pair'",
        "create view above as select f(m) as f from holder",
        "comment on column holder.m is 'mood'",
        "create index on holder (m) where m = 'ok'",
        "create type outside as (m mood, p pair[])",
        "create domain of_mood as mood check (value <> 'sad')",
        "drop type mood cascade",
        "drop type pair cascade",
        "drop type span, positive cascade",
    ],
    "tables of a type": [
        "create table typed of shape (primary key (a))",
        f'create table other.typed of shape ("{WEIRD}" with options default \'x %\' not null, check (a > 0))',
        "alter type shape add attribute c int cascade",
        "alter type shape rename attribute c to d cascade",
        "alter type shape alter attribute d type bigint cascade",
        "alter type shape rename to shapes",
        "alter type shapes drop attribute d cascade",
        "alter table typed alter column a set default 4",
        "alter table typed not of",
        "alter table typed add column x int",
        "alter table typed drop column x",
        "alter table typed of shapes",
        "alter table typed rename to typed2",
        "drop type shapes cascade",
    ],
    "one transaction": [
        "begin; create type a as enum ('x'); create type b as (a a, n int);"
        " alter table holder add b b, add a a; update holder set b = row('x', 1), a = 'x';"
        " alter type a rename to c; alter type b add attribute c c;"
        " alter type b rename to a; update holder set b.n = 7; create domain b as c not null; commit",
    ],
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_to_a_type_arrives_in_the_stream(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive(CHANGES[what])


def test_what_changes_while_the_stream_is_off_arrives_when_it_is_on_again(database):
    with followed(database, BEFORE) as pair:
        pair.pause()
        for what in ("an enum", "a domain", "a range", "a composite type"):
            pair.each(*CHANGES[what])
        pair.go_on()
        pair.assert_same()
        pair.assert_known()


def test_a_type_is_altered_in_place(database):
    names = "select 'mood'::regtype::oid, 'pair'::regtype::oid, 'positive'::regtype::oid"
    with followed(database, BEFORE) as pair:
        before = pair.copy.execute(names).fetchone()
        pair.each(
            "alter type mood add value 'new' before 'sad'",
            "alter type mood rename value 'sad' to 'worse'",
            "alter type pair rename attribute a to b",
            "alter type pair add attribute c text",
            "alter domain positive add constraint below check (value < 10000)",
        )
        pair.assert_same()
        assert pair.copy.execute(names).fetchone() == before


def test_a_base_type_takes_the_columns_of_its_tables_along(database):
    with followed(database, "create table holder (id int primary key, n int)") as pair:
        pair.assert_arrive(
            [
                "create type made; create function made_in(cstring) returns made immutable strict language internal as 'int4in';"
                " create function made_out(made) returns cstring immutable strict language internal as 'int4out';"
                " create type made (input = made_in, output = made_out, internallength = 4, passedbyvalue)",
                "alter table holder add column m made, add column ms made[]",
                "insert into holder values (1, 2, '3', '{4,5}')",
                "drop type made cascade",
            ]
        )
