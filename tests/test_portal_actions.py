"""What people ask for happens, once, and a refusal says why."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from nodes.models import SwapRequest
from tests.portal import make_history, make_pair, make_people, make_synchronizing_pair, propose
from tracking.models import CompareRun, DefinitionEntry, OtherObject, set_phase, set_state

pytestmark = pytest.mark.django_db
CUTOVER = "/pairs/shop/cutover/"


@pytest.fixture
def people():
    return make_people()


def post(user, path: str, **data: str) -> str:
    """What the page says after somebody has pressed a button."""
    client = Client()
    client.force_login(user)
    return client.post(path, data, follow=True).content.decode()


def read(user, path: str = "/pairs/shop/") -> str:
    client = Client()
    client.force_login(user)
    return client.get(path).content.decode()


def offered(user, path: str = "/pairs/shop/") -> list[str]:
    return [part.split(">", 1)[1].split("<")[0] for part in read(user, path).split("<button form=")[1:]]


def test_a_new_pair_is_started(people, rung):
    pair = make_pair()
    assert offered(people["olga"]) == ["Start migration"]
    post(people["olga"], "/pairs/shop/start/")
    pair.refresh_from_db()
    assert (pair.goal, rung) == ("SYNC", [pair.pk])


def test_a_synchronizing_pair_is_paused_and_started_again(people, rung):
    pair = make_synchronizing_pair()
    assert offered(people["olga"]) == ["Pause", "Request role swap"]
    page = post(people["olga"], "/pairs/shop/pause/")
    assert "Cancel the pause" in page  # the pending phase can be withdrawn
    pair.refresh_from_db()
    set_phase(pair, "PAUSED", "A")
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 212)
    assert offered(people["olga"]) == ["Start"]
    post(people["olga"], "/pairs/shop/start/")
    pair.refresh_from_db()
    assert (pair.goal, rung) == ("SYNC", [pair.pk, pair.pk])


def test_a_refusal_is_shown_and_the_engine_is_not_woken(people, rung):
    make_pair()
    page = post(people["olga"], "/pairs/shop/pause/")
    assert "pair shop is in phase Defined; a pause needs Synchronizing" in page and rung == []


def test_a_swap_is_requested_by_one_and_approved_by_another(people, rung):
    pair = make_synchronizing_pair()
    post(people["olga"], "/pairs/shop/swap/")
    swap = pair.swaps.get()
    assert offered(people["olga"]) == offered(people["oskar"]) == ["Pause"]
    assert offered(people["olga"], CUTOVER) == ["Cancel request"] and offered(people["oskar"], CUTOVER) == []
    assert offered(people["artur"], CUTOVER) == ["Approve this plan shop", "Reject"]
    post(people["artur"], f"/pairs/shop/swap/{swap.pk}/approve/", digest=swap.digest)
    swap.refresh_from_db()
    assert (swap.state, swap.decided_by, rung) == ("APPROVED", people["artur"], [pair.pk, pair.pk])
    pair.refresh_from_db()
    assert pair.asked_by == "olga"  # for the journal of what follows
    assert offered(people["olga"]) == offered(people["olga"], CUTOVER) == []


def test_an_approval_is_for_the_plan_that_was_shown(people, rung):
    pair = make_synchronizing_pair()
    swap = SwapRequest.request(pair, people["olga"])
    shown = swap.digest
    pair.swap_budget_ms = 60_000
    pair.save()
    page = post(people["artur"], f"/pairs/shop/swap/{swap.pk}/approve/", digest=shown)
    swap.refresh_from_db()
    assert "is not the one that was shown" in page and swap.state == "REQUESTED" and rung == []
    post(people["artur"], f"/pairs/shop/swap/{swap.pk}/approve/", digest="")
    swap.refresh_from_db()
    assert swap.state == "REQUESTED"


def test_an_approval_is_for_the_criteria_that_were_shown(people):
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    without = SwapRequest.plan_for(pair)
    propose(pool, "EXCLUDE", "old")  # pending: it holds for nothing yet
    assert SwapRequest.plan_for(pair) == without and "criteria" not in without
    change = pool.criteria_changes.get()
    change.settle()
    active = pool.criteria.get()
    swap = SwapRequest.request(pair, people["olga"])
    assert swap.plan["criteria"] == ["EXCLUDE everything in schema old of *SYSBAS"]
    active.remove("spring", "oskar")  # holds until that is committed
    assert SwapRequest.digest_of(SwapRequest.plan_for(pair)) == swap.digest
    pool.criteria_changes.get().settle()
    page = post(people["artur"], f"/pairs/shop/swap/{swap.pk}/approve/", digest=swap.digest)
    swap.refresh_from_db()
    assert "is not the one that was shown" in page and swap.state == "REQUESTED"


def test_nobody_approves_his_own_swap_even_with_both_roles(people):
    pair = make_synchronizing_pair()
    people["olga"].groups.add(people["artur"].groups.get())
    swap = SwapRequest.request(pair, people["olga"])
    assert "Approve this plan" not in offered(people["olga"])
    page = post(people["olga"], f"/pairs/shop/swap/{swap.pk}/approve/", digest=swap.digest)
    assert "nobody approves his own role swap" in page
    with pytest.raises(PermissionDenied):
        swap.approve(people["olga"], swap.digest)
    with pytest.raises(IntegrityError, match="nobody_approves_his_own_swap"), transaction.atomic():
        SwapRequest.objects.update(state="APPROVED", decided_by=people["olga"])
    swap.refresh_from_db()
    assert swap.state == "REQUESTED"


def test_nobody_rejects_his_own_swap_which_he_cancels(people):
    pair = make_synchronizing_pair()
    people["olga"].groups.add(people["artur"].groups.get())
    swap = SwapRequest.request(pair, people["olga"])
    page = post(people["olga"], f"/pairs/shop/swap/{swap.pk}/reject/")
    assert "nobody rejects his own role swap" in page
    swap.refresh_from_db()
    assert swap.state == "REQUESTED"


@pytest.mark.parametrize("act", [lambda swap, who: swap.approve(who, swap.digest), SwapRequest.reject])
def test_an_administrator_is_no_approver(people, act):
    swap = SwapRequest.request(make_synchronizing_pair(), people["olga"])
    with pytest.raises(PermissionDenied, match="not an approver"):
        act(swap, people["oskar"])


def test_a_rejected_swap_is_over_and_another_can_be_asked_for(people):
    pair = make_synchronizing_pair()
    swap = SwapRequest.request(pair, people["olga"])
    post(people["artur"], f"/pairs/shop/swap/{swap.pk}/reject/")
    swap.refresh_from_db()
    assert (swap.state, swap.decided_by) == ("REJECTED", people["artur"])
    assert "Request role swap" in offered(people["olga"])


def test_a_swap_is_offered_only_where_it_could_take_place_and_the_page_says_why_not(people):
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    set_state(pool, "TRACKING", "SUSPENDED", 9040)
    assert "Request role swap" not in offered(people["olga"])
    why = "pool *SYSBAS is TRACKING SUSPENDED; a role swap needs ACTIVE REPLICATING"
    assert f"A role swap cannot be asked for now: {why}." in read(people["vera"], "/pairs/shop/cutover/")
    assert why in post(people["olga"], "/pairs/shop/swap/") and not pair.swaps.exists()
    set_state(pool, "ACTIVE", "REPLICATING")
    pool.lag_bytes = pair.lag_limit_bytes + 1
    pool.save()
    assert "the lag of pool *SYSBAS is 268435457 bytes, allowed are 268435456" in post(
        people["olga"], "/pairs/shop/swap/"
    )
    pair.ask("PAUSED")
    with pytest.raises(ValidationError, match="Pause was asked of pair shop"):
        SwapRequest.request(pair, people["olga"])


def test_only_one_swap_is_open_at_a_time(people):
    pair = make_synchronizing_pair()
    SwapRequest.request(pair, people["olga"])
    with pytest.raises(ValidationError, match="already open"):
        SwapRequest.request(pair, people["oskar"])
    with pytest.raises(IntegrityError, match="one_open_swap_per_pair"), transaction.atomic():
        SwapRequest.objects.create(pair=pair, plan={}, digest="x", requested_by=people["oskar"])


def test_only_the_requester_cancels_and_only_once(people):
    pair = make_synchronizing_pair()
    swap = SwapRequest.request(pair, people["olga"])
    assert "only olga, who asked for it" in post(people["oskar"], f"/pairs/shop/swap/{swap.pk}/cancel/")
    post(people["olga"], f"/pairs/shop/swap/{swap.pk}/cancel/")
    swap.refresh_from_db()
    assert swap.state == "CANCELLED"
    page = post(people["artur"], f"/pairs/shop/swap/{swap.pk}/approve/", digest=swap.digest)
    assert "is Cancelled, not waiting for approval" in page


def test_a_swap_is_decided_below_its_own_pair_only(people):
    make_pair("other")
    swap = SwapRequest.request(make_synchronizing_pair(), people["olga"])
    client = Client()
    client.force_login(people["artur"])
    assert client.post(f"/pairs/other/swap/{swap.pk}/approve/").status_code == 404


def test_a_compare_is_asked_for_once(people, rung):
    pair = make_synchronizing_pair()
    post(people["olga"], "/pairs/shop/pools/1/compare/")
    assert "has not ended yet" in post(people["olga"], "/pairs/shop/pools/1/compare/")
    assert CompareRun.objects.get().pool.pair == pair and rung == [pair.pk]


def test_a_compare_needs_a_pool_that_is_replicating(people):
    make_pair()
    page = post(people["olga"], "/pairs/shop/pools/1/compare/")
    assert "is NOT MIRRORED; a compare needs ACTIVE REPLICATING" in page and not CompareRun.objects.exists()


def test_a_definition_is_ticked_off_once_with_the_name_of_who_did(people, rung):
    pair = make_synchronizing_pair()
    make_history(pair)
    entry = DefinitionEntry.objects.first()
    post(people["olga"], f"/pairs/shop/definitions/{entry.pk}/done/")
    assert "is ticked off by olga" in post(people["oskar"], f"/pairs/shop/definitions/{entry.pk}/done/")
    entry.refresh_from_db()
    assert entry.done_by == "olga" and entry.done_at and rung == [pair.pk]


def test_a_failed_definition_is_tried_again_and_one_that_is_for_hands_is_not(people, rung):
    pair = make_synchronizing_pair()
    make_history(pair)
    failed, by_hand = DefinitionEntry.objects.order_by("number")
    DefinitionEntry.objects.filter(pk=failed.pk).update(state="FAILED", failure="no room")
    page = read(people["olga"], "/pairs/shop/definitions/")
    assert f'id="definition-retry-{failed.pk}"' in page and "no room" in page
    assert f'id="definition-retry-{by_hand.pk}"' not in page
    post(people["olga"], f"/pairs/shop/definitions/{failed.pk}/retry/")
    failed.refresh_from_db()
    assert failed.retry_asked and pair.pk in rung
    page = post(people["olga"], f"/pairs/shop/definitions/{by_hand.pk}/retry/")
    assert "is INELIGIBLE; needed is one that has failed, or was deferred" in page


def test_an_object_for_hands_is_ticked_off_once_with_the_name_of_who_did(people):
    pair = make_synchronizing_pair()
    entry = OtherObject.objects.create(
        pool=pair.pools.get(), object_type="TABLESPACE", name="fast", change="missing", state="INELIGIBLE",
        why="make the directory /fast",
    )  # fmt: skip
    page = read(people["olga"], "/pairs/shop/objects/")
    assert f'id="other-done-{entry.pk}"' in page and "make the directory /fast" in page
    post(people["olga"], f"/pairs/shop/objects/{entry.pk}/done/")
    entry.refresh_from_db()
    assert entry.done_by == "olga"
    page = post(people["oskar"], f"/pairs/shop/objects/{entry.pk}/done/")
    assert "is ticked off by olga; needed is one that is to be done by hand" in page
