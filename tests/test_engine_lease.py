"""Which engine has a pair: one that does not know yet that it is another's, and one that ends."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from mwaportal.portaldb import portal_conninfo
from nodes.models import Pair
from nodes.postgres.connect import connect, one, wait_until
from tests.engine import accounts
from tests.test_engine_sync_pause import capture_pid
from tracking.engine import supervisor
from tracking.engine.pairloop import PairLoop
from tracking.engine.poolruntime import PoolRuntime
from tracking.engine.supervisor import Supervisor
from tracking.mirror import subscription


@pytest.fixture
def paused(engine):
    """A pair that is paused."""
    engine.database.source.execute(accounts(100))
    engine.migrate()
    engine.ask("PAUSED")
    engine.until("the pause", lambda: engine.pair.phase == "PAUSED")
    return engine


def taken_by_another() -> None:
    Pair.objects.update(lease_owner="another", lease_until=timezone.now() + timedelta(seconds=300))


def test_a_hand_over_whose_engine_has_lost_the_pair_is_not_completed(paused):
    """The other one's capture would list changes that this one then tears off."""
    (steps,) = next(iter(supervisor._supervisor._loops.values()))._pools.values()
    with paused.waiting_hand_over():
        taken_by_another()
    wait_until(lambda: not steps.is_alive(), "the engine to let go", seconds=30)
    assert paused.pair.messages.filter(code="844").count() == 1  # of the system migration
    found = subscription.find(paused.database.copy, paused.pool.slot())
    assert found is None or not found.enabled
    paused.stop()
    Pair.objects.update(lease_until=None)
    paused.start()
    paused.until_state("ACTIVE", "REPLICATING")
    paused.until_equal()


def test_a_slot_is_taken_from_the_capture_of_an_engine_that_hangs(paused):
    paused.stop()
    pool = paused.pool
    hanging = PoolRuntime(pool, "hanging")
    hanging.ensure_capture()
    paused.start()
    paused.database.source.execute("update account set n = 1 where id <= 10")
    paused.until("the list", lambda: paused.pool.tracked_rows == 10)
    assert capture_pid(paused) != hanging.capture.pid and not hanging.capturing
    hanging.close()
    paused.ask("SYNC")
    paused.until_state("ACTIVE", "REPLICATING")
    paused.until_equal()
    assert one(paused.database.copy, "select count(*) from account where n = 1") == 10


def test_a_pair_that_is_still_at_work_is_not_given_to_another_engine(paused):
    owner = paused.pair.lease_owner
    paused.set(savactwait_seconds=30)
    with paused.waiting_hand_over():
        supervisor.stop(0.1)
        assert paused.pair.lease_owner == owner
    Pair.objects.update(lease_until=None)
    paused.start()
    paused.until_state("ACTIVE", "REPLICATING")


def test_an_engine_that_has_ended_is_at_no_pair(engine):
    """Also where it was just taking one when it was told to end."""
    with connect(portal_conninfo(), "test", search_path="public", autocommit=False) as holder:
        holder.execute("lock table nodes_pair in exclusive mode")
        engine.start()
        wait_until(
            lambda: one(holder, "select exists (select from pg_locks where not granted)"),
            "the engine to take the pair",
            seconds=20,
        )
        told = supervisor._supervisor._ended
        ending = threading.Thread(target=supervisor.stop)
        ending.start()
        wait_until(told.is_set, "the engine to hear of it", seconds=20)
        holder.commit()
    ending.join(60)
    assert not ending.is_alive() and engine.pair.lease_owner == ""
    assert not [each.name for each in threading.enumerate() if isinstance(each, Supervisor | PairLoop)]
