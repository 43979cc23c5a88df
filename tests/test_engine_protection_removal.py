import time

import pytest

from nodes.models import Pair
from nodes.postgres import blocked
from nodes.postgres.connect import connect, one, wait_until
from tests.engine_swap import approved, ended
from tests.test_engine_migration import SHOP, catalogs
from tracking.models import JournalEntry, TrackedTable

OURS = """
    select count(*) from pg_stat_activity where datname = current_database()
    and application_name like 'mwa %' and application_name <> 'mwa test'
"""


@pytest.fixture
def clean(engine):
    """A pair that was not started, with what both nodes held before."""
    engine.database.source.execute(SHOP)
    engine.before = catalogs(engine.database.source)
    return engine


def remove(engine) -> None:
    engine.ask("REMOVED")
    wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=40)
    engine.reconnect()


def nothing_is_left(engine) -> None:
    """The definitions that were brought stay on the copy, of ours nothing does on either node."""
    for session in (engine.database.source, engine.database.copy):
        assert catalogs(session) == engine.before
        wait_until(lambda session=session: one(session, OURS) == 0, "our sessions to end", seconds=10)
        session.execute("create table written (id int primary key); drop table written")
    assert not blocked.is_blocked(engine.database.copy, engine.database.name)
    assert not TrackedTable.objects.exists()
    assert JournalEntry.objects.filter(state="NOT MIRRORED").exists()


@pytest.mark.parametrize("step", ["", "INSTALLED", "DEFINED", "COPIED", "INDEXED"])
def test_removing_during_the_system_migration(clean, step):
    clean.start()
    clean.ask("SYNC")
    clean.until("the step", lambda: clean.pool.step in (step, "MIRRORED"))
    remove(clean)
    for session in (clean.database.source, clean.database.copy):
        kept = [name for name in catalogs(session) if not name.startswith("identity")]
        assert kept == [name for name in clean.before if not name.startswith("identity")]
    assert catalogs(clean.database.source) == clean.before


def test_removing_in_a_pause(clean):
    clean.migrate()
    clean.ask("PAUSED")
    clean.until("the pause", lambda: clean.pair.phase == "PAUSED")
    clean.application("update log set line = 'x'")
    remove(clean)
    nothing_is_left(clean)


def test_removing_after_a_swap(clean):
    clean.migrate()
    assert ended(clean, approved(clean)) == ("COMPLETE", "")
    clean.reconnect()
    remove(clean)
    nothing_is_left(clean)
    assert not blocked.is_blocked(clean.database.source, clean.database.name)


def test_removing_after_a_swap_and_back(clean):
    clean.migrate()
    for _ in range(2):
        assert ended(clean, approved(clean)) == ("COMPLETE", "")
    clean.reconnect()
    remove(clean)
    nothing_is_left(clean)


def test_removing_with_an_engine_that_was_stopped_meanwhile(clean):
    clean.migrate()
    clean.stop()
    clean.pair.ask("REMOVED")
    clean.start()
    wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=40)
    nothing_is_left(clean)


def test_removing_while_the_copy_is_down_says_what_it_waits_for(clean, servers):
    clean.set(synchronous=True)
    clean.migrate()
    source = clean.database.source
    clean.until("synchronous commits", lambda: one(source, "show synchronous_standby_names") != "")
    clean.database.copy.close()
    servers.copy.stop("immediate")
    clean.ask("REMOVED")
    waits = clean.pair.messages.filter(text__startswith="Removing waits")
    clean.until("it to say so", waits.exists)
    assert str(servers.copy.directory) in waits.first().text
    wait_until(lambda: catalogs(source) == clean.before, "the source to be free", seconds=10)
    assert one(source, "show synchronous_standby_names") == ""
    with connect(clean.database.source_conninfo, "app", synchronous_commit="on") as session:
        session.execute("update public.log set line = 'while the copy is down'")
    servers.copy.start()
    wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=40)
    clean.reconnect()
    nothing_is_left(clean)


def test_removing_lets_no_application_wait_behind_it(clean):
    """Taking back a replica identity needs a lock that a report which runs for hours does not give away."""
    clean.migrate()
    with connect(clean.database.source_conninfo, "x", autocommit=False) as report:
        report.execute("select count(*) from public.log")
        clean.ask("REMOVED")
        clean.until("it to say so", clean.pair.messages.filter(text__startswith="Removing waits").exists)
        for _ in range(10):
            began = time.monotonic()
            clean.application("update log set line = 'meanwhile'")
            assert time.monotonic() - began < 4
    wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=40)
    clean.reconnect()
    nothing_is_left(clean)


def test_a_pair_that_was_removed_can_be_made_again(clean):
    clean.migrate()
    source, copy = clean.pair.source, clean.pair.copy
    remove(clean)
    made = Pair.objects.create(name="moving", source=source, copy=copy, savactwait_seconds=5)
    made.pools.create(database=clean.database.name)
    clean.ask("SYNC")
    clean.until("the refusal", lambda: clean.pair.phase_detail == "E")
    assert "public.customer" in clean.pair.detail_text or "not empty" in clean.pair.detail_text
    clean.database.copy.execute("drop schema public cascade; create schema public")
    clean.migrate()
    clean.until_equal()


def test_what_an_application_did_to_a_replica_identity_stays(clean):
    """Only what we changed is taken back."""
    clean.database.source.execute("alter table purchase replica identity full")
    clean.before = catalogs(clean.database.source)
    clean.migrate()
    remove(clean)
    nothing_is_left(clean)
