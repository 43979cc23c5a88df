import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from nodes.postgres.connect import connect, one, wait_until
from tests.engine import accounts
from tests.engine_swap import approved, ended
from tracking.models import CompareResult, CompareRun, CompareSchedule

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


def finished(engine, run: CompareRun) -> CompareRun:
    """The compare as it is when it has ended."""
    engine.until("the compare", lambda: over(run))
    return CompareRun.objects.get(pk=run.pk)


@pytest.fixture
def several(engine):
    """An ACTIVE pair with tables in two schemas, and a row that differs."""
    engine.database.source.execute(accounts(3000))
    engine.database.source.execute("create schema billing; create table billing.bill (id int primary key)")
    engine.database.source.execute("create table notes (body text); insert into notes values ('a')")
    engine.migrate()
    engine.database.copy.execute("update account set n = 99 where id = 7")
    return engine


@pytest.mark.parametrize(
    "scope, compared, verdict",
    [
        ({}, ["account", "bill", "notes"], "DIFFERENT"),
        ({"schema": "billing"}, ["bill"], "EQUAL"),
        ({"schema": "public", "name": "account"}, ["account"], "DIFFERENT"),
        ({"schema": "public", "name": "nobody"}, ["nobody"], "NOT COMPARABLE"),
        ({"schema": "nowhere"}, [], "NOT COMPARABLE"),
    ],
)
def test_a_compare_is_of_what_was_asked_for(several, scope, compared, verdict):
    run = finished(several, CompareRun.request(several.pool, by="olga", **scope))
    assert [result.name for result in run.results.order_by("name")] == compared
    assert (run.verdict, run.tables, run.tables_done) == (verdict, len(compared), len(compared))
    assert run.rows == (0 if verdict == "NOT COMPARABLE" or compared == ["bill"] else 3000 + (not scope))
    assert bool(run.message) is (not compared)
    said = several.pair.messages.filter(code="CONFLICT", text__contains="1 table differs between the nodes")
    if verdict == "DIFFERENT":  # said once the verdict is there
        several.until("the message", said.exists)
    assert said.exists() is (verdict == "DIFFERENT")


def test_a_row_that_differed_is_compared_again_alone_and_proves_nothing_of_its_table(several):
    full = finished(several, CompareRun.request(several.pool))
    [difference] = full.results.get(name="account").differences
    assert (difference["key"], difference["differs"]) == ("{7}", ["n"])
    several.database.copy.execute("update account set n = 0 where id = 7")
    again = finished(
        several, CompareRun.request(several.pool, schema="public", name="account", keys=[difference["key"]])
    )
    assert (again.verdict, again.rows, again.of) == ("EQUAL", 1, "1 row of public.account")
    assert again.results.get().written == -1  # a role swap compares the table as a whole


def test_a_compare_shows_how_far_it_is_and_can_be_stopped(engine):
    """Each locked table is waited for."""
    names = [f"account{number}" for number in range(TABLES)]
    for name in names:
        engine.database.source.execute(accounts(500).replace("account", name))
    engine.migrate()
    with connect(engine.database.copy_conninfo, "x", autocommit=False) as holder:
        for name in names[4:]:
            holder.execute(f"lock table public.{name}")
        run = CompareRun.request(engine.pool, by="olga")
        engine.until("its progress", lambda: CompareRun.objects.get(pk=run.pk).tables_done > 0, 20)
        run.refresh_from_db()
        assert run.tables == TABLES and run.standing.value == "RUNNING"
        run.stop("oskar")
        run = finished(engine, run)
    assert (run.verdict, run.stopped_by, run.standing.value) == ("", "oskar", "STOPPED")
    assert run.tables_done == run.results.count() < TABLES
    engine.stop()
    engine.start()
    next_one = finished(engine, CompareRun.request(engine.pool))
    assert (next_one.verdict, next_one.tables_done) == ("EQUAL", TABLES) and CompareRun.objects.count() == 2


def test_a_compare_that_is_due_is_asked_for_by_the_engine(replicating):
    CompareSchedule.put(replicating.pair, "olga", every_hours=1)
    CompareSchedule.objects.update(set_at=timezone.now() - timedelta(hours=1))
    replicating.until("the compare", CompareRun.objects.filter(verdict="EQUAL", why="SCHEDULE").exists)
    assert CompareRun.objects.count() == 1
    assert replicating.pair.messages.filter(text__contains="by the schedule, every hour").exists()
