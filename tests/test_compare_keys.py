"""Keys of every shape."""

from dataclasses import replace

import psycopg
import pytest

from tests.compare import QUICK, assert_equal, compared, found, on_both
from tracking.compare.results import TableName
from tracking.compare.session import Nodes
from tracking.compare.shape import Shape, reads_by_range, shapes

KEYS = {
    "composite": ("a int, b text, c date", "i / 100, 'n' || i, '2024-01-01'::date + i", "a, b, c"),
    "reversed": ("a text, b int", "'n' || i, i % 7", "b, a"),
    "uuid": ("a uuid", "md5(i::text)::uuid", "a"),
    "moment": ("a timestamptz", "'2024-03-31 00:30+00'::timestamptz + i * interval '7 minutes'", "a"),
    "words": (
        "a text",
        "case i % 4 when 0 then 'a''\"' when 1 then '{ä,😀}' when 2 then '\\' else 'B' end || i",
        "a",
    ),
    "padded": ("a char(8)", "'x' || i", "a"),
    "number": ("a numeric", "i / 7.0", "a"),
    "float": ("a float8", "i / 7.0::float8", "a"),
    "bytes": ("a bytea", "decode(md5(i::text), 'hex')", "a"),
    "truth": ("a boolean, b int", "i % 2 = 0, i", "a, b"),
}


@pytest.mark.parametrize("shape", KEYS)
def test_a_table_is_read_by_any_key(database, shape):
    columns, values, key = KEYS[shape]
    on_both(
        database,
        f"create table t ({columns}, note text, primary key ({key}))",
        f"insert into t select {values}, 'note ' || i from generate_series(1, 2500) i",
    )
    equal = compared(database, "t")
    assert (equal.verdict, equal.rows_compared) == ("equal", 2500) and equal.chunks > 3
    database.copy.execute("delete from t where note = 'note 1'")
    database.copy.execute("update t set note = 'other' where note = 'note 2'")
    database.source.execute("delete from t where note = 'note 2499'")
    result = compared(database, "t")
    assert sorted(difference.kind for difference in result.differences) == ["different", "extra", "missing"]


@pytest.mark.parametrize(
    ("source", "copy"),
    [("natural_order", "natural_order"), ("natural_order", '"C"'), ('"C"', "natural_order")],
)
def test_text_keys_are_compared_whatever_order_each_node_has(database, source, copy):
    try:
        on_both(database, "create collation natural_order (locale = 'en_US.UTF-8')")
    except psycopg.Error:
        pytest.skip("this machine has no locale en_US.UTF-8")
    for connection, collation in ((database.source, source), (database.copy, copy)):
        connection.execute(f"create table t (a text collate {collation} primary key, b int)")
    on_both(
        database,
        "insert into t select case i % 3 when 0 then 'b-' when 1 then 'B ' else 'ä' end || i, i"
        " from generate_series(1, 2500) i",
    )
    result = compared(database, "t")
    assert result.verdict == "equal" and (result.chunks > 3) == (source == copy)
    database.copy.execute("delete from t where b = 1001")
    assert found(compared(database, "t")) == {("missing", "{ä1001}")}


@pytest.mark.parametrize(
    ("source", "copy", "same"),
    [
        ("c C", "b C.UTF-8 C.UTF-8", True),
        ("c C.utf8", "c C.UTF-8", True),
        ("c POSIX", "b C.UTF-8 PG_UNICODE_FAST", True),
        ("c en_US.UTF-8", "c en_US.utf8", True),
        ("c en_US.UTF-8", "c C.UTF-8", False),
        ("c en_US.UTF-8", "i en_US.UTF-8 en-US", False),
        ("i en-US", "i de-DE", False),
        ("i en_US.UTF-8 en-US", "i en_US.UTF-8 en-US", True),
    ],
)
def test_ranges_are_only_read_where_both_nodes_order_text_alike(source, copy, same):
    side = Shape("r", "p", 0, {"a": "text"}, ("a",), ("=",), (source,), True, 1.0, 1, "UTF8", 0)
    assert reads_by_range(side, replace(side, orders=(copy,))) is same


def test_a_large_table_in_another_order_than_its_key_is_read_in_one_pass():
    side = Shape("r", "p", 10, {"a": "uuid"}, ("a",), ("=",), ("",), True, 0.01, 9, "UTF8", 0)
    assert not reads_by_range(side, side)
    assert reads_by_range(replace(side, cache=11), side)
    assert reads_by_range(replace(side, correlation=-0.9), side)
    assert reads_by_range(replace(side, correlation=None), side)


def test_a_range_that_holds_other_rows_on_the_copy_makes_no_difference(database):
    # An order that no collation tells of: the same labels, declared in another order.
    labels = [f"label {number}" for number in range(40)]
    for connection, order in ((database.source, labels), (database.copy, labels[20:] + labels[:20])):
        connection.execute(f"create type grade as enum ({', '.join(map(repr, order))})")
    on_both(
        database,
        "create table t (a grade, b int, primary key (a, b))",
        "insert into t select ('label ' || i % 40)::grade, i from generate_series(1, 3000) i",
    )
    result = compared(database, "t")
    assert (result.verdict, result.difference_count) == ("equal", 0) and result.chunks > 3
    database.copy.execute("delete from t where b = 1001")
    database.source.execute("delete from t where b in (7, 2999)")
    expected = {("missing", '{"label 1",1001}'), ("extra", '{"label 7",7}'), ("extra", '{"label 39",2999}')}
    assert found(compared(database, "t")) == expected


def test_a_replica_identity_index_is_the_key(database):
    on_both(
        database,
        "create table t (a int not null, b int not null, c text)",
        "create unique index t_ba on t (b desc, a)",
        "alter table t replica identity using index t_ba",
        "insert into t select i, i % 10, 'c' from generate_series(1, 2000) i",
    )
    assert compared(database, "t").verdict == "equal"
    database.copy.execute("delete from t where a = 1234")
    assert found(compared(database, "t")) == {("missing", "{4,1234}")}


def test_a_key_on_one_node_only_is_not_relied_upon(database):
    database.source.execute("create table t (a int primary key, b int)")
    database.copy.execute("create table t (a int, b int)")
    on_both(database, "insert into t select i, i from generate_series(1, 2000) i")
    result = compared(database, "t")
    assert result.verdict == "equal"
    assert result.reason.startswith("the key is (a) on the source, () on the copy")
    database.copy.execute("insert into t values (17, 17)")
    (difference,) = compared(database, "t", QUICK).differences
    assert (difference.kind, difference.source_count, difference.copy_count) == ("extra", 1, 2)


@pytest.mark.parametrize(
    ("type", "here", "there"), [("float8", "-0", "0"), ("numeric", "1.50", "1.5"), ("numeric", "0", "0.00")]
)
def test_a_row_whose_key_is_equal_but_not_the_same_is_one_difference(database, type, here, there):
    on_both(database, f"create table t (a {type} primary key, b int)", "insert into t values (7, 7)")
    database.source.execute(f"insert into t values ('{here}', 1)")
    database.copy.execute(f"insert into t values ('{there}', 1)")
    result = compared(database, "t")
    (difference,) = result.differences
    assert (result.verdict, result.difference_count, difference.kind) == ("different", 1, "different")
    assert (difference.source["a"], difference.copy["a"]) == (here, there)


def test_a_key_of_an_extensions_type_is_compared_by_the_extensions_own_equality(database):
    """Its operators are outside pg_catalog, where our sessions do not look for names."""
    on_both(
        database,
        'create schema "an Extension"; create extension vector schema "an Extension"',
        'create table t (v "an Extension".vector(2), n int, primary key (v, n))',
        "insert into t select cast(format('[%s,0.5]', i) as \"an Extension\".vector), i"
        " from generate_series(1, 3000) i",
    )
    assert_equal(database, "t", 3000)
    database.copy.execute("delete from t where n = 5")
    assert found(compared(database, "t")) == {("missing", '{"[5,0.5]",5}')}


def test_a_key_whose_index_is_no_btree_is_not_read_by_ranges(database):
    """PostgreSQL 18 has primary keys WITHOUT OVERLAPS."""
    database.copy.execute(
        "create table t (r int4range, during daterange, primary key (r, during without overlaps))"
    )
    with Nodes(database.copy, database.copy, lock_seconds=1, stopped=lambda: False) as nodes:
        shape, _ = shapes(nodes, TableName("public", "t"))
    assert shape.key == ("r", "during") and not shape.plainly_indexed
