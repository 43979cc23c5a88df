"""Compares that nobody has to ask for."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError

from nodes.models import SwapRequest
from tests.portal import make_pair, make_people, make_root, make_synchronizing_pair
from tracking.models import CompareRun, CompareSchedule, FileCompare, set_state

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)  # on this day clocks are changed in Europe


@pytest.fixture
def pair():
    return make_synchronizing_pair()


def put(pair, at=NOON, **given) -> CompareSchedule:
    schedule = CompareSchedule.put(pair, "olga", **given)
    CompareSchedule.objects.update(set_at=at)
    schedule.refresh_from_db()
    return schedule


def test_every_so_many_hours_from_when_it_was_set(pair):
    schedule = put(pair, every_hours=6)
    assert schedule.next_due == NOON + timedelta(hours=6) and str(schedule) == "every 6 hours"


@pytest.mark.parametrize("at, day", [(time(12, 0), 30), (time(13, 30), 29), (time(11, 59), 30)])
def test_daily_at_a_time_in_utc(pair, at, day):
    assert put(pair, daily_at=at).next_due == datetime(2026, 3, day, at.hour, at.minute, tzinfo=UTC)


def test_what_is_due_is_asked_for_once_in_every_pool_and_root(pair):
    make_root(pair)
    schedule = put(pair, every_hours=1)
    assert not schedule.ask(NOON + timedelta(minutes=59)) and not CompareRun.objects.exists()
    assert schedule.ask(NOON + timedelta(minutes=60))
    assert CompareRun.objects.get().why == "SCHEDULE" and FileCompare.objects.get().content is False
    assert not schedule.ask(NOON + timedelta(minutes=61)) and CompareRun.objects.count() == 1


def test_times_that_were_missed_are_not_made_up_for(pair):
    schedule = put(pair, every_hours=2)
    assert schedule.ask(NOON + timedelta(hours=9))
    assert schedule.next_due == NOON + timedelta(hours=10)


def test_a_compare_waits_until_all_of_the_pair_is_in_step(pair):
    schedule, late = put(pair, every_hours=1), NOON + timedelta(hours=3)
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 266)
    assert schedule.waits_for(late) == "*SYSBAS is TRACKING SUSPENDED; needed is ACTIVE REPLICATING"
    assert not schedule.ask(late) and not CompareRun.objects.exists()
    set_state(pair.pools.get(), "ACTIVE", "REPLICATING")
    assert schedule.ask(late)


def test_none_is_asked_for_while_a_role_swap_is_under_way(pair):
    people = make_people()
    swap = SwapRequest.request(pair, people["olga"])
    schedule, late = put(pair, every_hours=1), NOON + timedelta(hours=3)
    assert schedule.waits_for(late) == ""
    swap.approve(people["artur"], swap.digest)
    assert "role swap is under way" in schedule.waits_for(late) and not schedule.ask(late)


def test_one_that_is_under_way_is_as_good(pair):
    run = CompareRun.request(pair.pools.get(), by="olga")
    assert put(pair, every_hours=1).ask(NOON + timedelta(hours=1))
    assert CompareRun.objects.get() == run


def test_a_schedule_has_one_rhythm(pair):
    for given in ({}, {"every_hours": 1, "daily_at": time(1)}):
        with pytest.raises(ValidationError, match="either a number of hours or a time of the day"):
            CompareSchedule.put(pair, "olga", **given)
    with pytest.raises(ValidationError, match="less than or equal to 744"):
        CompareSchedule.put(pair, "olga", every_hours=745)
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        CompareSchedule.put(pair, "olga", every_hours=0)


def test_a_schedule_replaces_the_one_before_it(pair):
    put(pair, every_hours=1)
    put(pair, daily_at=time(3, 5), content=True)
    assert str(CompareSchedule.objects.get()) == "daily at 03:05 UTC"


def test_a_compare_that_was_not_begun_is_stopped_at_once_and_any_only_once(pair):
    run = CompareRun.request(pair.pools.get(), by="olga")
    run.stop("oskar")
    run.refresh_from_db()
    assert run.ended_at and run.standing.value == "STOPPED"
    with pytest.raises(ValidationError, match="has ended already"):
        run.stop("olga")
    assert not run.begin()
    other = CompareRun.request(pair.pools.get())
    assert other.begin()
    other.stop("oskar")
    other.refresh_from_db()
    assert other.standing.value == "STOPPING" and not other.ended_at
    with pytest.raises(ValidationError, match="being stopped by oskar"):
        other.stop("olga")


@pytest.mark.parametrize(
    "given, said",
    [
        ({"name": "orders"}, "without its schema"),
        ({"schema": "ä" * 64}, "64 characters; needed are at most 63"),
        ({"schema": "s", "name": "a\0b"}, "at most 63"),
    ],
)
def test_a_scope_that_there_cannot_be_is_refused(pair, given, said):
    with pytest.raises(ValidationError, match=said):
        CompareRun.request(pair.pools.get(), **given)
    assert not CompareRun.objects.exists()


def test_the_verdict_of_a_compare_is_the_worst_of_its_tables(pair):
    pool = pair.pools.get()
    for verdicts, worst in (
        (["EQUAL", "NOT COMPARABLE", "DIFFERENT"], "DIFFERENT"),
        (["EQUAL", "NOT COMPARABLE"], "NOT COMPARABLE"),
        (["EQUAL"], "EQUAL"),
        ([], "NOT COMPARABLE"),
    ):
        run = CompareRun.objects.create(pool=pool)
        for number, verdict in enumerate(verdicts):
            run.results.create(schema="public", name=f"t{number}", verdict=verdict)
        run.end()
        assert run.verdict == worst
    swap = CompareRun.objects.create(pool=pool, why="SWAP")
    swap.end()
    assert swap.verdict == "EQUAL"  # nothing was written since


def test_a_pool_that_is_not_in_step_cannot_be_compared():
    with pytest.raises(ValidationError, match="is NOT MIRRORED; a compare needs ACTIVE REPLICATING"):
        CompareRun.request(make_pair().pools.get())


def test_the_newest_compares_are_kept_and_none_that_has_not_ended(pair):
    pool, now = pair.pools.get(), datetime.now(UTC)
    waiting = CompareRun.objects.create(pool=pool)
    made = CompareRun.objects.bulk_create(CompareRun(pool=pool, ended_at=now) for _ in range(303))
    other = CompareRun.objects.create(pool=make_synchronizing_pair("crm").pools.get(), ended_at=now)
    made[0].results.create(schema="s", name="t", verdict="EQUAL")
    CompareRun.prune(pool.compares.all())
    kept = set(CompareRun.objects.values_list("pk", flat=True))
    assert kept == {waiting.pk, other.pk, *(run.pk for run in made[3:])}
