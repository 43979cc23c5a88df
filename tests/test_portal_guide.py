"""The guide: at each step only what is legal now, what it will do in numbers, and what is in the way."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from mwaportal.access import Viewer
from nodes.models import Pair, SwapRequest
from tests.portal import (
    OLGA,
    make_copies,
    make_history,
    make_pair,
    make_people,
    make_root,
    make_synchronizing_pair,
    owe,
)
from tracking import guide
from tracking.models import CompareResult, CompareRun, FileCompare, Job, PreflightRun, set_phase, set_state
from tracking.pages import PairView, render_pair

pytestmark = pytest.mark.django_db
_ENGINE = "engine one"


def view(pair: Pair, viewer: Viewer = OLGA) -> PairView:
    return PairView(Pair.objects.select_related("source", "copy").get(pk=pair.pk), viewer)


def offered(pair: Pair, viewer: Viewer = OLGA) -> dict[int, list[str]]:
    """What each step offers."""
    return {step.number: [o.action.label for o in step.offers] for step in guide.steps(view(pair, viewer))}


def in_the_way(pair: Pair) -> dict[int, list[str]]:
    return {step.number: [o.text for o in step.obstacles] for step in guide.steps(view(pair))}


def shown(pair: Pair, viewer: Viewer = OLGA) -> str:
    parts = render_pair(pair.pk, "guide", viewer)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", parts["steps"] + parts["jobs"])).split())


def attended(pair: Pair) -> None:
    assert pair.take_lease(_ENGINE, 60)


def test_a_pair_without_a_database_has_nothing_to_start():
    pair = make_pair(databases=())
    assert offered(pair) == {1: [], 2: [], 3: [], 4: []}
    assert in_the_way(pair)[1] == ["No database is chosen; needed is at least one."]


def test_before_the_start_the_preflight_is_in_the_way_with_its_figures():
    pair = make_pair(databases=("shop", "crm"))
    assert offered(pair) == {1: ["Start migration"], 2: [], 3: [], 4: []}
    assert "was not run for these databases" in in_the_way(pair)[1][0]
    text = shown(pair)
    assert "copies 2 databases to new-shop" in text and "No engine works on this pair" in text
    run = PreflightRun.request(pair, "olga")
    checks = [
        {"name": name, "status": "failed"} for name in ("wal_level", "clock", "clock", "disk", "version")
    ]
    run.end(checks=[*checks, {"name": "durability", "status": "passed"}], databases=["shop", "crm"])
    assert in_the_way(pair)[1] == ["5 checks of 6 failed: wal_level, clock and others; needed is none."]


def test_why_the_engine_did_not_begin_stands_at_the_first_step():
    pair = make_pair()
    set_phase(pair, "", "E", "wal_level: is replica, needed is logical")
    assert in_the_way(pair)[1][0] == "It was not begun: wal_level: is replica, needed is logical"


def test_while_tables_are_copied_nothing_is_offered_and_locks_are_counted():
    pair = make_pair()
    pair.ask("SYNC", "olga")
    set_phase(pair, "SETUP", "A")
    make_copies(pair.pools.get(), 30)
    assert offered(pair) == {1: [], 2: [], 3: [], 4: []}
    locked, failed = in_the_way(pair)[2]
    assert locked == "4 tables locked by others; each is waited for, at most 120 s."
    assert failed == "4 tables could not be copied yet, to be tried again."
    assert re.search(r"\d+ % copied: [\d,]+ of about [\d,]+ rows", shown(pair))


def test_a_synchronizing_pair_offers_a_pause_and_a_swap_with_their_figures():
    pair = make_synchronizing_pair()
    assert offered(pair) == {1: [], 2: [], 3: ["Pause"], 4: ["Request role swap"]}
    text = shown(pair)
    assert "new-shop , now 2.3 kB behind," in text.replace("new-shop,", "new-shop ,")
    assert "1 of 1 replicating; lag 2.3 kB, allowed 256 MB (measured at" in text
    assert "Nobody can write for at most 5,000 ms" in text
    assert offered(pair, Viewer()) == {1: [], 2: [], 3: [], 4: []}


def test_what_is_in_the_way_is_told_with_the_figure_and_the_way_out():
    pair = make_synchronizing_pair()
    make_history(pair)
    pool = pair.pools.get()
    pool.lag_bytes = pair.lag_limit_bytes + 2**20
    pool.save()
    owe(make_root(pair), b"a", "FAILED", failure="no room")
    found = in_the_way(pair)
    assert found[3] == [
        "*SYSBAS: lag 257 MB, allowed 256 MB.", "2 definitions to be carried by hand; needed is none.",
        "1 file could not be carried; needed is none.",
    ]  # fmt: skip
    assert found[4] and offered(pair)[4] == []
    page = render_pair(pair.pk, "guide", OLGA)["steps"]
    for address in ("definitions", "paths", "cutover", "properties"):
        assert f'href="/pairs/shop/{address}/"' in page


def test_a_suspended_pool_is_named_with_its_reason_and_when_it_is_tried_again():
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    set_state(pool, "TRACKING", "SUSPENDED", 266, "connection refused")
    pool.retry_at = timezone.now() + timedelta(hours=1)
    pool.save()
    (text,) = in_the_way(pair)[3]
    assert "266 The secondary does not answer: connection refused; needed is ACTIVE REPLICATING" in text
    assert "Tried again by itself at" in shown(pair)


def test_a_pause_shows_what_it_waits_for_until_it_has_drained_and_is_cancelled():
    pair = make_synchronizing_pair()
    root = make_root(pair)
    attended(pair)
    pool = pair.pools.get()
    Job.objects.create(pair=pair, pool=pool, kind="RESYNC", owner=_ENGINE)
    Job.objects.create(pair=pair, pool=pool, kind="CAPTURE", owner=_ENGINE)
    pair.ask("PAUSED", "oskar")
    assert offered(pair)[3] == ["Cancel the pause"]
    text = shown(pair)
    assert "Pause was asked for by oskar at" in text and "2 of 2 left" in text
    assert text.index("draining *SYSBAS ACTIVE REPLICATING") < text.index("Resynchronizing since")
    asked = view(pair)
    (drain, of_root) = guide.pending(asked, _working(asked)).drains
    assert [work.what.value for work in drain.working] == ["RESYNC"] and of_root.about == root
    Job.objects.filter(kind="RESYNC").delete()
    set_state(pool, "TRACKING", "SUSPENDED", 212)
    assert "1 of 2 left" in shown(pair) and "drained *SYSBAS TRACKING SUSPENDED" in shown(pair)
    pair.ask("SYNC", "olga")
    assert "was asked for" not in shown(pair)


def _working(found: PairView):
    from tracking import jobs

    return jobs.under_way(found.pair, found.pool_list, found.roots, found.now)


def test_jobs_are_shown_with_how_far_they_are_and_only_those_of_the_engine_that_is_there():
    pair = make_synchronizing_pair()
    pool, root = pair.pools.get(), make_root(pair)
    attended(pair)
    make_copies(pool, 7)
    run = CompareRun.objects.create(pool=pool)
    for name in ("a", "b"):
        CompareResult.objects.create(run=run, schema="public", name=name, verdict="EQUAL")
    FileCompare.objects.create(root=root, started_at=timezone.now())
    for kind in ("COPY", "COMPARE", "CAPTURE"):
        Job.objects.create(pair=pair, pool=pool, kind=kind, owner=_ENGINE)
    Job.objects.create(pair=pair, root=root, kind="TRACK FILES", owner=_ENGINE)
    Job.objects.create(pair=pair, kind="PREFLIGHT", owner="engine that died")
    text = shown(pair)
    assert re.search(r"Copying rows [\d:]+ \d+ % of the rows, 3 of 7 tables", text)
    assert "2 tables compared so far" in text and "0 changes of 0 rows on the list, measured at" in text
    assert "340 directories by inotify" in text and "Comparing files" in text
    assert "the pair Preflight" in text and "was under way when its engine ended" in text
    Pair.objects.update(lease_until=None)
    assert shown(pair).count("was under way when its engine ended") == 5


def test_nothing_under_way_is_said():
    pair = make_synchronizing_pair()
    assert "Nothing that takes long is under way" in shown(pair)


def test_what_goes_on_without_a_job_is_told_where_an_engine_sees_to_it():
    pair = make_synchronizing_pair()
    attended(pair)
    assert re.search(r"\*SYSBAS Following the primary [\d:]+ lag 2\.3 kB, measured at", shown(pair))
    pool = pair.pools.get()
    set_state(pool, "TRACKING", "SUSPENDED", 9070, "no room")
    pool.retry_at = timezone.now() + timedelta(minutes=1)
    pool.save()
    assert "9070 Resynchronization failed: no room; tried again at" in shown(pair)
    Pair.objects.update(lease_until=None)
    assert "Following" not in shown(pair)


def test_a_role_swap_is_decided_at_the_fourth_step_by_somebody_else():
    pair, people = make_synchronizing_pair(), make_people()
    swap = SwapRequest.request(pair, people["olga"])
    artur = Viewer(approve=True, user_id=people["artur"].pk)
    olga = Viewer(operate=True, request=True, user_id=people["olga"].pk)
    assert offered(pair, artur)[4] == ["Approve this plan", "Reject"]
    assert offered(pair, olga)[4] == ["Cancel request"]
    client = Client()
    client.force_login(people["artur"])
    page = client.get("/pairs/shop/guide/").content.decode()
    assert f'name="digest" value="{swap.digest}"' in page and 'popovertarget="approve"' in page
    assert "After 5,000 ms without a write old-shop is opened again" in unescape(page)
    client.post(f"/pairs/shop/swap/{swap.pk}/approve/", {"digest": swap.digest})
    assert offered(pair, olga) == {1: [], 2: [], 3: [], 4: []}


@pytest.mark.parametrize("busy", [False, True])
def test_the_end_of_a_pair_says_what_goes_and_is_not_offered_during_a_swap(busy):
    pair, people = make_synchronizing_pair(), make_people()
    if busy:
        swap = SwapRequest.request(pair, people["olga"])
        swap.approve(people["artur"], swap.digest)
    text = shown(pair)
    assert ("It cannot be undone" in text) is not busy
    assert (
        "takes slots, publications, triggers and schema mwa off old-shop and new-shop" in text
    ) is not busy
    pair.ask("REMOVED") if not busy else None
    assert "It cannot be undone" not in shown(pair)


def test_whoever_asks_on_the_guide_stays_on_it():
    people, pair = make_people(), make_synchronizing_pair()
    client = Client()
    client.force_login(people["olga"])
    assert client.post("/pairs/shop/pause/", {"on": "guide"}).url == "/pairs/shop/guide/"
    assert client.post("/pairs/shop/start/", {"on": "//evil.example"}).url == "/pairs/shop/"
    pair.refresh_from_db()
    assert pair.asked_by == "olga" and pair.asked_at
