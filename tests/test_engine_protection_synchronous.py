import threading
import time

import pytest

from nodes.models import Pair
from nodes.postgres.connect import connect, one, wait_until
from tests.engine import accounts
from tests.test_engine_migration import catalogs

STANDBYS = "show synchronous_standby_names"


@pytest.fixture
def synchronous(engine):
    """A pair that is ACTIVE and synchronous."""
    engine.database.source.execute(accounts(50))
    engine.set(synchronous=True)
    engine.migrate()
    engine.until("synchronous commits", lambda: waits_for_the_copy(engine))
    yield engine
    engine.stop()
    with connect(engine.database.source_conninfo, "test") as source:
        source.execute("alter system reset synchronous_standby_names")
        source.execute("select pg_reload_conf()")


def waits_for_the_copy(engine) -> bool:
    state = "select sync_state from pg_stat_replication where application_name = %s"
    return one(engine.database.source, state, (engine.pool.slot(),)) == "sync"


def application(engine):
    """A session that waits as an application's does."""
    return connect(engine.database.source_conninfo, "app", search_path="public", synchronous_commit="on")


def commits(engine, first: int, count: int) -> list[float]:
    """Commit rows; returns how long each took."""
    took: list[float] = []

    def write() -> None:
        with application(engine) as session:
            for number in range(first, first + count):
                began = time.monotonic()
                session.execute("insert into account values (%s)", (number,))
                took.append(time.monotonic() - began)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writer.join(20)
    assert len(took) == count, f"{len(took)} of {count} commits returned within 20 s"
    return took


def test_a_commit_is_on_the_copy_when_it_returns(synchronous):
    with application(synchronous) as session:
        for number in range(100, 150):
            session.execute("insert into account values (%s)", (number,))
            assert one(synchronous.database.copy, "select count(*) from account where id = %s", (number,))


def test_commits_go_on_when_the_copy_crashes_and_it_is_synchronous_again_afterwards(synchronous, servers):
    synchronous.database.copy.close()
    servers.copy.stop("immediate")
    took = commits(synchronous, 1000, 30)
    assert max(took) < 2 + 3
    synchronous.until_state("TRACKING", "SUSPENDED", 266)
    assert one(synchronous.database.source, STANDBYS) == ""
    assert max(commits(synchronous, 2000, 10)) < 1
    servers.copy.start()
    synchronous.reconnect()
    synchronous.until_state("ACTIVE", "REPLICATING")
    synchronous.until_equal()
    synchronous.until("synchronous commits", lambda: waits_for_the_copy(synchronous))


def test_commits_go_on_when_the_portal_is_stopped_and_then_the_copy_crashes(synchronous, servers):
    synchronous.stop()
    synchronous.database.copy.close()
    servers.copy.stop("immediate")
    assert max(commits(synchronous, 1000, 10)) < 2 + 3
    servers.copy.start()
    synchronous.reconnect()
    synchronous.start()
    synchronous.until_state("ACTIVE", "REPLICATING")
    synchronous.until_equal()


def test_waiting_ends_although_the_engine_was_killed_right_after_it_suspended(synchronous):
    """The pool is written down as TRACKING, and nobody reads under the name that commits wait for."""
    synchronous.stop()
    synchronous.pair.ask("PAUSED")
    synchronous.killed_after("tracking.engine.synchronize.set_state", "")
    assert synchronous.pool.state == "TRACKING"
    assert one(synchronous.database.source, STANDBYS) != ""
    synchronous.start()
    synchronous.until("the pause", lambda: synchronous.pair.phase == "PAUSED")
    synchronous.until("no standby", lambda: one(synchronous.database.source, STANDBYS) == "")
    assert max(commits(synchronous, 1000, 10)) < 1
    synchronous.ask("SYNC")
    synchronous.until("synchronous commits", lambda: waits_for_the_copy(synchronous))
    synchronous.until_equal()


def test_a_pause_ends_the_waiting_and_a_start_begins_it_again(synchronous):
    synchronous.ask("PAUSED")
    synchronous.until("the pause", lambda: synchronous.pair.phase == "PAUSED")
    assert one(synchronous.database.source, STANDBYS) == ""
    assert max(commits(synchronous, 1000, 10)) < 1
    synchronous.ask("SYNC")
    synchronous.until("synchronous commits", lambda: waits_for_the_copy(synchronous))
    synchronous.until_equal()


def test_choosing_asynchronous_takes_effect(synchronous):
    synchronous.set(synchronous=False)
    synchronous.until("no standby", lambda: one(synchronous.database.source, STANDBYS) == "")
    guards = "select count(*) from pg_stat_activity where application_name like 'mwa sync guard%'"
    synchronous.until("no guard", lambda: one(synchronous.database.source, guards) == 0)


def test_standbys_that_were_there_before_are_kept_and_come_back(engine):
    source = engine.database.source
    source.execute(accounts(50))
    before = catalogs(source)
    source.execute("alter system set synchronous_standby_names = 'archive'")
    source.execute("select pg_reload_conf()")
    try:
        wait_until(lambda: one(source, STANDBYS) == "archive", "the setting", seconds=5)
        engine.set(synchronous=True)
        engine.migrate()
        ours = engine.pool.slot()
        engine.until("both", lambda: one(source, STANDBYS) == f'FIRST 2 ("{ours}", archive)')
        engine.ask("REMOVED")
        wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=30)
        assert one(source, STANDBYS) == "archive"
        assert catalogs(source) == before
    finally:
        source.execute("alter system reset synchronous_standby_names")
        source.execute("select pg_reload_conf()")


def test_removing_a_synchronous_pair_never_lets_a_commit_wait_long(synchronous):
    took: list[float] = []
    stop = threading.Event()

    def write() -> None:
        with application(synchronous) as session:
            number = 1000
            while not stop.is_set():
                began = time.monotonic()
                session.execute("insert into account values (%s)", (number,))
                took.append(time.monotonic() - began)
                number += 1

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    synchronous.ask("REMOVED")
    wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=30)
    stop.set()
    writer.join(20)
    assert not writer.is_alive() and max(took) < 1.0
    assert one(synchronous.database.source, STANDBYS) == ""
