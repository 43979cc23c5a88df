"""Who is waited for on a node is named so that exactly this session can be ended."""

from datetime import timedelta

import psycopg
import pytest

from nodes.postgres import transactions
from nodes.postgres.connect import connect, one


@pytest.fixture
def application(database):
    """A session of an application, with a transaction that has written."""
    database.source.execute("create table t (a int); create table u (a int)")
    with psycopg.connect(database.source_conninfo, application_name="shop") as session:
        session.execute("insert into public.t values (1)")
        yield session


def test_a_transaction_that_has_written_is_named_with_its_database(database, application):
    with connect(database.source_conninfo, "reader", autocommit=False) as reader:
        reader.execute("select 1")
        (found,) = transactions.writing(database.source)
    assert (found.pid, found.database) == (application.info.backend_pid, database.name)
    assert (found.application, found.query) == ("shop", "insert into public.t values (1)")
    age = one(database.source, "select clock_timestamp()") - found.began
    assert timedelta() < age < timedelta(seconds=20) and found.session_began <= found.began


def test_whoever_holds_tables_is_named_with_them_and_our_own_sessions_are_not(database, application):
    with connect(database.source_conninfo, "ours", autocommit=False) as ours:
        ours.execute("lock table public.u")
        (found,) = transactions.holding_tables(database.source)
    assert (found.pid, found.holds) == (application.info.backend_pid, "public.t (RowExclusiveLock)")
    application.execute("lock table public.u in share mode")
    (found,) = transactions.holding_tables(database.source)
    assert found.holds == "public.u (ShareLock) and 1 more"
    application.rollback()
    assert transactions.holding_tables(database.source) == []


def test_a_session_is_ended_and_a_later_one_with_its_pid_is_not(database, application):
    (found,) = transactions.writing(database.source)
    later = found.session_began + timedelta(microseconds=1)
    assert not transactions.end_session(database.source, found.pid, later)
    assert application.execute("select 1").fetchone() == (1,)
    assert transactions.end_session(database.source, found.pid, found.session_began)
    with pytest.raises(psycopg.OperationalError):
        application.execute("select 1")
    assert not transactions.end_session(database.source, found.pid, found.session_began)
    assert transactions.writing(database.source) == []
