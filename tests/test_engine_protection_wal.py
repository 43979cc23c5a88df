import pytest

from nodes.postgres import slot
from nodes.postgres.connect import connect, one, wait_until
from tests.mirror import content
from tracking.models import JournalEntry

ACCOUNT = """
    create table account (id int primary key, n int not null default 0, filler text);
    alter table account alter filler set storage external;
    insert into account select i from generate_series(1, 100) i
"""
WRITE = "update account set n = n + 1, filler = repeat(n::text, 30000)"  # about 3 MB of log
LIMIT = 5_000_000


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE."""
    engine.database.source.execute(ACCOUNT)
    engine.migrate()
    return engine


def suspends() -> list[int]:
    entries = JournalEntry.objects.filter(entry_type="C", state="TRACKING").order_by("id")
    return list(entries.values_list("reason", flat=True))


@pytest.mark.parametrize("goal", ["SYNC", "PAUSED"])
def test_a_slot_that_nobody_can_move_is_given_up_rather_than_filling_the_disk(replicating, goal):
    """A transaction that does not end keeps the log, whoever reads the slot."""
    replicating.ask(goal)
    if goal == "PAUSED":
        replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    source, name = replicating.database.source, replicating.pool.slot()
    replicating.set(wal_limit_bytes=LIMIT, savactwait_seconds=1)
    with connect(replicating.database.source_conninfo, "app", autocommit=False) as forgotten:
        forgotten.execute("create table public.forgotten (id int primary key)")
        for _ in range(4):
            replicating.application(WRITE)
        replicating.until("the slot to be given up", lambda: slot.find(source, name) is None)
        assert 8690 in suspends()
        assert replicating.pair.messages.filter(code="8690").exists()
        replicating.application(WRITE)  # goes on
    if goal == "PAUSED":
        replicating.until_state("TRACKING", "SUSPENDED", 8690)
        assert slot.find(source, name) is None
        replicating.ask("SYNC")
    replicating.set(wal_limit_bytes=2**30)
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_a_log_that_the_capture_works_off_is_not_given_up(replicating):
    source, name = replicating.database.source, replicating.pool.slot()
    replicating.ask("PAUSED")
    replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
    replicating.set(wal_limit_bytes=LIMIT)
    for _ in range(4):
        replicating.application(WRITE)
    replicating.until("the log to go", lambda: slot.find(source, name).held_bytes < LIMIT)
    assert 8690 not in suspends()


def test_a_copy_that_does_not_apply_is_no_reason_to_keep_the_log(replicating):
    """Above the limit the stream gives way to the capture, which lets the log go."""
    source, name = replicating.database.source, replicating.pool.slot()
    replicating.set(wal_limit_bytes=LIMIT, auto_resume=False)
    copy = replicating.database.copy
    with copy.transaction():
        copy.execute("lock table account")
        for _ in range(4):
            replicating.application(WRITE)
        replicating.until_state("TRACKING", "SUSPENDED", 8690)
        replicating.until("the log to go", lambda: slot.find(source, name).held_bytes < LIMIT)
    replicating.ask("SYNC")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_a_slot_that_the_server_gave_up_means_everything_whole(replicating, servers):
    source, name = replicating.database.source, replicating.pool.slot()
    replicating.stop()
    replicating.database.copy.close()
    servers.copy.stop("immediate")  # nobody reads the slot
    source.execute("alter system set max_slot_wal_keep_size = '1MB'")
    try:
        source.execute("select pg_reload_conf()")
        wait_until(lambda: one(source, "show max_slot_wal_keep_size") == "1MB", "the setting", seconds=5)
        for _ in range(3):
            replicating.application(WRITE)
            source.execute("select pg_switch_wal()")
        source.execute("checkpoint")
        assert slot.find(source, name).lost
    finally:
        source.execute("alter system reset max_slot_wal_keep_size")
        source.execute("select pg_reload_conf()")
    servers.copy.start()
    replicating.reconnect()
    replicating.start()
    replicating.until("the suspend", lambda: 9030 in suspends())
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert replicating.pool.resync_rows >= 100
    assert not replicating.pair.messages.filter(code="ERROR").exists()


def test_a_table_that_is_new_when_the_slot_is_lost_joins_all_the_same(replicating):
    source, name = replicating.database.source, replicating.pool.slot()
    replicating.stop()
    slot.drop(source, name)
    replicating.application("create table later (id int primary key); insert into later values (1)")
    replicating.start()
    replicating.until("the slot", lambda: slot.find(source, name) is not None)
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert content(replicating.database.copy)["public.later"] == ["(1)"]


@pytest.mark.parametrize("goal", ["SYNC", "PAUSED"])
def test_an_idle_databases_slot_moves_on_while_another_database_is_busy(replicating, databases, goal):
    """It would hold the log of the whole server."""
    source, name = replicating.database.source, replicating.pool.slot()
    replicating.ask(goal)
    replicating.until("the phase", lambda: replicating.pair.phase == goal)
    busy = databases().source
    busy.execute("create table t (filler text); alter table t alter filler set storage external")
    before = one(source, "select pg_current_wal_lsn()::text")
    for _ in range(5):
        busy.execute("insert into t select repeat('x', 30000) from generate_series(1, 100)")
    moved = (
        "select confirmed_flush_lsn > %s::pg_lsn + 15000000 from pg_replication_slots where slot_name = %s"
    )
    replicating.until("the slot", lambda: one(source, moved, (before, name)), seconds=30)
