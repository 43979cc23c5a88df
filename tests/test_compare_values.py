"""The hash tells apart what is not the same byte for byte, on two major versions."""

import pytest

from tests.compare import assert_equal, compared, found, on_both

UNEQUAL = [
    ("numeric", "1.0", "1.00"),
    ("numeric", "0", "null"),
    ("numeric(20,5)", "123456789.12345", "123456789.12346"),
    ("int", "0", "null"),
    ("int", "1", "-1"),
    ("smallint", "7", "8"),
    ("bigint", "1", "4294967296"),  # PostgreSQL's own hash takes these for equal
    ("bigint", "0", "null"),
    ("bigint", "-1", "-4294967296"),
    ("boolean", "false", "null"),
    ("text", "''", "null"),
    ("text", "'a'", "'A'"),
    ("text", "'a'", "'a '"),
    ("text", "U&'caf\\00E9'", "U&'cafe\\0301'"),
    ("varchar(10)", "'x'", "'x '"),
    ("bpchar", "'x'", "'x '"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'", "null"),
    ("real", "0.1", "0.10000001"),
    ("double precision", "0.0", "'-0'"),
    ("double precision", "0.1", "0.1 + 1e-17 * 4"),
    ("date", "'infinity'", "'-infinity'"),
    ("timestamp", "'2024-01-01 00:00:00.000001'", "'2024-01-01'"),
    ("timestamptz", "'2024-01-01 12:00+00'", "'2024-01-01 12:00+01'"),
    ("timestamptz", "'294276-12-31 23:59:59.999998+00'", "'294276-12-31 23:59:59.999999+00'"),
    ("interval", "'1 day'", "'24 hours'"),
    ("bytea", "'\\x00'", "'\\x'"),
    ("json", """'{"a":1}'""", """'{"a": 1}'"""),
    ("jsonb", """'{"a": 1.0}'""", """'{"a": 1.00}'"""),
    ("int[]", "'{1,null}'", "'{1}'"),
    ("text[]", "'{a,b}'", "'{\"a,b\"}'"),
    ("inet", "'10.0.0.1'", "'10.0.0.1/24'"),
    ("int4range", "'[1,5)'", "'[1,6)'"),
    ("tsvector", "'a:1'", "'a:2'"),
    ("bit varying", "B'01'", "B'010'"),
    ("mood", "'glad'", "'sad'"),
    ("pair", "row(1, null)", "row(1, '')"),
    ("pair", "row(null, null)", "null"),
    ("small", "1", "2"),
]


@pytest.fixture
def types(database):
    on_both(
        database,
        "create type mood as enum ('glad', 'sad')",
        "create type pair as (a int, b text)",
        "create domain small as int check (value < 100)",
    )
    return database


def test_values_that_are_not_the_same_are_different_and_the_same_are_equal(types):
    columns = ", ".join(f"c{number} {type}" for number, (type, *_) in enumerate(UNEQUAL))
    first = ", ".join(value for _, value, _ in UNEQUAL)
    on_both(types, f"create table t (a int primary key, {columns})", f"insert into t values (0, {first})")
    assert_equal(types, "t", 1)
    for number, (_, value, other) in enumerate(UNEQUAL, start=1):
        on_both(types, f"insert into t (a, c{number - 1}) values ({number}, {value})")
        types.copy.execute(f"update t set c{number - 1} = {other} where a = {number}")
    result = compared(types, "t")
    assert found(result) == {("different", f"{{{number}}}") for number in range(1, len(UNEQUAL) + 1)}
    for difference in result.differences:
        column = f"c{int(difference.key[1:-1]) - 1}"
        assert difference.source[column] != difference.copy[column], column


def test_each_unequal_pair_is_found_alone(types):
    for number, (type, value, other) in enumerate(UNEQUAL):
        on_both(types, f"create table t{number} (a int primary key, v {type})")
        types.source.execute(f"insert into t{number} values (1, {value})")
        types.copy.execute(f"insert into t{number} values (1, {other})")
    for number, (type, value, other) in enumerate(UNEQUAL):
        result = compared(types, f"t{number}")
        assert result.verdict == "different", f"{type}: {value} and {other}"


def test_settings_of_a_role_do_not_make_rows_different(types):
    on_both(
        types,
        "create table t (a int primary key, b timestamptz, c interval, d float8, e bytea, f money, g date)",
        "insert into t select i, '2024-01-01 10:00+00'::timestamptz + i * interval '1 day',"
        " i * interval '25 hours',"
        " 1.0 / i, decode(md5(i::text), 'hex'), i::money, '2024-01-01'::date + i"
        " from generate_series(1, 50) i",
    )
    for setting in (
        "timezone = 'Asia/Tokyo'",
        "datestyle = 'SQL, DMY'",
        "intervalstyle = 'iso_8601'",
        "extra_float_digits = 0",
        "bytea_output = 'escape'",
    ):
        types.copy.execute(f"set {setting}")
    assert_equal(types, "t", 50)


def test_generated_columns_are_compared_by_their_values(database):
    database.source.execute("create table t (a int primary key, b int generated always as (a * 2) stored)")
    database.copy.execute("create table t (a int primary key, b int generated always as (a * 2) virtual)")
    on_both(database, "insert into t (a) select generate_series(1, 10)")
    assert_equal(database, "t", 10)
    on_both(database, "create table u (a int primary key)")
    on_both(database, "insert into u select generate_series(1, 10)")
    database.source.execute("alter table u add b int generated always as (a * 2) stored")
    database.copy.execute(
        "alter table u add b int generated always as (a * case a when 7 then 3 else 2 end) stored"
    )
    assert found(compared(database, "u")) == {("different", "{7}")}


def test_nulls_do_not_wander_between_columns_unseen(database):
    on_both(database, "create table t (a int primary key, b int, c int, d text, e text)")
    database.source.execute("insert into t values (1, null, 5, null, 'x'), (2, 0, null, '', null)")
    database.copy.execute("insert into t values (1, 5, null, 'x', null), (2, null, 0, null, '')")
    assert found(compared(database, "t")) == {("different", "{1}"), ("different", "{2}")}


def test_a_table_of_as_many_columns_as_there_can_be_is_compared(database):
    columns = ", ".join(f"c{number} int" for number in range(1500))
    on_both(
        database,
        f"create table t (a int primary key, {columns})",
        "insert into t (a, c50, c1400) select i, i, i from generate_series(1, 100) i",
    )
    assert_equal(database, "t", 100)
    database.copy.execute("update t set c50 = 0 where a = 3")
    database.copy.execute("update t set c1400 = 0 where a = 4")
    result = compared(database, "t")
    assert found(result) == {("different", "{3}"), ("different", "{4}")}
    assert {d.copy["c1400"] for d in result.differences} == {"3", "0"}
