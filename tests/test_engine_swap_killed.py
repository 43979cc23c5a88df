import psycopg
import pytest
from django.db import OperationalError

from nodes.models import SwapRequest
from nodes.postgres import blocked, slot
from nodes.postgres.connect import wait_until
from nodes.postgres.fence import is_open
from tests.engine_swap import approved, cluster, die_after, ended, ready_to_swap
from tracking.engine import outcome
from tracking.mirror.swap import SwapRefused
from tracking.models import JournalEntry


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE, its engine stopped, a role swap approved."""
    return ready_to_swap(engine)


@pytest.mark.parametrize("step", ["prepare", "approach", "close_primary", "drain"])
def test_an_engine_killed_before_the_decision_leaves_the_source_the_primary(replicating, step):
    swap = die_after(replicating, step)
    assert swap.state == "RUNNING"
    assert blocked.is_blocked(replicating.database.copy, replicating.database.name)
    replicating.start()
    assert ended(replicating, swap)[0] == "FAILED"
    replicating.reconnect()
    replicating.application("update account set n = 1 where id < 10; insert into account values (100)")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert not replicating.pair.swapped and replicating.pair.phase == "SYNC"
    assert slot.find(replicating.database.copy, replicating.pool.slot(reverse=True)) is None


@pytest.mark.parametrize("step", ["close_primary", "drain", "decide"])
def test_the_source_opens_by_itself_while_nobody_of_us_lives(replicating, step):
    die_after(replicating, step)
    with cluster(replicating) as outside:
        assert not is_open(outside, replicating.database.name)
        wait_until(lambda: is_open(outside, replicating.database.name), "the guard", seconds=10)
    replicating.application("update account set n = 1")


@pytest.mark.parametrize("step", ["decide", "commit", "open_secondary", "finish"])
def test_an_engine_killed_after_the_decision_has_swapped_the_roles(replicating, step):
    replicating.set(swap_budget_ms=20_000)  # longer than another engine needs to come
    swap = die_after(replicating, step)
    assert swap.state == "COMMITTED"
    replicating.start()
    assert ended(replicating, swap) == ("COMPLETE", "")
    assert replicating.pair.swapped and replicating.pair.phase == "SYNC"
    replicating.reconnect()
    replicating.database.copy.execute("update account set n = 2; insert into account values (200)")
    replicating.until_equal()
    with (
        psycopg.connect(replicating.database.source_conninfo) as app,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        app.execute("insert into public.account values (300)")


def test_a_swap_that_was_decided_goes_back_where_the_guard_was_faster(replicating):
    """Applications have written to the source since: the copy must not be opened any more."""
    swap = die_after(replicating, "decide")
    with cluster(replicating) as outside:
        wait_until(lambda: is_open(outside, replicating.database.name), "the guard", seconds=10)
    replicating.application("update account set n = 5; insert into account values (500)")
    assert swap.state == "COMMITTED"
    replicating.start()
    assert ended(replicating, swap)[0] == "FAILED"
    assert not replicating.pair.swapped
    replicating.reconnect()
    assert blocked.is_blocked(replicating.database.copy, replicating.database.name)
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert replicating.database.copy.execute("select n from account where id = 500").fetchone()


def test_a_decision_whose_answer_is_lost_is_taken_back(replicating, monkeypatch):
    """It may have been written down all the same: what counts is that nothing was opened."""
    decide = outcome.decide

    def lost(request):
        decide(request)
        request.refresh_from_db()
        assert request.state == "COMMITTED"
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(outcome, "decide", lost)
    replicating.start()
    assert ended(replicating, approved(replicating)) == (
        "FAILED", "the server closed the connection unexpectedly"
    )  # fmt: skip
    replicating.reconnect()
    replicating.application("update account set n = 6")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert blocked.is_blocked(replicating.database.copy, replicating.database.name)
    assert slot.find(replicating.database.copy, replicating.pool.slot(reverse=True)) is None


def test_an_engine_that_is_stopped_in_the_swap_ends_it_one_way_or_the_other(replicating):
    replicating.start()
    swap = approved(replicating)
    replicating.until("the swap", lambda: JournalEntry.objects.filter(state="FINAL SYNC").exists())
    replicating.stop()
    replicating.start()
    assert ended(replicating, swap)[0] in ("COMPLETE", "FAILED")
    replicating.reconnect()
    primary = replicating.database.copy if replicating.pair.swapped else replicating.database.source
    primary.execute("update account set n = 4")
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()


def test_two_engines_cannot_both_decide(replicating):
    """The one that hung right before its decision finds that the other has taken the swap back."""
    swap = die_after(replicating, "drain")
    hung = SwapRequest.objects.get(pk=swap.pk)
    replicating.start()
    assert ended(replicating, swap)[0] == "FAILED"
    with pytest.raises(SwapRefused, match="another engine"):
        outcome.decide(hung)
    swap.refresh_from_db()
    assert swap.state == "FAILED"
