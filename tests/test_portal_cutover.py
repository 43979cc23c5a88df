"""The page of the cutover, and that of the object types with a pair's counts."""

import re
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from mwaportal.access import Viewer
from nodes.models import SwapRequest
from tests.portal import OLGA, carried, make_people, make_root, make_synchronizing_pair, owe
from tracking import support
from tracking.models import (
    DefinitionEntry,
    Inventory,
    MigratedObject,
    ObjectCount,
    OtherObject,
    set_state,
)
from tracking.pages import render_pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair():
    return make_synchronizing_pair("a<b>")


@pytest.fixture
def people():
    return make_people()


def parts(pair, viewer: Viewer = OLGA, key: str = "cutover", **query: str) -> dict[str, str]:
    return {name: unescape(html) for name, html in render_pair(pair.pk, key, viewer, query).items()}


def test_a_request_repeats_the_pair_and_says_in_numbers_what_will_happen(pair):
    make_root(pair)
    raw = render_pair(pair.pk, "cutover", OLGA)["swap"]
    assert "a<b>" not in raw
    swap = unescape(raw)
    for said in (
        "Request role swap: a<b>", "1 database and 1 file root moves from old-a<b> to new-a<b>",
        "for an unknown time, at most 5,000 ms", "when somebody else has approved it", "popover",
    ):  # fmt: skip
        assert said in swap
    assert "Expected time without a write</dt><dd>unknown" in swap


def test_an_approval_repeats_the_pair_and_carries_the_plan_that_was_shown(pair, people):
    swap = SwapRequest.request(pair, people["olga"])
    shown = parts(pair, Viewer(approve=True, user_id=people["artur"].pk))["swap"]
    assert "Approve this plan: a<b>" in shown and f'name="digest" value="{swap.digest}"' in shown
    assert "Every session on old-a<b> is ended" in shown and "Reject" in shown
    hers = parts(pair, Viewer(operate=True, request=True, user_id=people["olga"].pk))["swap"]
    assert "Approve" not in hers and "Cancel request" in hers


def test_what_is_in_the_way_stands_first_with_a_link_to_the_way_out(pair):
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 266)
    page = parts(pair)
    assert "cannot be asked for now: pool *SYSBAS is TRACKING SUSPENDED" in page["swap"]
    assert "formaction" not in page["swap"]
    rows = page["checks"].split("<tbody>")[1].split("<tr>")
    assert "In the way" in rows[1] and "TRACKING SUSPENDED" in rows[1] and "<a href=" in rows[1]
    assert "The secondary does not answer" in rows[1]
    assert "In order" in rows[-1]


def test_steps_are_shown_as_they_happen_and_checks_give_way_to_them(pair, people):
    swap = SwapRequest.request(pair, people["olga"])
    SwapRequest.objects.update(
        state="RUNNING", started_at=timezone.now(),
        steps=[
            {"database": "shop", "name": "rounds", "ms": 812.5, "text": "900 rows in 2 rounds"},
            {"database": "shop", "name": "last rounds", "ms": 0, "text": "", "under_way": True},
        ],
    )  # fmt: skip
    page = parts(pair)
    assert "812.5" in page["swap"] and "under way" in page["swap"] and "steps stand above" in page["checks"]
    SwapRequest.objects.update(state="FAILED", failure="the nodes differ", ended_at=timezone.now())
    page = parts(pair)
    assert "the nodes differ" in page["past"] and f"number {swap.pk}" in page["past"]


def test_earlier_swaps_show_their_gap_and_are_paged(pair, people):
    steps = [
        {"database": pair.pools.get().database, "name": name, "ms": 30} for name in ("fence", "drain", "open")
    ]
    for _ in range(12):
        SwapRequest.objects.create(
            pair=pair, plan=SwapRequest.plan_for(pair), digest="", state="COMPLETE", steps=steps,
            requested_by=people["olga"],
        )  # fmt: skip
    page = parts(pair)
    assert page["past"].count("90 ms without a write") == 10 and "90 ms" in page["swap"]
    [before] = re.findall(r"before=(\d+)", page["past"])
    assert parts(pair, before=before)["past"].count("<details") == 2


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "\0"])
def test_a_garbled_page_is_the_first_one(pair, before):
    assert "No role swap has ended yet" in parts(pair, before=before)["past"]


def types(pair, **query: str) -> dict[str, list[str]]:
    """The figures of each type that is shown."""
    counts = parts(pair, key="types", **query)["counts"].split("<tbody>")[1]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in counts.split("<tr>")[1:]]
    return {row[0]: row[1:5] for row in rows if len(row) > 5}


def test_before_anything_was_counted_it_is_unknown_and_not_0(pair):
    assert types(pair)["table"][:1] == ["unknown"] and types(pair)["table"][1:] == ["0", "0", "0"]
    assert "unknown, not counted yet" in parts(pair, key="types")["counts"]


def test_each_type_has_this_pair_s_figures(pair):
    pool, root = pair.pools.get(), make_root(pair)
    Inventory.objects.create(pool=pool, counted_at=timezone.now())
    for name, count in (("view", 1_200), ("ROLE", 3), ("rows of tables", 5_000_000)):
        ObjectCount.objects.create(pool=pool, object_type=name, count=count)
    for number, state in enumerate(("FAILED", "READY")):
        DefinitionEntry.objects.create(
            pool=pool, number=number, command="CREATE VIEW", object_type="view", state=state, failure="x"
        )
    DefinitionEntry.objects.create(
        pool=pool, number=9, command="ALTER TYPE", object_type="type", state="READY"
    )
    OtherObject.objects.create(pool=pool, object_type="ROLE", name="r", change="missing", state="FAILED")
    for n in range(4):
        MigratedObject.objects.create(
            pool=pool,
            object_type="view",
            identity=f"v{n}",
            tracked_at=timezone.now(),
            ended_at=timezone.now(),
        )
    owe(root, b"a", "FAILED", failure="no room")
    carried(root, b"b")
    found = types(pair)
    assert found["view"] == ["1,200", "2", "1", "4"] and found["ROLE"] == ["3", "1", "1", "0"]
    assert found["enum"] == ["0", "1", "0", "0"] and found["domain"] == ["0", "", "", ""]
    assert found["rows of tables"][0] == "about 5,000,000" and found["SYSTEM SETTING"][0] == "unknown"
    assert found["*STMF"] == ["unknown", "1", "1", "1"]


def test_the_table_is_filtered_by_list_stage_and_name(pair):
    assert set(types(pair, list="OTL")) == {"rows of tables"}
    assert "*SOCKET" in types(pair, stage="by-hand") and "table" not in types(pair, stage="by-hand")
    assert set(types(pair, name="TEXT search d")) == {"text search dictionary"}
    assert len(types(pair, list="nothing", stage="x")) == len(support.rows())
    assert "No type of object has this" in parts(pair, key="types", list="ITL", name="view")["counts"]


def test_the_page_of_all_pairs_is_filtered_too(people):
    client = Client()
    client.force_login(people["vera"])
    page = client.get("/object-types/", {"list": "ITL", "name": "<script>"}).content.decode()
    assert '<script>"' not in page and "&lt;script&gt;" in page and "text search" not in page


def test_counting_is_asked_for_once(pair, people):
    client = Client()
    client.force_login(people["olga"])
    page = client.post(f"/pairs/{pair.name}/types/count/", follow=True).content.decode()
    assert "Counting was asked for" in page and "Count now" not in page and Inventory.objects.get().asked_at


def test_a_count_that_failed_says_so_beside_the_older_figures(pair):
    now = timezone.now()
    Inventory.objects.create(pool=pair.pools.get(), counted_at=now, failure="no <b>answer", failed_at=now)
    raw = render_pair(pair.pk, "types", OLGA)["counts"]
    assert "The last count failed" in raw and "no &lt;b&gt;answer" in raw and "counted" in raw
