"""Tables whose rows have no identity: compared by how often each row exists."""

from dataclasses import replace

import pytest

from tests.compare import QUICK, compared, on_both
from tracking.compare.results import CompareOptions

WITHOUT_KEY = "without a key: compared by how often each row exists"


@pytest.fixture
def log(database):
    on_both(
        database,
        "create table log (a int, b text)",
        "insert into log select i % 500, 'line ' || i % 500 from generate_series(1, 2000) i",
    )
    return database


def test_rows_that_exist_several_times_are_equal(log):
    log.copy.execute("create table sorted as select * from log order by a desc")
    log.copy.execute("truncate log")
    log.copy.execute("insert into log select * from sorted")
    result = compared(log, "log")
    assert (result.verdict, result.reason, result.rows_compared) == ("equal", WITHOUT_KEY, 2000)


def test_a_row_that_exists_once_too_often_or_too_seldom_is_told_with_its_counts(log):
    log.copy.execute("insert into log values (7, 'line 7'), (9999, null), (9999, null)")
    log.copy.execute("delete from log where ctid = (select ctid from log where a = 8 limit 1)")
    log.copy.execute("delete from log where a = 9")
    result = compared(log, "log")
    assert (result.verdict, result.difference_count) == ("different", 4)
    told = {
        (d.kind, (d.source or d.copy)["a"], d.source_count, d.copy_count, d.key) for d in result.differences
    }
    assert told == {
        ("extra", "7", 4, 5, None),
        ("missing", "8", 4, 3, None),
        ("missing", "9", 4, 0, None),
        ("extra", "9999", 0, 2, None),
    }
    gone = next(d for d in result.differences if d.copy_count == 0)
    assert gone.source == {"a": "9", "b": "line 9"} and gone.copy is None


def test_two_of_one_and_two_of_another_are_not_taken_for_equal(database):
    # In an exclusive or, a row that exists twice vanishes.
    on_both(database, "create table t (a int)")
    database.source.execute("insert into t values (1), (1)")
    database.copy.execute("insert into t values (2), (2)")
    assert compared(database, "t").difference_count == 2


def test_a_whole_table_that_is_missing_is_counted_and_not_held_in_memory(database):
    on_both(database, "create table t (a int, b text)")
    database.source.execute("insert into t select i, 'x' from generate_series(1, 150000) i")
    result = compared(database, "t", CompareOptions(max_differences=10, recheck_seconds=0.3))
    assert result.verdict == "different" and len(result.differences) == 10
    assert result.difference_count == 150000


def test_a_table_without_columns_is_counted(database):
    on_both(database, "create table t ()", "insert into t default values", "insert into t default values")
    assert compared(database, "t").verdict == "equal"
    database.copy.execute("insert into t default values")
    (difference,) = compared(database, "t", replace(QUICK, max_differences=3)).differences
    assert (difference.source_count, difference.copy_count, difference.source) == (2, 3, {})
