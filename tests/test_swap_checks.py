"""What is said before a role swap: what is in the way, what is worth a look, and what it will take."""

from datetime import timedelta

import pytest
from django.utils import timezone

from nodes import swap_checks
from nodes.models import Pair, SwapRequest
from nodes.swap_checks import SwapCheck
from tests.portal import make_people, make_root, make_synchronizing_pair, owe
from tracking import swap_outlook
from tracking.models import (
    CompareRun,
    DefinitionEntry,
    FileCompare,
    Inventory,
    ObjectCount,
    OtherObject,
    set_state,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair():
    return make_synchronizing_pair()


def check(pair: Pair, name: str) -> SwapCheck:
    """One of all that the page shows."""
    pair = Pair.objects.get(pk=pair.pk)
    every = [*swap_checks.conditions(pair), *swap_outlook.notes(pair)]
    [found] = [each for each in every if each.name == name]
    return found


def test_a_pair_in_step_has_nothing_in_its_way(pair):
    make_root(pair)
    found = list(swap_checks.conditions(pair))
    assert len(found) == 8 and {each.verdict for each in found} == {"OK"}
    assert not any(each.refusal or each.way_out for each in found) and pair.in_the_way_of_swap() == ""


def spoil_phase(pair):
    Pair.objects.update(phase="PAUSED")


def spoil_goal(pair):
    Pair.objects.update(goal="PAUSED")


def spoil_pool(pair):
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 266)


def spoil_definitions(pair):
    DefinitionEntry.objects.create(
        pool=pair.pools.get(), number=1, command="CREATE VIEW", state="FAILED", failure="x"
    )


def spoil_lag(pair):
    pair.pools.update(lag_bytes=300 * 2**20)


def spoil_files(pair):
    owe(make_root(pair), b"a", "FAILED", failure="no room")


@pytest.mark.parametrize(
    "spoil, name, seen, needed",
    [
        (spoil_phase, "Phase", "Paused", "Synchronizing"),
        (spoil_goal, "Asked for", "Pause", "Synchronize"),
        (spoil_pool, "Replication of *SYSBAS", "TRACKING SUSPENDED", "ACTIVE REPLICATING"),
        (spoil_definitions, "Definitions of *SYSBAS left", "1", "0"),
        (spoil_lag, "Lag of *SYSBAS", "300 MB", "at most 256 MB"),
        (spoil_files, "Files of IFS 1 left", "1", "0"),
    ],
)
def test_what_is_in_the_way_shows_both_figures_and_the_way_out_and_is_the_refusal(
    pair, spoil, name, seen, needed
):
    spoil(pair)
    found = check(pair, name)
    assert (found.verdict, found.seen, found.needed) == ("IN THE WAY", seen, needed)
    assert found.way_out and found.page
    pair.refresh_from_db()
    assert Pair.objects.get(pk=pair.pk).in_the_way_of_swap() == found.refusal != ""


def test_a_lag_that_nobody_has_measured_is_unknown_and_not_0(pair):
    pair.pools.update(lag_bytes=None, measured_at=None)
    assert (check(pair, "Lag of *SYSBAS").verdict, check(pair, "Lag of *SYSBAS").seen) == (
        "UNKNOWN",
        "unknown",
    )


def test_an_old_measurement_is_no_answer(pair):
    name = "Both nodes of *SYSBAS answer"
    assert check(pair, name).is_ok
    pair.pools.update(measured_at=timezone.now() - timedelta(minutes=2))
    assert check(pair, name).verdict == "WARNING" and "2 min" in check(pair, name).seen


def test_without_an_engine_nobody_would_carry_it_out(pair):
    assert check(pair, "Engine").verdict == "WARNING"
    pair.take_lease("host:1:ab", 10)
    assert check(pair, "Engine").seen == "host holds the lease" and check(pair, "Engine").is_ok


def test_the_last_compare_counts_only_if_it_was_of_everything(pair):
    pool, name = pair.pools.get(), "Last compare of *SYSBAS"
    assert (check(pair, name).seen, check(pair, name).verdict) == ("never", "WARNING")
    at = timezone.now()
    CompareRun.objects.create(pool=pool, verdict="EQUAL", ended_at=at)
    for partial in ({"schema": "s"}, {"schema": "s", "name": "t", "keys": ["{1}"]}, {"why": "SWAP"}):
        CompareRun.objects.create(pool=pool, verdict="DIFFERENT", ended_at=timezone.now(), **partial)
    assert check(pair, name).is_ok and check(pair, name).since == at
    CompareRun.objects.create(pool=pool, verdict="DIFFERENT", ended_at=timezone.now())
    assert check(pair, name).verdict == "WARNING" and pair.in_the_way_of_swap() == ""


def test_a_compare_of_files_without_contents_is_no_proof(pair):
    root = make_root(pair)
    FileCompare.objects.create(root=root, content=False, verdict="EQUAL", ended_at=timezone.now())
    assert check(pair, "Last compare of IFS 1").seen == "never"
    FileCompare.objects.create(root=root, verdict="EQUAL", ended_at=timezone.now())
    assert check(pair, "Last compare of IFS 1").is_ok


def test_a_way_back_without_room_and_objects_that_failed_are_worth_a_look(pair):
    pool = pair.pools.get()
    assert (
        check(pair, "Way back of *SYSBAS").verdict == "UNKNOWN"
        and check(pair, "Sequences").seen == "number unknown"
    )
    Inventory.objects.create(pool=pool, counted_at=timezone.now(), way_back="10 free", way_back_missing="")
    ObjectCount.objects.create(pool=pool, object_type="sequence", count=1200)
    assert check(pair, "Way back of *SYSBAS").seen == "10 free" and check(pair, "Sequences").seen == "1,200"
    Inventory.objects.update(way_back_missing="wal_level of the secondary is replica, needed is logical")
    OtherObject.objects.create(pool=pool, object_type="ROLE", name="r", change="missing", state="FAILED")
    assert check(pair, "Way back of *SYSBAS").verdict == "WARNING"
    assert check(pair, "Other objects of *SYSBAS left").seen == "1"


def swapped(pair, fence: float, state: str = "COMPLETE", files: float = 0) -> SwapRequest:
    steps = [
        ("way back prepared", 900), ("rounds", 400), ("fence", fence), ("proof from the stream", 10),
        ("drain", 20), ("sequences", 15), ("compare", 5), ("open", 5), ("reverse stream started", 300),
    ]  # fmt: skip
    rows = [{"database": "shop", "name": name, "ms": ms, "text": ""} for name, ms in steps]
    rows += [{"database": "/srv/old", "name": "files", "ms": files, "text": ""}] if files else []
    plan = SwapRequest.plan_for(pair)
    return SwapRequest.objects.create(
        pair=pair, plan=plan, digest="", state=state, steps=rows, requested_by_id=make_olga()
    )


def make_olga() -> int:
    from django.contrib.auth.models import User

    return User.objects.get_or_create(username="olga")[0].pk


def test_without_a_role_swap_to_rest_on_the_gap_is_unknown(pair):
    make_people()
    assert swap_outlook.estimate(pair).gap_ms is None
    swapped(pair, 20, "FAILED")
    assert swap_outlook.estimate(pair).gap_ms is None


def test_the_gap_is_what_the_last_swaps_took_from_the_fence_to_the_opening(pair):
    for fence in (10, 20, 60):
        swapped(pair, fence)
    found = swap_outlook.estimate(pair)
    assert (found.gap_ms, found.least_ms, found.most_ms) == (60, 50, 100)
    assert "the last 3 role swaps" in found.basis


def test_files_that_take_longer_than_rows_decide(pair):
    assert swap_outlook.write_gap_ms(swapped(pair, 20, files=700)) == 700
