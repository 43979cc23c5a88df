import threading

import pytest

from nodes.postgres.connect import connect, one, wait_until
from tests.engine import accounts
from tests.engine_swap import approved, ended
from tracking.models import CompareResult, CompareRun

TABLES = 12


@pytest.fixture
def replicating(engine):
    """A pair that is ACTIVE."""
    engine.database.source.execute(accounts(5000))
    engine.migrate()
    return engine


def over(run: CompareRun) -> bool:
    return CompareRun.objects.get(pk=run.pk).ended_at is not None


def test_a_compare_that_an_engine_did_not_end_is_begun_again(engine):
    """What it had found until then is no verdict on the whole."""
    for number in range(TABLES):
        engine.database.source.execute(accounts(5000).replace("account", f"account{number}"))
    engine.migrate()
    with connect(engine.database.copy_conninfo, "x", autocommit=False) as holder:
        holder.execute("lock table public.account3")
        run = CompareRun.request(engine.pool)
        engine.until("some verdicts", CompareResult.objects.exists)
        engine.stop()
        assert not over(run)
    engine.start()
    engine.until("the compare", lambda: over(run))
    assert CompareResult.objects.filter(run=run, verdict="EQUAL").count() == TABLES


def test_the_compare_of_a_role_swap_is_not_begun_again_by_the_next_engine(replicating):
    """It was of what had changed; nobody has asked for one of everything."""
    replicating.stop()
    swap = approved(replicating)
    replicating.killed_after("tracking.engine.proof._keep")
    replicating.start()
    assert ended(replicating, swap)[0] == "FAILED"
    replicating.until_state("ACTIVE", "REPLICATING")
    run = CompareRun.request(replicating.pool)
    replicating.until("the compare", lambda: over(run))
    assert CompareRun.objects.count() == 2


def test_a_pause_in_the_middle_of_a_compare_makes_no_difference(replicating):
    """What is confirmed in a pause is on the list and not on the copy."""
    copy, source = replicating.database.copy, replicating.database.source
    stop = threading.Event()

    def write() -> None:
        with connect(replicating.database.source_conninfo, "app", search_path="public") as session:
            while not stop.is_set():
                session.execute("update account set n = n + 1")

    with connect(replicating.database.copy_conninfo, "x", autocommit=False) as holder:
        holder.execute("lock table public.account in share mode")  # it can be read, and nothing arrives
        writer = threading.Thread(target=write)
        writer.start()
        try:
            run = CompareRun.request(replicating.pool)
            asked = "select count(*) from pg_stat_activity where application_name = 'mwa compare'"
            replicating.until("the compare", lambda: one(source, asked) > 0)
            replicating.ask("PAUSED")
            replicating.until("the pause", lambda: replicating.pair.phase == "PAUSED")
        finally:
            stop.set()
            writer.join()
        wait_until(lambda: over(run), "the compare", seconds=60)
    result = CompareResult.objects.get(run=run)
    assert (result.verdict, result.different_rows) == ("NOT COMPARABLE", 0), result.differences[:2]
    assert one(copy, "select count(*) from account") == 5000
