"""Compare under writing, with PostgreSQL's own replication carrying it to the copy."""

import itertools
import threading
from contextlib import contextmanager

from nodes.postgres.connect import connect, one, wait_until
from tests.compare import compared, found, on_both, replicate
from tracking.compare.results import CompareOptions

LIVE = CompareOptions(chunk_rows=2000, recheck_seconds=20)
SCHEMA = """
    create table account (id bigint primary key, balance int, note text);
    insert into account select i, 0, 'account ' || i from generate_series(1, 10000) i;
    create table log (at timestamptz, note text);
    insert into log select '2024-01-01', 'line ' || i % 50 from generate_series(1, 3000) i;
"""
UPDATE = "update account set balance = balance + 1 where id = 1 + %s * 7919 %% 10000"
INSERT = "insert into account values (100000 + %s, 1, 'new')"
DELETE = "delete from account where id = 100000 + %s - 20"
LOG = "insert into log values (now(), 'line')"


@contextmanager
def writing(database, *statements, clients=2):
    """Clients that run the statements round and round, each with a number of its own; yields a counter."""
    stop, written, failed = threading.Event(), itertools.count(), []

    def write(client):
        with connect(database.source_conninfo, "writer", search_path="public") as session:
            try:
                for number in itertools.count(client, clients):
                    if stop.is_set():
                        return
                    for statement in statements:
                        session.execute(statement, [number] * statement.count("%s"))
                        next(written)
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=write, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failed


def while_written(written, statements):
    """Again and again until so many statements have been run meanwhile."""
    return itertools.takewhile(lambda _: next(written) < statements, itertools.count())


def test_a_table_that_is_written_to_all_the_time_is_equal(database):
    on_both(database, SCHEMA)
    caught_up = replicate(database)
    with writing(database, UPDATE, INSERT, DELETE) as written:
        for _ in while_written(written, 2000):
            result = compared(database, "account", LIVE, caught_up=caught_up)
            assert (result.verdict, result.reason, result.differences) == ("equal", "", [])


def test_under_writing_exactly_what_is_really_different_is_found(database):
    on_both(database, SCHEMA)
    caught_up = replicate(database)
    database.copy.execute("update account set note = 'by hand' where id = 4321")
    database.copy.execute("delete from account where id = 1234")
    database.copy.execute("insert into account values (-5, 0, 'only here')")
    expected = {("different", "{4321}"), ("missing", "{1234}"), ("extra", "{-5}")}
    elsewhere = "update account set balance = balance + 1 where id = 5001 + %s * 7919 %% 5000"
    with writing(database, elsewhere, INSERT, DELETE):
        for _ in range(3):
            result = compared(database, "account", LIVE, caught_up=caught_up)
            assert result.verdict == "different" and found(result) == expected


def test_a_row_that_is_written_without_a_pause_is_equal(database):
    on_both(database, SCHEMA)
    caught_up = replicate(database)
    with writing(database, "update account set balance = balance + 1 where id = 1") as written:
        for _ in while_written(written, 1000):
            assert compared(database, "account", LIVE, caught_up=caught_up).verdict == "equal"


def test_a_row_that_is_written_without_a_pause_and_missing_on_the_copy_is_found(database):
    on_both(database, SCHEMA)
    caught_up = replicate(database)
    database.copy.execute("delete from account where id = 1")
    with writing(database, "update account set balance = balance + 1 where id = 1"):
        options = CompareOptions(recheck_seconds=2)
        result = compared(database, "account", options, caught_up=caught_up)
    assert found(result) == {("missing", "{1}")}


def test_a_table_without_a_key_is_equal_while_it_grows(database):
    on_both(database, SCHEMA, "alter table log replica identity full")
    caught_up = replicate(database)
    with writing(database, LOG) as written:
        for _ in while_written(written, 500):
            assert compared(database, "log", LIVE, caught_up=caught_up).verdict == "equal"
        database.copy.execute("insert into log values ('2020-01-01', 'only here')")
        (difference,) = compared(database, "log", LIVE, caught_up=caught_up).differences
    assert (difference.kind, difference.copy["note"]) == ("extra", "only here")


def test_without_word_of_the_copys_progress_it_is_given_the_time(database):
    on_both(database, SCHEMA)
    replicate(database)
    database.copy.execute("update account set note = 'by hand' where id = 4321")
    other = "update account set balance = balance + 1 where id = 1 + %s * 7919 %% 4000"
    with writing(database, other, INSERT, DELETE):
        options = CompareOptions(chunk_rows=2000, recheck_seconds=1)
        assert found(compared(database, "account", options, caught_up=None)) == {("different", "{4321}")}


def test_a_copy_that_does_not_catch_up_is_not_called_different(database):
    on_both(database, SCHEMA)
    caught_up = replicate(database)
    database.copy.execute(f"alter subscription {database.name} disable")
    wait_until(
        lambda: not one(database.source, "select count(*) from pg_stat_replication"),
        "the stream's end",
        seconds=5,
    )
    database.source.execute("update account set balance = 7 where id in (3, 4)")
    options = CompareOptions(recheck_seconds=0.5)
    result = compared(database, "account", options, caught_up=caught_up)
    assert (result.verdict, result.differences) == ("not comparable", [])
    assert result.reason.startswith("2 rows differ so far; the copy has not replayed up to ")
    database.copy.execute(f"alter subscription {database.name} enable")
    assert compared(database, "account", LIVE, caught_up=caught_up).verdict == "equal"
