"""Operators, operator families and classes."""

import pytest

from tests.definitions import followed

BEFORE = """
    do $$ begin create role "some %one"; exception when duplicate_object then null; end $$;
    create schema other;
    create schema "We ird%s ""é";
    create type money2 as (cents int);
    create function cents_lt(money2, money2) returns boolean language sql immutable
        as 'select $1.cents < $2.cents';
    create function cents_le(money2, money2) returns boolean language sql immutable
        as 'select $1.cents <= $2.cents';
    create function cents_eq(money2, money2) returns boolean language sql immutable
        as 'select $1.cents = $2.cents';
    create function cents_ge(money2, money2) returns boolean language sql immutable
        as 'select $1.cents >= $2.cents';
    create function cents_gt(money2, money2) returns boolean language sql immutable
        as 'select $1.cents > $2.cents';
    create function cents_cmp(money2, money2) returns int language sql immutable
        as 'select $1.cents - $2.cents';
    create function cents_int_eq(money2, int) returns boolean language sql immutable
        as 'select $1.cents = $2';
    create function cents_int_cmp(money2, int) returns int language sql immutable
        as 'select $1.cents - $2';
    create function negated(money2) returns int language sql immutable as 'select -$1.cents';
    create function ready(internal) returns void language internal immutable strict as 'btint4sortsupport';
    create operator <# (function = cents_lt, leftarg = money2, rightarg = money2);
    create operator <=# (function = cents_le, leftarg = money2, rightarg = money2);
    create operator =# (function = cents_eq, leftarg = money2, rightarg = money2, commutator = =#,
        hashes, merges, restrict = eqsel, join = eqjoinsel);
    create operator =# (function = cents_int_eq, leftarg = money2, rightarg = int);
    create operator >=# (function = cents_ge, leftarg = money2, rightarg = money2);
    create operator ># (function = cents_gt, leftarg = money2, rightarg = money2);
    create operator family loose using btree;
    create operator class cents_ops for type money2 using btree as
        operator 1 <#, operator 2 <=#, operator 3 =#, operator 4 >=#, operator 5 >#,
        function 1 cents_cmp(money2, money2)
"""

CHANGES = {
    "an operator": [
        'create operator "We ird%s ""é".%%# (function = cents_eq, leftarg = money2, rightarg ='
        " money2, hashes, merges, restrict = eqsel, join = eqjoinsel)",
        'alter operator "We ird%s ""é".%%# (money2, money2) set (restrict = none)',
        'alter operator "We ird%s ""é".%%# (money2, money2) set (restrict = neqsel, join = none)',
        "comment on operator \"We ird%s \"\"é\".%%# (money2, money2) is 'it''s 100%'",
        'alter operator "We ird%s ""é".%%# (money2, money2) owner to "some %one"',
        'alter operator "We ird%s ""é".%%# (money2, money2) set schema other',
        'alter operator other.%%# (money2, money2) set schema "We ird%s ""é"',
        'alter schema "We ird%s ""é" rename to weird',
        "comment on operator weird.%%# (money2, money2) is null",
        "drop operator weird.%%# (money2, money2)",
    ],
    "a prefix operator": [
        "create operator -# (function = negated, rightarg = money2)",
        "comment on operator -# (none, money2) is 'minus'",
        "alter operator -# (none, money2) set schema other",
        "drop operator other.-# (none, money2)",
    ],
    "commutators and negators": [
        "create operator <~ (function = cents_lt, leftarg = money2, rightarg = money2, commutator ="
        " >~, negator = >=~)",
        "create operator >~ (function = cents_gt, leftarg = money2, rightarg = money2, commutator ="
        " operator(public.<~))",
        "alter operator <~ (money2, money2) set (restrict = scalarltsel)",
        "create operator >=~ (function = cents_ge, leftarg = money2, rightarg = money2, negator = <~)",
        "create operator <=~ (function = cents_le, leftarg = money2, rightarg = money2, commutator = >=~)",
        "comment on operator >=~ (money2, money2) is 'x'",
        "drop operator <~ (money2, money2), >~ (money2, money2)",
        "drop operator <=~ (money2, money2), >=~ (money2, money2)",
    ],
    "a family": [
        'create operator family "We ird%s ""é"."100 %" using btree',
        'comment on operator family "We ird%s ""é"."100 %" using btree is \'it\'\'s %I\'',
        'alter operator family "We ird%s ""é"."100 %" using btree add operator 1 <#(money2,'
        " money2), function 1 (money2, money2) cents_cmp(money2, money2), function 1 (money2, int)"
        " cents_int_cmp(money2, int)",
        'alter operator family "We ird%s ""é"."100 %" using btree rename to f',
        'alter operator family "We ird%s ""é".f using btree drop operator 1 (money2, money2)',
        'alter operator family "We ird%s ""é".f using btree owner to "some %one"',
        'alter operator family "We ird%s ""é".f using btree set schema other',
        "alter operator family other.f using btree drop function 1 (money2, int)",
        "drop function cents_int_cmp",
        "drop operator family other.f using btree",
    ],
    "a class with its own family": [
        'create operator class "100 %" for type int using btree as operator 1 <, function 1'
        " btint4cmp(int, int), function 2 ready(internal)",
        "comment on operator class \"100 %\" using btree is 'it''s %I'",
        "comment on operator family \"100 %\" using btree is 'too'",
        'alter operator class "100 %" using btree rename to c',
        'alter operator class c using btree owner to "some %one"',
        "alter operator class c using btree set schema other",
        'alter operator family "100 %" using btree add operator 3 =(int, int), operator 3 =(int, bigint)',
        'alter operator family "100 %" using btree drop operator 3 (int, bigint)',
        "create table made (id int, n int)",
        "create index on made (n other.c)",
        "drop operator class other.c using btree cascade",
        'drop operator family "100 %" using btree',
    ],
    "classes in a family": [
        "create operator class in_it for type money2 using btree family loose as operator 1 <#,"
        " operator 3 =#, operator 3 =#(money2, int), function 1 cents_cmp(money2, money2), function"
        " 1 (money2, int) cents_int_cmp(money2, int)",
        "alter operator family loose using btree add operator 2 <=#(money2, money2), operator 5"
        " >#(money2, money2)",
        "create operator class ints for type int using btree family loose as operator 1 <, operator"
        " 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 btint4cmp(int, int)",
        "alter operator class ints using btree rename to ints2",
        "drop operator class ints2 using btree",
        "drop function cents_int_cmp cascade",
        "drop operator =#(money2, int) cascade",
        "comment on operator family loose using btree is 'what is left'",
        "drop operator family loose using btree cascade",
    ],
    "a default class": [
        "drop operator family cents_ops using btree cascade",
        "create operator class cents_ops default for type money2 using btree as operator 1 <#,"
        " operator 2 <=#, operator 3 =#, operator 4 >=#, operator 5 >#, function 1"
        " cents_cmp(money2, money2)",
        "create table made (m money2 primary key)",
        "create index on made (m desc)",
        "drop table made",
        "drop type money2 cascade",
    ],
    "other methods": [
        "create operator class g for type point using gist as storage box, operator 1 <<, operator"
        " 15 <-> for order by float_ops, function 1 gist_point_consistent(internal, point,"
        " smallint, oid, internal), function 2 gist_box_union(internal, internal), function 5"
        " gist_box_penalty(internal, internal, internal), function 6 gist_box_picksplit(internal,"
        " internal), function 7 gist_box_same(box, box, internal), function 3"
        " gist_point_compress(internal)",
        "create table made (id int primary key, p point)",
        "create index on made using gist (p g)",
        "alter operator family g using gist drop operator 15 (point, point)",
        "alter operator family g using gist add operator 15 <->(point, point) for order by float_ops",
        "create operator class h for type int using hash as operator 1 =, function 1 hashint4(int)",
        "alter operator family h using hash add function 2 (int, int) hashint4extended(int, bigint)",
        "create operator class i for type int[] using gin as storage int, operator 1 &&(anyarray,"
        " anyarray), function 2 ginarrayextract(anyarray, internal, internal), function 3"
        " ginqueryarrayextract(anyarray, internal, smallint, internal, internal, internal,"
        " internal), function 4 ginarrayconsistent(internal, smallint, anyarray, int, internal,"
        " internal, internal, internal)",
        "create operator class b for type int using brin as function 1"
        " brin_minmax_opcinfo(internal), function 2 brin_minmax_add_value(internal, internal,"
        " internal, internal), function 3 brin_minmax_consistent(internal, internal, internal),"
        " function 4 brin_minmax_union(internal, internal, internal), operator 1 <, operator 2 <=,"
        " operator 3 =, operator 4 >=, operator 5 >",
        "create operator class empty for type int using spgist as storage int",
        "drop operator class i using gin",
        "drop operator family g using gist cascade",
        "drop operator family h using hash cascade",
    ],
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_to_an_operator_arrives_in_the_stream(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive(CHANGES[what])


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_changed_while_the_stream_was_off_arrives(database, what):
    with followed(database, BEFORE) as pair:
        pair.assert_arrive_after_a_pause(CHANGES[what])
