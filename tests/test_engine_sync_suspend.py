import pytest

from nodes.postgres import slot
from nodes.postgres.connect import connect, one
from tests.engine import accounts
from tests.mirror import content
from tracking.models import JournalEntry


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE."""
    engine.database.source.execute(accounts(100))
    engine.migrate()
    return engine


def reasons() -> list[int]:
    """The suspends of the pool, by their journal entries."""
    entries = JournalEntry.objects.filter(entry_type="C", state="TRACKING").order_by("id")
    return list(entries.values_list("reason", flat=True))


def test_a_copy_that_crashed_and_came_back_is_brought_up_to_date(replicating, servers):
    source = replicating.database.source
    replicating.database.copy.close()
    servers.copy.stop("immediate")
    source.execute("update account set n = 1 where id <= 10")
    replicating.until_state("TRACKING", "SUSPENDED", 266)
    assert replicating.pool.secondary_state == "BLOCKED"
    source.execute("delete from account where id > 90; insert into account values (1000, 5)")
    servers.copy.start()
    replicating.reconnect()
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert not replicating.pair.messages.filter(text__contains="whole").exists()


def test_a_source_that_crashed_and_came_back_is_followed_again(replicating, servers):
    replicating.database.source.execute("update account set n = 1 where id <= 10")
    replicating.database.source.close()
    servers.source.stop("immediate")
    replicating.until_state("TRACKING", "SUSPENDED", 226)
    servers.source.start()
    replicating.reconnect()
    replicating.database.source.execute("update account set n = 2 where id <= 20")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert not replicating.pair.messages.filter(text__contains="whole").exists()


def test_both_crashed_at_once_and_came_back(replicating, servers):
    replicating.database.source.execute("update account set n = 1")
    for server in (servers.source, servers.copy):
        server.stop("immediate")
    for server in (servers.copy, servers.source):
        server.start()
    replicating.reconnect()
    replicating.database.source.execute("update account set n = n + 1 where id < 50")
    replicating.until_equal()
    replicating.until_state("ACTIVE", "REPLICATING")
    assert not replicating.pair.messages.filter(text__contains="whole").exists()


def test_a_short_absence_is_not_a_suspend(replicating):
    replicating.set(suspend_wait_seconds=60)
    end = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'mwa engine'"
    )
    assert one(replicating.database.copy, end) >= 1
    assert one(replicating.database.source, end) >= 1
    replicating.database.source.execute("update account set n = 3")
    replicating.until_equal()
    assert reasons() == [9000]


def test_an_apply_error_heals_by_itself(replicating):
    replicating.database.copy.execute("insert into account values (500, -1)")
    replicating.database.source.execute("insert into account values (500, 1), (501, 1)")
    replicating.until("the suspend", lambda: 9010 in reasons())
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert "(500,1)" in content(replicating.database.copy)["public.account"]


def test_a_lag_beyond_the_limit_is_cured_by_a_hop(replicating):
    replicating.set(lag_limit_bytes=2_000_000)
    copy = replicating.database.copy
    with copy.transaction():
        copy.execute("lock table account")
        replicating.application("insert into account values (999, 0)")  # for which the apply worker waits
        replicating.database.source.execute(
            "insert into account select i, 0 from generate_series(1000, 40000) i"
        )
        replicating.until("the suspend", lambda: 9020 in reasons())
        with connect(replicating.database.copy_conninfo, "test") as watching:  # else it may apply them yet
            workers = "select count(pid) from pg_stat_subscription where subname = %s"
            name = replicating.pool.slot()
            replicating.until("the end of the stream", lambda: one(watching, workers, (name,)) == 0)
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert replicating.pool.resync_rows > 0


def test_a_slot_that_somebody_dropped_means_everything_whole(replicating):
    source, name = replicating.database.source, replicating.pool.slot()
    slot.drop(source, name)
    source.execute("update account set n = 7 where id = 7; delete from account where id = 8")
    replicating.until("the suspend", lambda: 9030 in reasons())
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert replicating.pool.resync_rows >= 99


def test_a_slot_dropped_while_tracking_means_everything_whole(replicating):
    source, name = replicating.database.source, replicating.pool.slot()
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    slot.drop(source, name)
    source.execute("update account set n = 7 where id = 7")
    replicating.until("a new slot", lambda: slot.find(source, name) is not None)
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_without_auto_resume_a_person_ends_the_suspend(replicating):
    replicating.set(auto_resume=False)
    replicating.database.copy.execute("insert into account values (500, -1)")
    replicating.database.source.execute("insert into account values (500, 1)")
    replicating.until_state("TRACKING", "SUSPENDED", 9010)
    replicating.database.source.execute("update account set n = 9 where id = 9")
    replicating.until("it to be tracked", lambda: replicating.pool.tracked_rows >= 2)
    assert reasons() == [9000, 9010] and replicating.pool.state == "TRACKING"
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_an_apply_worker_that_was_killed_comes_back(replicating):
    copy = replicating.database.copy
    workers = "select pid from pg_stat_subscription where subname = %s"
    assert one(copy, "select pg_terminate_backend(pid) from (" + workers + ") w", (replicating.pool.slot(),))
    replicating.database.source.execute("update account set n = 4")
    replicating.until_equal()
    assert reasons() == [9000]
