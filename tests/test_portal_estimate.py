"""What is said about figures over time follows from the samples there are, and from nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from tracking.estimate import Estimate, estimate, worst
from tracking.series import Rates, Sample, behind, unbroken, with_rates

NOW = datetime(2026, 11, 26, 22, 0, tzinfo=UTC)


def before(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def owed(*figures: float, every: int = 5) -> list[tuple[datetime, float]]:
    """The last one is what is owed now."""
    return [(before(every * n), figure) for n, figure in reversed(list(enumerate(reversed(figures))))]


def sample(seconds: float, written: int = 0, read: int | None = 0, **values) -> Sample:
    given = {"on_copy": False, "state": "ACTIVE", "detail": "", "held": None, "rows": 0, **values}
    return Sample(at=before(seconds), written=written, read=read, **given)


def test_what_shrinks_has_an_end():
    found = estimate(owed(1_000, 900, 800, 700, 600), allowed=100)
    assert (found.verdict, found.rate, found.seconds) == ("SHRINKING", pytest.approx(-20), pytest.approx(25))
    assert (found.owed, found.since) == (600, before(20))


@pytest.mark.parametrize("figures", [(100, 200, 300, 400), (400, 400, 400, 400), (10**9 + 3, *[10**9] * 4)])
def test_what_grows_or_hardly_shrinks_is_not_reachable(figures):
    found = estimate(owed(*figures), allowed=50)
    assert (found.verdict, found.seconds) == ("NOT REACHABLE", None) and found.rate is not None


def test_little_enough_is_ready_even_while_it_grows():
    found = estimate(owed(10, 20, 30, 40), allowed=40)
    assert (found.verdict, found.seconds, found.rate) == ("READY", 0, pytest.approx(2))


@pytest.mark.parametrize("figures", [(), (900,), (900, 800, 700)])
def test_too_few_samples_tell_nothing(figures):
    found = estimate(owed(*figures), allowed=100)
    assert (found.verdict, found.seconds, found.rate) == ("UNKNOWN", None, None)


def test_many_samples_of_one_moment_tell_nothing():
    assert estimate([(before(n / 100), 900 - n) for n in range(9, -1, -1)], allowed=1).verdict == "UNKNOWN"


def test_only_the_last_two_minutes_count():
    long_ago = [(before(seconds), 10_000.0) for seconds in range(600, 130, -10)]
    found = estimate([*long_ago, *owed(100, 110, 120, 130, every=20)], allowed=50)
    assert (found.verdict, found.rate, found.since) == ("NOT REACHABLE", pytest.approx(0.5), before(60))


def test_one_large_transaction_does_not_turn_the_estimate_round():
    found = estimate(owed(900, 850, 800, 750, 700, 650, 600, 550, 920), allowed=100)
    assert found.verdict == "SHRINKING"


def test_the_pool_that_is_last_decides_for_the_pair():
    ready, soon, later, never = (
        Estimate("READY", seconds=0.0), Estimate("SHRINKING", seconds=30.0),
        Estimate("SHRINKING", seconds=90.0), Estimate("NOT REACHABLE"),
    )  # fmt: skip
    assert worst([ready, soon, later]) is later
    assert worst([later, never, Estimate("UNKNOWN")]) is never
    assert worst([soon, Estimate("UNKNOWN")]).verdict == "UNKNOWN"
    assert worst([ready]) is ready and worst([]).verdict == "UNKNOWN"


def test_rates_are_between_neighbours_and_gaps_stay_gaps():
    taken = [sample(60, 0, 0), sample(55, 500, 100), sample(20, 9_000, 9_000), sample(15, 9_100, 9_050)]
    found = list(with_rates(taken, NOW))
    assert [rates for _, rates in found] == [
        Rates(None, None), Rates(100, 20), Rates(None, None), Rates(None, None), Rates(20, 10),
    ]  # fmt: skip
    assert [at for at, (here, _) in enumerate(found) if here is None] == [2]


def test_samples_of_two_servers_are_not_compared():
    taken = [sample(10, 900, 900), sample(5, 50, 40, on_copy=True)]
    assert [here for here, _ in with_rates(taken, NOW)] == [taken[0], None, taken[1]]


def test_a_log_that_went_back_has_no_rate():
    assert [rates for _, rates in with_rates([sample(10, 900, 900), sample(5, 50, 40)], NOW)] == [
        Rates(None, None)
    ] * 2


def test_samples_older_than_an_hour_are_a_minute_apart_without_a_gap():
    old = [sample(7_200, 0), sample(7_140, 60), sample(6_900, 120)]
    assert [here for here, _ in with_rates(old, NOW)] == [old[0], old[1], None, old[2]]


def test_what_was_before_a_gap_or_another_state_is_left_out():
    taken = [sample(40), sample(15, state="TRACKING"), sample(10), sample(5), sample(0)]
    assert unbroken(taken, NOW) == taken[2:]
    assert unbroken([sample(5, detail="SYNCHRONIZING"), sample(0)], NOW) == [sample(0)]
    assert unbroken(taken, NOW, any_state=True) == taken[1:]
    assert unbroken([sample(90), sample(60), sample(0)], NOW) == [sample(0)]
    assert unbroken(taken, NOW + timedelta(minutes=1)) == [] and unbroken([], NOW) == []


def test_the_age_of_the_lag_is_when_the_log_ended_there():
    taken = [sample(15, 1_000), sample(10, 2_000), sample(5, 4_000), sample(0, 5_000, 3_000)]
    assert behind(taken) == pytest.approx(7.5)
    assert behind([*taken[:-1], sample(0, 5_000, 5_000)]) == 0
    assert behind([*taken[:-1], sample(0, 5_000, 999)]) is None
    assert behind([*taken[:-1], sample(0, 5_000, None)]) is None and behind([]) is None
    assert behind([sample(5, 4_000), sample(0, 4_000, 4_000)]) == 0
