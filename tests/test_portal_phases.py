"""The pages of what is under way: the system migration, and the phases of synchronization."""

import re
from datetime import UTC, timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from mwaportal.access import Viewer
from nodes.models import Pair
from tests.portal import (
    OLGA,
    make_copies,
    make_history,
    make_people,
    make_synchronizing_pair,
    part,
    text_of,
)
from tracking.models import (
    DefinitionEntry,
    HandOver,
    NodeJobs,
    NodeRequest,
    TrackedTable,
    set_state,
)
from tracking.pages import render_pair

pytestmark = pytest.mark.django_db
VERA = Viewer()
BEGAN = timezone.now().replace(microsecond=123456) - timedelta(minutes=3)
JOB = {
    "pid": 4711, "user": "<i>shop", "application": "billing", "database": "shop",
    "began": BEGAN.astimezone(UTC).isoformat(), "session_began": BEGAN.astimezone(UTC).isoformat(),
    "query": "update orders set note = '<b>'", "holds": "",
}  # fmt: skip


@pytest.fixture
def pool():
    """Of a pair that an engine works on."""
    pair = make_synchronizing_pair()
    Pair.objects.update(lease_until=timezone.now() + timedelta(minutes=1))
    return pair.pools.get()


def suspended(pool, reason=9070, text="", **values):
    set_state(pool, "TRACKING", "SUSPENDED", reason, text)
    type(pool).objects.filter(pk=pool.pk).update(**values)
    NodeJobs.objects.create(pool=pool, role="PRIMARY", looked_at=BEGAN, seen_at=BEGAN, jobs=[JOB])
    NodeJobs.objects.create(pool=pool, role="SECONDARY", looked_at=BEGAN, seen_at=BEGAN)
    return Pair.objects.get()


def running(pool, *parts) -> HandOver:
    set_state(pool, "ACTIVE", "SYNCHRONIZING")
    run = HandOver.begin(pool)
    for each in parts:
        run.enter(each, 0x1A2B3C4D if each > "1.2" else None)
    return run


def phase(pool, number: str) -> str:
    """A row of the table of phases, as text."""
    rows = part(pool.pair, "handovers").split("<tr>")
    return text_of(next(row for row in rows if f'scope="row">{number}</th>' in row))


def test_each_phase_says_its_message_and_how_it_stands(pool):
    running(pool, "0", "1.1", "1.2").wait_for([JOB, JOB])
    assert "Ended" in phase(pool, "1.1") and "766" in phase(pool, "1.1")
    assert "767 Under way" in phase(pool, "1.2") and "2 transactions at a time" in phase(pool, "1.2")
    assert "768 Not begun" in phase(pool, "1.3") and "782 Not begun" in phase(pool, "2")
    shown = part(pool.pair, "handovers")
    assert "&lt;i&gt;shop" in shown and "note = &#x27;&lt;b&gt;&#x27;" in shown
    assert "4711" in shown and f"as of {timezone.now():%H:%M}" in text_of(shown)


def test_a_hand_over_that_waited_for_nobody_says_so_and_where_it_ended(pool):
    run = running(pool, "0", "1.1", "1.3", "1.4", "2")
    run.brought(1_234, 2)
    run.end("COMPLETE")
    assert "Nothing to wait for" in phase(pool, "1.2") and "Z is 0/1A2B3C4D" in phase(pool, "1.3")
    assert "1,234 rows in 2 rounds" in phase(pool, "2")


def test_a_hand_over_that_failed_shows_where_and_why(pool):
    running(pool, "0", "1.1", "1.2").end("FAILED", "waited 60 s for <u>")
    assert "Failed, tried again" in phase(pool, "1.2")
    assert "waited 60 s for &lt;u&gt;" in part(pool.pair, "handovers")


def test_of_a_hand_over_without_an_engine_nothing_is_claimed(pool):
    running(pool, "0", "1.1", "1.2").wait_for([JOB])
    Pair.objects.update(lease_until=None)
    pair = Pair.objects.get()
    shown = part(pair, "handovers")
    assert "Unknown: no engine works on it" in shown and "Under way" not in shown and "4711" not in shown
    assert "can be forced now: no engine works on pair shop, needed is one." in text_of(shown)


def test_hand_overs_before_the_latest_are_listed(pool):
    running(pool, "0", "1.1", "1.2").end("FAILED", "no disk")
    running(pool, "0", "1.1", "1.3")
    earlier = text_of(part(pool.pair, "earlier"))
    assert "Failed, tried again" in earlier and "no disk" in earlier and earlier.count("Failed") == 1


@pytest.mark.parametrize(
    "values, expected",
    [
        ({"reason": 266, "text": "no route"}, "266 The secondary does not answer: no route, since"),
        (
            {"failures": 3, "retry_at": timezone.now() + timedelta(days=1), "text": "no room"},
            "3 failed in a row, the last: Resynchronization failed: no room, since",
        ),
    ],
)
def test_what_keeps_a_pool_from_resuming_is_said_with_the_way_out(pool, values, expected):
    pair = suspended(pool, **values)
    preventing = text_of(part(pair, "preventing"))
    assert expected in preventing
    assert ("Tried again at " in preventing) is ("retry_at" in values)


def test_a_pause_and_auto_resume_are_reasons_too(pool):
    Pair.objects.update(goal="PAUSED", asked_by="olga")
    pair = suspended(pool, 212)
    assert "A user asked for the suspend by olga" in text_of(part(pair, "preventing"))
    Pair.objects.update(goal="SYNC", auto_resume=False)
    set_state(pool, "TRACKING", "SUSPENDED", 9020)
    type(pool).objects.update(retry_at=None)
    assert "Auto resume is off" in text_of(part(Pair.objects.get(), "preventing"))


def test_a_definition_by_hand_is_a_reason_that_leads_to_its_list(pool):
    DefinitionEntry.objects.create(
        pool=pool, number=7, command="DROP TABLE", object_type="table", identity="public.<old>",
        state="INELIGIBLE", failure="could not be noted",
    )  # fmt: skip
    pair = suspended(pool, 9040)
    preventing = part(pair, "preventing")
    assert "DROP TABLE public.&lt;old&gt;: could not be noted" in preventing
    assert 'href="/pairs/shop/definitions/"' in preventing


def test_the_jobs_of_a_node_stand_also_where_the_other_cannot_be_read(pool):
    pair = suspended(pool)
    NodeJobs.objects.filter(role="SECONDARY").update(failure="connection refused")
    preventing = text_of(part(pair, "preventing"))
    assert "new-shop could not be read at" in preventing and "connection refused" in preventing
    assert "4711 old-shop" in preventing and "billing" in preventing
    NodeJobs.objects.filter(role="PRIMARY").update(failure="no route", jobs=[JOB])
    assert "4711" not in part(pair, "preventing")  # nobody knows whether it is there


def test_only_who_may_operate_is_offered_to_end_a_session(pool):
    pair = suspended(pool)
    offered = part(pair, "preventing", OLGA)
    assert "/pairs/shop/pools/1/end-session/" in offered and "No other session is touched." in offered
    assert "formaction" not in part(pair, "preventing", VERA)
    prepared = {**JOB, "pid": None, "session_began": None, "query": "left-over"}
    NodeJobs.objects.filter(role="PRIMARY").update(jobs=[prepared])
    assert "formaction" not in part(pair, "preventing", OLGA)
    assert "by hand: rollback prepared" in part(pair, "preventing", OLGA)


def test_a_control_point_is_asked_for_once_and_what_came_of_it_is_shown(pool, rung):
    client = Client()
    client.force_login(make_people()["olga"])
    assert "Force a control point" in part(pool.pair, "handovers")
    assert "Force a control point" not in part(pool.pair, "handovers", VERA)
    for _ in range(2):
        page = client.post("/pairs/shop/pools/1/control-point/", follow=True).content.decode()
    assert "this was asked of pool *SYSBAS already" in page and rung == [pool.pair_id]
    request = NodeRequest.objects.get()
    assert (request.asked_by, request.kind) == ("olga", "CONTROL") and "not done yet" in page
    request.end("written at 0/15 by old-shop", done=True)
    assert "asked for by olga" in part(pool.pair, "handovers")
    assert "written at 0/15 by old-shop" in part(pool.pair, "handovers")


def test_exactly_the_session_that_was_shown_is_asked_to_be_ended(pool, rung):
    suspended(pool)
    client = Client()
    client.force_login(make_people()["olga"])
    shown = client.get("/pairs/shop/synchronization/").content.decode()
    session = unescape(re.search(r'name="session" value="([^"]+)"', shown)[1])
    client.post("/pairs/shop/pools/1/end-session/", {"session": session})
    request = NodeRequest.objects.get()
    assert (request.role, request.pid, request.session_began) == ("PRIMARY", 4711, BEGAN)
    assert request.about == "pid 4711 (<i>shop, billing)" and rung == [pool.pair_id]
    later = session.replace(".123456", ".123457")
    page = client.post("/pairs/shop/pools/1/end-session/", {"session": later}, follow=True).content.decode()
    assert "pid 4711 is not in the way of pool *SYSBAS any more" in page
    assert NodeRequest.objects.count() == 1


@pytest.mark.parametrize(
    "session",
    [
        "",
        "PRIMARY",
        "PRIMARY x 2026-01-01",
        "COPY 1 2026-01-01",
        "PRIMARY 1 soon",
        "PRIMARY 1 0001-01-01",
        "a b c d",
        "\x00",
    ],
)
def test_a_garbled_session_is_not_found(pool, session):
    client = Client()
    client.force_login(make_people()["olga"])
    answer = client.post("/pairs/shop/pools/1/end-session/", {"session": session})
    assert answer.status_code == 404 and not NodeRequest.objects.exists()


def test_a_session_without_a_time_zone_or_with_a_huge_number_is_refused_in_words(pool):
    suspended(pool)
    client = Client()
    client.force_login(make_people()["olga"])
    for session in ("PRIMARY 4711 2026-01-01", f"PRIMARY {'9' * 30} 2026-01-01T00:00:00+00:00"):
        answer = client.post("/pairs/shop/pools/1/end-session/", {"session": session}, follow=True)
        assert answer.status_code == 200 and "is not in the way" in answer.content.decode()


@pytest.mark.parametrize("who, status", [("vera", 403), ("artur", 403), ("otto", 403)])
def test_only_administrators_ask_anything_of_a_node(pool, who, status):
    client = Client()
    client.force_login(make_people()[who])
    for path in ("control-point", "end-session"):
        assert client.post(f"/pairs/shop/pools/1/{path}/").status_code == status
    assert not NodeRequest.objects.exists()


def test_a_pool_that_is_gone_is_not_found(pool):
    client = Client()
    client.force_login(make_people()["olga"])
    assert client.post("/pairs/shop/pools/7/control-point/").status_code == 404
    Pair.objects.all().delete()
    assert client.post("/pairs/shop/pools/1/control-point/").status_code == 404


def test_a_resync_says_what_it_has_to_do_and_leads_to_the_list(pool):
    for sheet, name, whole in ((1, "a", ""), (2, "a", ""), (2, "b", "too many changes")):
        TrackedTable.objects.create(
            pool=pool, sheet=sheet, schema_name="public", table_name=name, key_columns=["id"],
            whole_reason=whole, changes=10, keys=4, first_tracked_at=BEGAN,
        )  # fmt: skip
    resync = part(pool.pair, "resync")
    assert "*SYSBAS 2 30 12 1 " in text_of(resync) and 'href="/pairs/shop/tables/"' in resync
    TrackedTable.objects.all().delete()
    assert "*SYSBAS 0 0 0 0 nothing is owed" in text_of(part(pool.pair, "resync"))


@pytest.mark.parametrize("key, queries", [("migration", 22), ("synchronization", 20)])
def test_thousands_of_tables_and_many_hand_overs_need_no_more_queries(
    key, queries, django_assert_max_num_queries
):
    pair = make_synchronizing_pair()
    make_history(pair)
    pool = pair.pools.get()
    make_copies(pool, 2_000)
    for _ in range(10):
        running(pool, "0", "1.1", "1.2").end("FAILED", "no disk")
    suspended(pool)
    with django_assert_max_num_queries(queries):
        parts = render_pair(pair.pk, key, OLGA, {"name": "orders"})
    assert sum(map(len, parts.values())) < 80_000
