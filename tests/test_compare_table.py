import threading
import time

import pytest
from psycopg import errors, sql

from nodes.postgres.connect import connect
from tests.compare import QUICK, assert_equal, compared, found, on_both
from tracking.compare.results import CompareOptions
from tracking.compare.session import read
from tracking.compare.table import compare_table

SHOP = """
    create table item (id bigint primary key, name text, price numeric(10,2), at timestamptz);
    insert into item
    select i, 'item ' || i, i / 3.0, '2024-01-01 12:00+02'::timestamptz + i * interval '1 hour'
    from generate_series(1, 3000) i;
"""


@pytest.fixture
def shop(database):
    on_both(database, SHOP)
    return database


def test_equal_tables_are_equal_chunk_by_chunk(shop):
    seen = []
    result = compared(shop, "item", progress=lambda table, rows, expected: seen.append((str(table), rows)))
    assert (result.verdict, result.rows_compared, result.difference_count) == ("equal", 3000, 0)
    assert result.chunks >= 4 and len(seen) == result.chunks and seen[-1] == ("public.item", 3000)


def test_rows_that_differ_are_listed_with_both_versions(shop):
    shop.copy.execute("delete from item where id = 7")
    shop.copy.execute("insert into item values (9001, 'only here')")
    shop.copy.execute("update item set name = 'other' where id = 2500")
    result = compared(shop, "item")
    assert result.verdict == "different" and result.difference_count == 3
    by_key = {difference.key: difference for difference in result.differences}
    missing, extra, changed = by_key["{7}"], by_key["{9001}"], by_key["{2500}"]
    assert (missing.kind, missing.source["name"], missing.copy) == ("missing", "item 7", None)
    assert (missing.source_count, missing.copy_count) == (1, 0)
    assert (extra.kind, extra.source) == ("extra", None)
    assert extra.copy == {"id": "9001", "name": "only here", "price": None, "at": None}
    assert changed.kind == "different"
    assert (changed.source["name"], changed.copy["name"]) == ("item 2500", "other")
    assert changed.source["at"] == "2024-04-14 14:00:00+00"
    assert [name for name in changed.source if changed.source[name] != changed.copy[name]] == ["name"]


def test_two_rows_whose_values_are_exchanged_differ(shop):
    shop.copy.execute("update item set name = 'item ' || case id when 5 then 6 else 5 end where id in (5, 6)")
    assert found(compared(shop, "item")) == {("different", "{5}"), ("different", "{6}")}


def test_columns_in_another_order_are_equal(database):
    database.source.execute("create table t (a int primary key, b text, c text)")
    database.copy.execute("create table t (c text, gone int, b text, a int primary key)")
    database.copy.execute("alter table t drop column gone")
    on_both(database, "insert into t (a, b, c) values (1, 'b', 'c'), (2, 'bb', null)")
    assert_equal(database, "t", 2)
    database.copy.execute("update t set b = c, c = b where a = 1")
    assert found(compared(database, "t")) == {("different", "{1}")}


def test_an_empty_table_is_equal_to_an_empty_table(database):
    on_both(database, "create table t (a int primary key)")
    assert_equal(database, "t", 0)


def test_a_table_that_one_node_does_not_have_is_not_comparable(database):
    database.source.execute("create table t (a int primary key)")
    assert compared(database, "t").reason == "missing on the copy"
    assert compared(database, "u").reason == "missing on the source"
    assert compared(database, "t").verdict == "not comparable"


def test_tables_that_do_not_fit_are_not_comparable_and_the_columns_are_named(database):
    database.source.execute("create table t (a int primary key, b int, c numeric(8,2))")
    database.copy.execute("create table t (a int primary key, c numeric(9,2), d int)")
    result = compared(database, "t")
    assert result.verdict == "not comparable"
    assert result.reason == (
        "column b is missing on the copy; column d is missing on the source;"
        " column c is numeric(8,2) on the source, numeric(9,2) on the copy"
    )


def test_what_is_not_an_ordinary_table_is_not_comparable(database):
    on_both(
        database,
        "create view v as select 1 as a",
        "create table parent (a int primary key) partition by range (a)",
        "create table leaf partition of parent for values from (0) to (1000)",
        "insert into parent values (1), (2)",
    )
    assert compared(database, "v").reason == "a view on the source"
    assert (
        compared(database, "parent").reason
        == "a partitioned table on the source: its partitions are compared"
    )
    assert_equal(database, "leaf", 2)


def test_rows_of_tables_that_inherit_are_not_counted_twice(database):
    on_both(
        database,
        "create table parent (a int primary key)",
        "create table child (b int) inherits (parent)",
        "insert into parent values (1)",
        "insert into child values (2, 2), (3, 3)",
    )
    assert_equal(database, "parent", 1)


def test_an_unlogged_table_is_compared_and_it_is_said(database):
    database.source.execute("create unlogged table t (a int primary key)")
    database.copy.execute("create table t (a int primary key)")
    database.source.execute("insert into t values (1)")
    result = compared(database, "t")
    assert (result.verdict, result.reason) == ("different", "unlogged on the source")


def test_a_locked_table_is_not_waited_for(shop):
    with connect(shop.copy_conninfo, "test", autocommit=False, search_path="public") as other:
        other.execute("lock table item in access exclusive mode")
        began = time.monotonic()
        result = compared(shop, "item")
        assert time.monotonic() - began < 3
    assert (result.verdict, result.reason) == ("not comparable", "locked on the copy for more than 0.3 s")


def test_a_role_without_rights_gets_the_reason(shop):
    shop.copy.execute("create role nobody")
    try:
        shop.copy.execute("set role nobody")
        result = compared(shop, "item")
        shop.copy.execute("reset role")
        assert result.verdict == "not comparable"
        assert result.reason == "the copy refuses: permission denied for table item"
        # Rows that a policy hides must not look like missing rows.
        shop.copy.execute("grant select on item to nobody")
        shop.copy.execute("alter table item enable row level security")
        shop.copy.execute("set role nobody")
        result = compared(shop, "item")
        shop.copy.execute("reset role")
        assert (result.verdict, result.differences) == ("not comparable", [])
        assert "row-level security" in result.reason
    finally:
        shop.copy.execute("reset role")
        shop.copy.execute("drop owned by nobody")
        shop.copy.execute("drop role nobody")


def test_a_table_that_is_dropped_in_the_middle_is_not_comparable(shop):
    def drop(*_):
        with connect(shop.copy_conninfo, "test") as other:
            other.execute("drop table if exists public.item")

    result = compared(shop, "item", progress=drop)
    assert result.verdict == "not comparable"
    assert result.reason.startswith("changed or dropped on the copy while it was compared: relation")


@pytest.mark.parametrize(
    ("statement", "nodes", "reason"),
    [
        ("add column more int default 1", 2, "its key or columns are others now"),
        ("drop constraint item_pkey", 2, "its key or columns are others now"),
        ("alter at type timestamp", 1, "column at is timestamp with time zone on the source, timestamp"),
    ],
)
def test_a_table_whose_definition_changes_in_the_middle_is_not_comparable(shop, statement, nodes, reason):
    """Rows that were read in the old and the new one are neither equal nor different."""

    def change(*_):
        changes.append(statement)
        for conninfo in [shop.copy_conninfo, shop.source_conninfo][: nodes * (len(changes) == 1)]:
            with connect(conninfo, "test") as other:
                other.execute(f"alter table public.item {statement}")

    changes = []
    result = compared(shop, "item", progress=change)
    assert (result.verdict, result.differences) == ("not comparable", [])
    assert result.reason.startswith(f"changed while it was compared: {reason}")


def test_a_lost_session_is_a_reason_and_not_a_crash(shop):
    def end(*_):
        with connect(shop.copy_conninfo, "test") as other:
            other.execute("select pg_terminate_backend(%s, 5000)", (pid,))

    with connect(shop.copy_conninfo, "test") as copy:
        pid = copy.info.backend_pid
        result = compare_table(shop.source, copy, ("public", "item"), QUICK, progress=end)
    assert result.verdict == "not comparable" and result.reason.startswith("the copy refuses: ")
    assert compared(shop, "item").verdict == "equal"


def test_a_stop_ends_the_compare_after_the_running_chunk(shop):
    stop = threading.Event()
    result = compared(shop, "item", progress=lambda *_: stop.set(), stop=stop)
    assert (result.verdict, result.reason) == ("not comparable", "stopped before the end")
    assert 0 < result.rows_compared < 3000


def test_a_stop_cancels_a_statement_that_takes_long(database):
    on_both(
        database,
        "create table t (a int primary key)",
        "insert into t select generate_series(1, 400)",
    )
    stop = threading.Event()
    with connect(database.copy_conninfo, "test", autocommit=False, search_path="public") as other:
        other.execute("lock table t in access exclusive mode")  # a wait that only the stop ends
        timer = threading.Timer(0.3, stop.set)
        timer.start()
        began = time.monotonic()
        result = compared(database, "t", CompareOptions(lock_seconds=60), stop=stop)
        assert time.monotonic() - began < 5
    assert result.reason == "stopped before the end"
    assert database.copy.execute("select 1").fetchone() == (1,)


def test_a_table_without_any_row_on_the_copy_is_counted_but_not_listed_whole(database):
    on_both(database, "create table t (a bigint primary key, b text)")
    database.source.execute("insert into t select i, md5(i::text) from generate_series(1, 60000) i")
    began = time.monotonic()
    result = compared(database, "t", CompareOptions(chunk_rows=5000, max_differences=20, recheck_seconds=0.3))
    assert time.monotonic() - began < 10
    assert result.verdict == "different" and result.difference_count == 60000
    assert len(result.differences) == 20 and {d.kind for d in result.differences} == {"missing"}


def test_a_table_that_is_longer_on_the_copy_is_counted(database):
    on_both(database, "create table t (a bigint primary key, b text)", "insert into t values (0)")
    database.copy.execute("insert into t select i, md5(i::text) from generate_series(1, 30000) i")
    result = compared(database, "t", CompareOptions(max_differences=5, recheck_seconds=0.3))
    assert (result.verdict, result.difference_count, len(result.differences)) == ("different", 30000, 5)
    assert {d.kind for d in result.differences} == {"extra"}


def test_names_that_need_quotes_are_quoted(database):
    table = 'do "not" 100% {a}'
    on_both(
        database,
        'create schema "sch%s {b}"',
        'create table "sch%s {b}"."do ""not"" 100% {a}" ("the % key" text primary key, "{c}" int)',
        """insert into "sch%s {b}"."do ""not"" 100% {a}"
           select 'k%' || i, i from generate_series(1, 2000) i""",
    )
    name = ("sch%s {b}", table)
    assert compare_table(database.source, database.copy, name, QUICK).verdict == "equal"
    database.copy.execute("""delete from "sch%s {b}"."do ""not"" 100% {a}" where "{c}" = 77""")
    result = compare_table(database.source, database.copy, name, QUICK)
    assert found(result) == {("missing", "{k%77}")}
    assert result.differences[0].source == {"the % key": "k%77", "{c}": "77"}


def test_the_sessions_are_left_as_they_were(shop):
    before = shop.source.execute("select name, setting from pg_settings order by 1").fetchall()
    shop.copy.execute("delete from item where id = 7")
    compared(shop, "item")
    assert shop.source.execute("select name, setting from pg_settings order by 1").fetchall() == before
    assert shop.source.info.transaction_status.name == "IDLE"
    shop.source.execute("insert into item values (5000)")


def test_a_write_would_be_refused(shop):
    # Also on a node where default_transaction_read_only is off for our sessions.
    with pytest.raises(errors.ReadOnlySqlTransaction):
        read(shop.source, sql.SQL("delete from public.item returning id"), {})
    assert_equal(shop, "item", 3000)


def test_a_very_long_value_is_shown_cut_but_told_apart(database):
    on_both(database, "create table t (a int primary key, b text)")
    database.source.execute("insert into t values (1, repeat('x', 100000) || 'a')")
    database.copy.execute("insert into t values (1, repeat('x', 100000) || 'b')")
    (difference,) = compared(database, "t").differences
    assert len(difference.source["b"]) < 5000 and "100001 characters" in difference.source["b"]
    assert difference.source["b"] != difference.copy["b"]
