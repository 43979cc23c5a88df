"""The page of the system migration: tables, locks, chunks, checkpoints, and what comes after the rows."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from nodes.models import Pair
from tests.portal import OLGA, make_copies, make_pair, make_people, make_synchronizing_pair, part, text_of
from tracking.models import FinishingPart, Message, SetupStep, TableCopy
from tracking.pages import render_pair

pytestmark = pytest.mark.django_db
BEGAN = timezone.now() - timedelta(minutes=3)


@pytest.fixture
def pool():
    """Of a pair that an engine works on."""
    pair = make_synchronizing_pair()
    Pair.objects.update(lease_until=timezone.now() + timedelta(minutes=1))
    return pair.pools.get()


def test_chunks_are_counted_where_a_table_has_several():
    pair = make_pair()
    make_copies(pair.pools.get(), 3)
    assert "chunks" not in part(pair, "copies")
    TableCopy.objects.filter(state="COPYING").update(chunks=8, chunks_done=3)
    assert "3 of 8 chunks" in part(pair, "copies")


def test_a_locked_table_is_listed_with_its_holder_and_for_how_long_at_most():
    pair = make_pair()
    make_copies(pair.pools.get(), 5)
    TableCopy.objects.filter(state="LOCKED").update(locked_by="pid 1 (<i>)", locked_at=BEGAN, skips=2)
    locks = part(pair, "locks")
    assert "pid 1 (&lt;i&gt;)" in locks and "2 min 0 s at a time" in locks and f"{BEGAN:%H:%M:%S}" in locks
    TableCopy.objects.filter(state="LOCKED").update(locked_at=None)
    assert "skipped, comes in the end" in part(pair, "locks")
    assert "waited for 120 s at a time (SAVACTWAIT)" in text_of(part(pair, "locks"))


def test_checkpoints_are_those_messages_and_no_others():
    pair = make_pair()
    for code, said in (("CPI3712", "Checkpoint complete for all schemas"), ("766", "Phase 1")):
        Message.objects.create(pair=pair, code=code, text=said)
    checkpoints = part(pair, "checkpoints")
    assert "CPI3712" in checkpoints and "Phase 1" not in checkpoints


def test_indexes_that_are_being_built_are_shown_with_their_phase_and_as_of_when(pool):
    made = FinishingPart.objects.create(pool=pool, part="indexes", done=3, total=10)
    FinishingPart.objects.create(pool=pool, part="validation")
    assert "3 of 10" in part(pool.pair, "finishing") and "unknown" in part(pool.pair, "finishing")
    made.building = [
        {"table": "public.a", "statement": "CREATE INDEX <b>", "phase": "building index: sorting",
         "percent": 40, "since": BEGAN.isoformat()}
    ]  # fmt: skip
    made.save()
    shown = part(pool.pair, "finishing")
    assert "CREATE INDEX &lt;b&gt;" in shown and "40 % of this phase" in shown and "sorting" in shown
    Pair.objects.update(lease_until=None)
    assert "Unknown: no engine works on it" in part(Pair.objects.get(), "finishing")


def test_steps_keep_their_times_also_when_the_migration_is_over():
    pair = make_synchronizing_pair()
    assert "Hand-over" not in part(pair, "advance")
    SetupStep.objects.create(pool=pair.pools.get(), step="COPIED", reached_at=BEGAN)
    assert f"Rows {BEGAN:%H:%M:%S}" in text_of(part(pair, "advance"))


def copies(pair, **query: str) -> list[str]:
    page = render_pair(pair.pk, "migration", OLGA, query)["copies"]
    return re.findall(r'<span class="name">public\.(\w+)</span>', page)


def test_tables_are_filtered_by_state_and_by_a_part_of_their_name():
    pair = make_pair()
    make_copies(pair.pools.get(), 14)
    assert len(copies(pair)) == 14
    assert sorted(copies(pair, state="COPYING")) == ["orders_2", "orders_9"]
    assert copies(pair, state="COPYING", name="IC.ORDERS_9") == ["orders_9"]
    assert copies(pair, name="orders_1_") == [] and copies(pair, name="%") == []


@pytest.mark.parametrize(
    "query", [{"state": "'; drop"}, {"state": "\x00"}, {"name": "\x00"}, {"state": "copied"}]
)
def test_a_garbled_filter_is_none(query):
    pair = make_pair()
    make_copies(pair.pools.get(), 3)
    assert len(copies(pair, **query)) == 3
    client = Client()
    client.force_login(make_people()["vera"])
    assert client.get("/pairs/shop/migration/", query).status_code == 200


def test_what_was_searched_for_is_only_text():
    pair = make_pair()
    make_copies(pair.pools.get(), 3)
    client = Client()
    client.force_login(make_people()["vera"])
    page = client.get("/pairs/shop/migration/", {"name": '"><script>'}).content.decode()
    assert "<script>" not in page.split("</head>")[1] and "0 of 3 tables with" in text_of(page)
