import os
import signal

import pytest

from nodes.postgres import slot
from nodes.postgres.connect import one
from tests.mirror import content
from tracking.engine import supervisor
from tracking.models import JournalEntry, TrackedTable

ACCOUNT = """
    create table account (id int primary key, n int not null default 0, filler text);
    alter table account alter filler set storage external;
    insert into account select i from generate_series(1, 100) i
"""


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE."""
    engine.database.source.execute(ACCOUNT)
    engine.migrate()
    return engine


def pause(engine) -> None:
    engine.ask("PAUSED")
    engine.until("the pause", lambda: engine.pair.phase == "PAUSED")
    engine.until_state("TRACKING", "SUSPENDED", 212)


def test_a_pause_keeps_keys_only_and_lets_the_log_go(replicating):
    source, name = replicating.database.source, replicating.pool.slot()
    pause(replicating)
    before, frozen = one(source, "select pg_current_wal_lsn()::text"), content(replicating.database.copy)
    for _ in range(40):
        source.execute("update account set n = n + 1, filler = repeat(n::text, 12000) where id <= 50")
    written = one(source, "select (pg_current_wal_lsn() - %s::pg_lsn)::bigint", (before,))
    assert written > 20_000_000
    replicating.until("the keys", lambda: replicating.pool.tracked_changes >= 2000)
    assert replicating.pool.tracked_rows == 50
    (entry,) = TrackedTable.objects.filter(changes__gt=0)
    assert (entry.table_name, entry.key_columns, entry.keys) == ("account", ["id"], 50)
    replicating.until("the log to go", lambda: slot.find(source, name).held_bytes < 2_000_000)
    replicating.until("the figure", lambda: replicating.pool.wal_held_bytes < 2_000_000)
    assert replicating.pool.secondary_state == "BLOCKED"
    assert content(replicating.database.copy) == frozen
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert replicating.pool.resync_rows == 50
    assert not TrackedTable.objects.filter(changes__gt=0).exists()


def test_pausing_and_starting_twice_is_once(replicating):
    for _ in range(2):
        pause(replicating)
        replicating.database.source.execute("update account set n = n + 1")
    for _ in range(2):
        replicating.ask("SYNC")
        replicating.until_state("ACTIVE", "REPLICATING")
        replicating.until("SYNC", lambda: replicating.pair.phase == "SYNC")
    replicating.until_equal()
    entries = JournalEntry.objects.filter(entry_type="C", state="TRACKING", reason=212)
    assert entries.count() == 1
    phases = JournalEntry.objects.filter(entry_type="M").order_by("id").values_list("state", flat=True)
    assert list(phases) == ["SETUP", "FINAL SETUP", "SYNC", "PAUSED", "SYNC"]


def test_a_pause_that_is_pending_can_be_withdrawn(replicating):
    """A hand-over waits for an open transaction; the pause asked for meanwhile waits for the hand-over."""
    pause(replicating)
    with replicating.waiting_hand_over():
        replicating.ask("PAUSED")
        assert replicating.pair.pending_phase in ("PAUSED", "")
        replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until("SYNC", lambda: replicating.pair.phase == "SYNC")
    replicating.until_equal()
    assert JournalEntry.objects.filter(entry_type="C", reason=212).count() == 1


def test_a_pause_asked_for_during_a_hand_over_comes_after_it(replicating):
    pause(replicating)
    with replicating.waiting_hand_over():
        replicating.ask("PAUSED")
    replicating.until("the pause", lambda: JournalEntry.objects.filter(reason=212).count() == 2)
    replicating.until("PAUSED", lambda: replicating.pair.phase == "PAUSED")


def test_what_a_stopped_portal_did_not_see_arrives(replicating):
    replicating.stop()
    source = replicating.database.source
    source.execute("update account set n = 1 where id < 50; delete from account where id > 95")
    replicating.until_equal()  # the stream needs no portal
    replicating.application("create table later (id int primary key); insert into later values (1)")
    replicating.start()
    replicating.until("the new table", lambda: "public.later" in content(replicating.database.copy))
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_a_portal_stopped_in_a_pause_forgets_nothing(replicating):
    pause(replicating)
    source = replicating.database.source
    source.execute("update account set n = 1 where id < 10")
    replicating.stop()
    source.execute("update account set n = 2 where id > 90; insert into account values (200)")
    replicating.start()
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_a_capture_that_was_killed_in_a_pause_is_started_again(replicating):
    source = replicating.database.source
    pause(replicating)
    source.execute("update account set n = 1 where id <= 10")
    replicating.until("the keys", lambda: replicating.pool.tracked_rows == 10)
    first = capture_pid(replicating)
    os.kill(first, signal.SIGKILL)
    source.execute("update account set n = 1 where id between 11 and 20")
    replicating.until("the keys", lambda: replicating.pool.tracked_rows == 20)
    assert capture_pid(replicating) != first
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def capture_pid(engine) -> int:
    (loop,) = supervisor._supervisor._loops.values()
    return loop._pools[engine.pool.pk].runtime.capture.pid
