import pytest
from django.core.exceptions import PermissionDenied

from nodes.models import SwapRequest
from nodes.postgres import blocked, slot
from nodes.postgres.connect import connect, one, wait_until
from tests.engine_swap import approved, ended, shop_clients
from tests.mirror import content
from tests.test_swap import LEDGER
from tracking.models import JournalEntry
from tracking.swap_outlook import estimate, write_gap_ms


@pytest.fixture
def replicating(engine, servers):
    """A pair that is ACTIVE, with a role for applications."""
    for server in (servers.source, servers.copy):
        with connect(server.conninfo(), "test") as admin:
            if not one(admin, "select 1 from pg_roles where rolname = 'shopper'"):
                admin.execute("create role shopper login")
    engine.database.source.execute(LEDGER + "; grant all on all tables in schema public to shopper")
    engine.migrate()
    return engine


def test_swap_and_swap_back_under_load_lose_nothing(replicating):
    before = set(slots(replicating))
    with shop_clients(replicating) as clients:
        clients.more(100)
        assert ended(replicating, approved(replicating)) == ("COMPLETE", "")
        replicating.reconnect()
        assert replicating.pair.swapped and replicating.pair.phase == "SYNC"
        assert blocked.is_blocked(replicating.database.source, replicating.database.name)
        assert not blocked.is_blocked(replicating.database.copy, replicating.database.name)
        clients.more(100)
        assert ended(replicating, approved(replicating)) == ("COMPLETE", "")
        clients.more(100)
    replicating.reconnect()
    assert not replicating.pair.swapped
    replicating.until_equal()
    rows = {row[0] for row in replicating.database.source.execute("select id from ledger")}
    assert clients.acknowledged <= rows
    assert set(slots(replicating)) == before
    assert [step["name"] for step in SwapRequest.objects.first().steps][-1] == "reverse stream started"
    phases = JournalEntry.objects.filter(entry_type="M").order_by("id").values_list("state", flat=True)
    assert list(phases)[3:] == ["FINAL SYNC", "FINAL SYNC", "SYNC CMPLT", "SWAPPING", "SYNC"] * 2


def slots(engine) -> list[str]:
    names = "select slot_name from pg_replication_slots where database = current_database()"
    return [
        f"{end} {row[0]}"
        for end, session in (("source", engine.database.source), ("copy", engine.database.copy))
        for row in session.execute(names)
    ]


def test_nobody_approves_his_own_swap(replicating):
    request = approved(replicating, approve=False)
    with pytest.raises(PermissionDenied, match="his own"):
        request.approve(request.requested_by, request.digest)
    replicating.application("insert into ledger values (1, 1)")
    replicating.until_equal()
    assert SwapRequest.objects.get().state == "REQUESTED" and not replicating.pair.swapped


def test_a_plan_that_was_changed_after_the_approval_is_void(replicating):
    replicating.stop()
    request = approved(replicating)
    replicating.set(swap_budget_ms=9_999)
    replicating.start()
    assert ended(replicating, request) == ("VOID", "the plan has changed since it was approved")
    replicating.application("insert into ledger values (1, 1)")
    replicating.until_equal()


def test_a_long_transaction_is_named_and_the_source_stays_open(replicating):
    replicating.set(swap_budget_ms=500)
    with connect(replicating.database.source_conninfo, "x", autocommit=False) as long:
        long.execute("set application_name = 'nightly'")
        long.execute("insert into public.ledger values (1, 1)")
        age = "select clock_timestamp() - xact_start > interval '0.6 s' from pg_stat_activity where pid = %s"
        pid = (long.info.backend_pid,)
        source = replicating.database.source
        wait_until(lambda: one(source, age, pid), "it to be older than the budget", seconds=10)
        state, why = ended(replicating, approved(replicating))
        assert state == "FAILED" and "nightly" in why and "budget of 0.5 s" in why
        long.execute("insert into public.ledger values (2, 1)")
        long.commit()
    back_to_normal(replicating)


def test_a_difference_is_found_and_named_and_the_source_stays_open(replicating):
    replicating.application("insert into ledger values (1, 1)")
    replicating.until_equal()
    replicating.database.copy.execute("update ledger set writer = 2")
    state, why = ended(replicating, approved(replicating))
    assert state == "FAILED" and "the nodes differ: public.ledger" in why
    replicating.application("update ledger set writer = 3")  # heals it
    back_to_normal(replicating)


def test_a_definition_changed_right_before_the_fence_ends_the_swap(replicating):
    """It is not on the copy; opened there, applications would find a database without it."""
    replicating.stop()
    replicating.application("create table later (id int primary key); insert into later values (1)")
    request = approved(replicating)
    replicating.start()
    state, why = ended(replicating, request)
    if state == "FAILED":
        assert "later" in why
    replicating.reconnect()
    replicating.until_state("ACTIVE", "REPLICATING")
    replicating.until_equal()
    assert content(replicating.database.copy)["public.later"] == ["(1)"]


def back_to_normal(engine) -> None:
    """The source open and the primary, everything mirrored as before, nothing of the swap left."""
    engine.until_state("ACTIVE", "REPLICATING")
    engine.reconnect()
    engine.application("insert into ledger values (500, 5)")
    engine.until_equal()
    assert not engine.pair.swapped
    assert blocked.is_blocked(engine.database.copy, engine.database.name)
    assert slot.find(engine.database.copy, engine.pool.slot(reverse=True)) is None


def test_the_steps_of_a_swap_are_shown_while_it_runs(replicating):
    """The slot of the way back waits for the transactions that run on the secondary."""
    with connect(replicating.database.copy_conninfo, "app", autocommit=False) as application:
        application.execute("set transaction read write")
        application.execute("select pg_current_xact_id()")
        swap = approved(replicating)

        def under_way() -> list[str]:
            swap.refresh_from_db()
            return [step["name"] for step in swap.steps if step.get("under_way")]

        replicating.until("a step that is under way", lambda: under_way() == ["way back prepared"])
        assert swap.state == "RUNNING" and write_gap_ms(swap) is None
        application.commit()
    assert ended(replicating, swap) == ("COMPLETE", "")
    assert not any("under_way" in step for step in swap.steps)
    gap = write_gap_ms(swap)
    assert gap is not None and 0 < gap < replicating.pair.swap_budget_ms
    assert estimate(replicating.pair).gap_ms == gap
