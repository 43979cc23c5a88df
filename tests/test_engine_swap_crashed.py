"""A node crashes in a role swap, alone or together with the engine."""

import pytest

from nodes.postgres import blocked, slot
from nodes.postgres.connect import connect, one
from nodes.postgres.fence import is_open
from tests.engine import accounts
from tests.engine_swap import approved, cluster, die_after, ended, ready_to_swap
from tests.mirror import content
from tracking.mirror.swap import PoolSwap

ACTIVE = "select active from pg_replication_slots where slot_name = %s"


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE, its engine stopped."""
    return ready_to_swap(engine)


@pytest.fixture
def two(engine, databases):
    """The same with two databases."""
    engine.second = databases()
    engine.add(engine.second)
    engine.second.source.execute(accounts(50))
    yield ready_to_swap(engine)
    engine.stop()


def crash(engine, server) -> None:
    """It is gone from one moment to the next, for the test's own sessions too."""
    for session in (engine.database.source, engine.database.copy):
        session.close()
    server.stop("immediate")


def test_a_source_that_crashed_inside_the_fence_is_opened_by_the_next_engine(replicating, servers):
    """The guard went with the server: nobody else opens it."""
    swap = die_after(replicating, "close_primary")
    crash(replicating, servers.source)
    servers.source.start()
    with cluster(replicating) as outside:
        assert not is_open(outside, replicating.database.name)
    replicating.start()
    assert ended(replicating, swap)[0] == "FAILED"
    replicating.reconnect()
    replicating.application("update account set n = 7")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_a_source_that_crashes_inside_the_fence_is_opened_as_soon_as_it_is_back(
    replicating, servers, monkeypatch
):
    close = PoolSwap.close_primary

    def close_and_crash(self):
        close(self)
        servers.source.stop("immediate")

    monkeypatch.setattr(PoolSwap, "close_primary", close_and_crash)
    replicating.start()
    swap = approved(replicating)
    replicating.until("somebody to be told", lambda: replicating.pair.phase_detail == "E")
    servers.source.start()
    state, why = ended(replicating, swap)
    assert state == "FAILED" and why
    replicating.reconnect()
    replicating.application("update account set n = 7")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_a_copy_that_crashed_in_the_swap_holds_nothing_up(replicating, servers):
    """The source is open, the pool tracks, and the source's log goes, however long the copy is away."""
    swap = die_after(replicating, "drain")
    crash(replicating, servers.copy)
    replicating.start()
    assert ended(replicating, swap)[0] == "FAILED"
    with cluster(replicating) as outside:
        assert is_open(outside, replicating.database.name)
        replicating.until("the capture", lambda: one(outside, ACTIVE, (replicating.pool.slot(),)))
    replicating.application("update account set n = 3 where id < 20")
    replicating.until("the list", lambda: replicating.pool.tracked_rows == 19)
    servers.copy.start()
    replicating.reconnect()
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert slot.find(replicating.database.copy, replicating.pool.slot(reverse=True)) is None


def test_a_copy_that_crashes_under_the_engine_in_the_swap_leaves_every_source_open(two, servers, monkeypatch):
    drain = PoolSwap.drain

    def crash_and_drain(self):
        servers.copy.stop("immediate")
        drain(self)

    monkeypatch.setattr(PoolSwap, "drain", crash_and_drain)
    two.start()
    swap = approved(two)
    assert ended(two, swap)[0] == "FAILED"
    for database in (two.database, two.second):
        two.application("update account set n = 8", database)
    servers.copy.start()
    monkeypatch.undo()
    two.until("both pools", two.all_replicate)


def test_a_decided_swap_is_completed_although_the_copy_crashed_too(replicating, servers):
    swap = die_after(replicating, "open_secondary")
    crash(replicating, servers.copy)
    replicating.start()
    replicating.until("somebody to be told", lambda: replicating.pair.phase_detail == "E")
    servers.copy.start()
    assert ended(replicating, swap) == ("COMPLETE", "")
    replicating.reconnect()
    replicating.database.copy.execute("update account set n = 2")
    replicating.until_equal()
    assert content(replicating.database.source)["public.account"][0] == "(1,2)"


def test_after_the_decision_every_database_opens_on_the_copy_although_the_source_is_gone(two, servers):
    """The source comes back fenced. It must not take a write, and it has to follow."""
    swap = die_after(two, "open_secondary")  # of the first database; the second is still read-only
    crash(two, servers.source)
    two.start()
    assert ended(two, swap) == ("COMPLETE", "")
    assert two.pair.swapped and two.pair.phase == "SYNC"
    copy = two.second.copy
    for database in (two.database, two.second):
        assert not blocked.is_blocked(copy, database.name)
    copy.execute("update account set n = 9 where id < 10")
    two.until("the list", lambda: two.pool_of(two.second).tracked_rows == 9)
    assert (two.pool_of(two.second).state, two.pool_of(two.second).reason) == ("TRACKING", 266)
    servers.source.start()
    two.until("both pools", two.all_replicate)
    with connect(two.second.source_conninfo, "test", search_path="public") as source:
        two.until("the rows", lambda: content(source) == content(copy))
        assert "(1,9)" in content(source)["public.account"]
        for database in (two.database, two.second):
            assert blocked.is_blocked(source, database.name)
        assert slot.find(source, two.pool_of(two.second).slot(reverse=False)) is None
