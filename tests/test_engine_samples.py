"""A pool's figures are kept as they were, while it is active and while it is tracking."""

from datetime import timedelta

import pytest
from django.utils import timezone

from nodes.postgres.connect import one
from tests.portal import make_pair
from tests.test_engine_sync_pause import ACCOUNT, pause
from tracking.engine import measure
from tracking.models import PoolSample, set_state
from tracking.series import unbroken


@pytest.fixture
def sampled(engine, monkeypatch):
    """A pair that is ACTIVE, with a sample every second."""
    monkeypatch.setattr(measure, "EVERY", timedelta(0))
    engine.database.source.execute(ACCOUNT)
    engine.migrate()
    return engine


def latest(engine):
    return PoolSample.objects.filter(pool=engine.pool).latest("at")


def test_samples_say_what_was_written_and_how_much_of_it_has_been_applied(sampled):
    source = sampled.database.source
    sampled.until("a sample", lambda: PoolSample.objects.filter(state="ACTIVE").exists())
    first = latest(sampled)
    source.execute("update account set filler = repeat(n::text || id, 2000)")
    here = one(source, "select (pg_current_wal_lsn() - '0/0')::bigint")
    assert here - first.written > 200_000
    sampled.until("all to be applied", lambda: latest(sampled).read >= here)
    last = latest(sampled)
    assert (last.state, last.detail, last.on_copy, last.tracked_rows) == ("ACTIVE", "REPLICATING", False, 0)
    assert last.written >= last.read >= here and last.wal_held_bytes > 0


def test_samples_go_on_while_tracking_and_stop_with_the_primary(sampled, servers):
    pause(sampled)
    sampled.database.source.execute("update account set n = n + 1 where id <= 50")
    sampled.until("the rows", lambda: latest(sampled).tracked_rows == 50)
    assert (latest(sampled).state, latest(sampled).detail) == ("TRACKING", "SUSPENDED")
    sampled.ask("SYNC")
    sampled.until_state("ACTIVE", "REPLICATING")
    sampled.until("the list to be empty", lambda: latest(sampled).tracked_rows == 0)
    servers.source.stop("immediate")
    stopped_at = timezone.now()
    sampled.until_state("TRACKING", "SUSPENDED", 226)
    assert not PoolSample.objects.filter(at__gt=stopped_at).exists()
    servers.source.start()
    sampled.reconnect()
    sampled.until_state("ACTIVE", "REPLICATING")
    sampled.until("samples again", lambda: latest(sampled).at > stopped_at)


@pytest.mark.django_db
def test_old_samples_are_thinned_and_very_old_ones_forgotten():
    pair = make_pair()
    pool, other = pair.pools.get(), make_pair("crm").pools.get()
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    set_state(pool, "ACTIVE", "REPLICATING")
    ages = [*range(0, 600, 5), *range(7_200, 7_380, 5), *range(180_000, 180_060, 5)]
    for mine in (pool, other):
        for age in ages:
            mine.measured_at = now - timedelta(seconds=age)
            PoolSample.take(mine, written=10_000 - age, read=None)
    PoolSample.prune(pool, now)
    left = PoolSample.between(pool, now - timedelta(days=9), now)
    assert [int((now - sample.at).total_seconds()) for sample in left] == [
        *(7_375, 7_320, 7_260, 7_200), *range(595, -1, -5),
    ]  # fmt: skip
    assert other.samples.count() == len(ages)
    assert len(unbroken(left, now)) == 120
