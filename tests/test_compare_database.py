"""All tables of a database at a time."""

import threading
import time

import pytest

from mwaportal.bench import compare as bench
from nodes.postgres.connect import Unreachable, connect, one, wait_until
from tests.compare import QUICK, on_both
from tracking.compare.database import compare_database
from tracking.compare.results import CompareOptions

TABLES = [
    statement
    for number in range(6)
    for statement in (
        f"create table t{number} (a int primary key, b text)",
        f"insert into t{number} select i, 'b' from generate_series(1, {1000 * (number + 1)}) i",
    )
]


def verdicts(database, options=QUICK, **more):
    results = compare_database(database.source_conninfo, database.copy_conninfo, options, **more)
    return {result.table.name: (result.verdict, result.difference_count) for result in results}


def test_every_table_of_either_node_is_compared(database):
    on_both(database, *TABLES, "analyze", "create schema mwa", "create table mwa.own (a int)")
    database.copy.execute("delete from t3 where a < 4")
    database.source.execute("create table new_here (a int)")
    database.copy.execute("create table new_there (a int)")
    expected = {f"t{number}": ("equal", 0) for number in range(6)}
    expected["t3"] = ("different", 3)
    expected |= dict.fromkeys(("new_here", "new_there"), ("not comparable", 0))
    assert verdicts(database) == expected
    assert verdicts(database, jobs=1, tables=[("public", "t3")]) == {"t3": ("different", 3)}
    assert verdicts(database, tables=[]) == {}


def test_a_locked_table_does_not_hold_up_the_others(database):
    on_both(database, *TABLES)
    with connect(database.source_conninfo, "test", autocommit=False) as other:
        other.execute("lock table public.t2 in access exclusive mode")
        found = verdicts(database)
    assert found.pop("t2") == ("not comparable", 0)
    assert set(found.values()) == {("equal", 0)} and len(found) == 5


def test_a_session_that_is_lost_costs_one_table_and_not_the_rest(database):
    on_both(database, *TABLES)
    ended = []

    def end_once(*_):
        if not ended:
            ended.append(
                one(
                    database.copy,
                    "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
                    " where application_name = 'mwa compare' and datname = current_database()",
                )
            )

    found = verdicts(database, jobs=1, progress=end_once)
    assert ended == [1] and len(found) == 6
    assert sorted(verdict for verdict, _ in found.values()) == ["equal"] * 5 + ["not comparable"]


def test_a_stop_ends_all_jobs_and_their_sessions(database):
    on_both(database, *TABLES)
    stop = threading.Event()
    began = time.monotonic()
    with connect(database.source_conninfo, "test", autocommit=False) as other:
        other.execute("lock table public.t0, public.t1, public.t2, public.t3, public.t4, public.t5")
        threading.Timer(0.3, stop.set).start()
        assert verdicts(database, CompareOptions(lock_seconds=60), stop=stop) == {}
    assert time.monotonic() - began < 5
    wait_until(lambda: sessions(database) == 0, "the end of all sessions", seconds=5)


def test_an_iterator_that_is_left_behind_ends_its_sessions(database):
    on_both(database, *TABLES)
    results = compare_database(database.source_conninfo, database.copy_conninfo, QUICK)
    assert next(results).verdict == "equal"
    results.close()
    wait_until(lambda: sessions(database) == 0, "the end of all sessions", seconds=5)


def test_a_node_that_is_not_there_is_named(database):
    with pytest.raises(Unreachable, match="host=/nowhere"):
        list(compare_database(database.source_conninfo, "host=/nowhere dbname=x user=y password=secret"))


def test_the_bench_measures_a_compare_against_one_pass():
    (figure,) = bench.run(rows=5000, rounds=1)
    assert figure["bench"] == "compare" and figure["unit"] == "s"
    assert figure["ours"] > 0 and figure["peer"] > 0


def sessions(database):
    return sum(
        one(
            connection,
            "select count(*) from pg_stat_activity"
            " where application_name = 'mwa compare' and datname = current_database()",
        )
        for connection in (database.source, database.copy)
    )
