"""The wait for a slot is bounded, and says what for."""

import threading
from contextlib import contextmanager

import pytest

from nodes.postgres import slot
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.slot import HandoverPoint, StillRunning

_WAITED_FOR = """
    select b.pid from pg_stat_activity w, unnest(pg_blocking_pids(w.pid)) b(pid)
    where w.application_name = %s and w.state = 'active'
      and clock_timestamp() - w.query_start > make_interval(secs => 0.7 * %s)
"""


@contextmanager
def open_transactions(database, count):
    """So many have written, and none of them ends."""
    database.source.execute("create table t (a int)")
    sessions = [connect(database.source_conninfo, "app", autocommit=False) for _ in range(count)]
    try:
        for session in sessions:
            session.execute("insert into public.t values (1)")
        yield {session.info.backend_pid: session for session in sessions}
    finally:
        for session in sessions:
            session.close()


def made(database, how, seconds):
    """What a slot that did not come to be in time has said."""
    try:
        if how == "mwa made":
            with connect(database.source_conninfo, "made") as session:
                slot.create(session, f"slot_{database.name}", seconds=seconds)
                slot.drop(session, f"slot_{database.name}")
        else:
            HandoverPoint(database.source_conninfo, database.source, seconds=seconds).close()
    except StillRunning as error:
        return str(error)
    return ""


@pytest.mark.parametrize("how", ["mwa made", "mwa hand-over"])
def test_the_wait_is_for_all_transactions_together(database, how):
    """They end one after the other, each shortly before it would have been waited for too long."""
    with open_transactions(database, 4) as running, connect(database.source_conninfo, "x") as watch:
        result = []
        thread = threading.Thread(target=lambda: result.append(made(database, how, 1.0)))
        thread.start()
        turn = 1
        while thread.is_alive() and running:
            found = {row[0] for row in watch.execute(_WAITED_FOR, (how, turn)).fetchall()} & running.keys()
            turn += bool(found)
            for pid in found:
                running.pop(pid).rollback()
        thread.join(20)
    assert result and "waited 1 s for transactions to end: pid " in result[0]


@pytest.mark.parametrize("how", ["mwa made", "mwa hand-over"])
def test_no_wait_at_all_is_possible(database, how):
    with open_transactions(database, 1):
        assert "waited 0 s for transactions to end: pid " in made(database, how, 0)


def test_a_wait_ends_when_whoever_looks_on_has_gone(database):
    with open_transactions(database, 1), connect(database.source_conninfo, "observer") as observer:

        def lose(running):
            pid = observer.info.backend_pid
            database.source.execute("select pg_terminate_backend(%s, 5000)", (pid,))

        with pytest.raises(Exception, match="terminating connection"):
            HandoverPoint(database.source_conninfo, observer, seconds=600, waiting=lose)
        ended = "select not exists (select from pg_stat_activity where application_name = 'mwa hand-over')"
        wait_until(lambda: one(database.source, ended), "the hand-over's session to end", seconds=5)
