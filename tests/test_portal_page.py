"""What the pages say is true, also where little is known, and shows nothing that could be injected."""

import re
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from mwaportal import shown
from mwaportal.access import Viewer
from nodes import status
from nodes.models import CriteriaRule, SwapRequest
from tests.portal import (
    OLGA,
    everything,
    make_copies,
    make_history,
    make_pair,
    make_people,
    make_synchronizing_pair,
    part,
)
from tracking import progress
from tracking.models import CompareResult, CompareRun, TableCopy, set_phase, set_state
from tracking.pages import PAGES, render_home, render_pair
from tracking.pages.home import home_context

pytestmark = pytest.mark.django_db


def test_the_first_page_explains_what_to_do():
    client = Client()
    client.force_login(make_people()["vera"])
    assert "make demo" in client.get("/").content.decode()


def test_what_was_never_measured_is_unknown(settings):
    pools = part(make_pair(), "pools")
    assert pools.count("unknown") == 5 and "never" in pools and "0 B" not in pools


def test_a_measured_value_says_when():
    pools = part(make_synchronizing_pair(), "pools")
    assert "2.3 kB" in pools and "64.0 kB" in pools and "<time" in pools


def test_names_from_elsewhere_are_only_text():
    pair = make_synchronizing_pair("<script>alert(1)</script>")
    make_history(pair)
    page = everything(pair)
    assert "<script>" not in page and "<b>today" not in page and "<i>9.91" not in page
    assert "&lt;b&gt;today" in page
    differs = CompareResult.objects.get(verdict="DIFFERENT")
    shown = "".join(render_pair(pair.pk, "compare", OLGA, {"result": str(differs.pk)}).values())
    assert "<i>9.91" not in shown and "&lt;i&gt;9.91" in shown and "<script>" not in shown


def test_the_worst_pair_comes_first_and_says_what_it_needs():
    make_synchronizing_pair("calm")
    broken = make_synchronizing_pair("broken")
    set_state(broken.pools.get(), "TRACKING", "SUSPENDED", 266)
    failed = make_pair("failed")
    set_phase(failed, "SETUP", "E", "the copy is not empty")
    rows = home_context()["rows"]
    assert [row["pair"].name for row in rows] == ["failed", "broken", "calm"]
    assert [[need.text for need in row["needs"]] for row in rows] == [
        ["the copy is not empty"],
        ["*SYSBAS is suspended: 266 The secondary does not answer."],
        [],
    ]


@pytest.mark.parametrize(
    "state, reason, shown_as",
    [
        (("ACTIVE", "REPLICATING"), 0, ["normal", "in-progress"]),
        (("ACTIVE", "SYNCHRONIZING"), 0, ["in-progress", "in-progress"]),
        (("TRACKING", "SUSPENDED"), 9050, ["in-progress", "in-progress"]),
        (("TRACKING", "SUSPENDED"), 9040, ["caution-major", "caution-major"]),
    ],
)
def test_a_pair_looks_well_only_while_its_pools_are_in_step(state, reason, shown_as):
    pair = make_synchronizing_pair()
    set_state(pair.pools.get(), *state, reason)
    row = manager(pair)
    assert re.findall(r"status-([\w-]+)", row) == shown_as
    assert ("*SYSBAS is suspended: 9040" in row) is (reason == 9040)
    assert f"status-{shown_as[0]}" in home_row("shop") and f"status-{shown_as[0]}" in heading(pair)


def manager(pair) -> str:
    return part(pair, "phases").split("MANAGER")[1].split("</tr>")[0]


def heading(pair) -> str:
    return render_pair(pair.pk, "", OLGA)["strip"].split("<dt>Phase</dt>")[1].split("</dd>")[0]


def home_row(name: str) -> str:
    return render_home()["pairs"].split('id="h-pairs"')[1].split(f'/pairs/{name}/"')[1].split("rowspan")[2]


def test_a_list_is_idle_while_what_it_holds_does_not_go_across():
    pair = make_synchronizing_pair()
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 266)
    phases = part(pair, "phases")
    assert "Idle" in phases.split("OBJECT MIR")[1].split("</tr>")[0]
    set_phase(pair, "SYNC", "E", "no disk")
    assert "no disk" in manager(pair) and "status-failed" in manager(pair)


def test_a_reason_says_what_it_means_and_what_it_is_this_time():
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    set_state(pool, "TRACKING", "SUSPENDED", 9040, "ALTER TABLE public.<b>")
    said = "9040 A definition could not be carried: ALTER TABLE public.&lt;b&gt;"
    assert said in part(pair, "head")
    set_state(pool, "TRACKING", "SUSPENDED", 266)
    assert "266 The secondary does not answer." in part(pair, "head")


def test_what_holds_a_table_up_stands_below_its_name():
    pair = make_pair()
    make_copies(pair.pools.get(), 5)
    TableCopy.objects.filter(state="LOCKED").update(message="locked by <i>nightly</i>")
    copies = part(pair, "copies")
    assert 'orders_4</span><div class="quiet">locked by &lt;i&gt;nightly&lt;/i&gt;</div>' in copies


def test_a_retry_is_announced_only_while_it_is_to_come():
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    pool.retry_at = timezone.now() + timezone.timedelta(minutes=1)
    pool.save()
    assert "tried again" not in part(pair, "pools")
    set_state(pool, "TRACKING", "SUSPENDED", 9070)
    assert "tried again" in part(pair, "pools")
    pair.ask("SYNC")  # now
    assert "tried again" not in part(pair, "pools")


@pytest.mark.parametrize(
    "reason, kind", [(9000, "caution-minor"), (212, "caution-minor"), (9070, "caution-major")]
)
def test_a_suspend_that_nobody_has_to_look_at_does_not_alarm(reason, kind):
    pair = make_synchronizing_pair()
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", reason)
    assert part(pair, "pools").split("Suspended")[0].rsplit("status-", 1)[1].startswith(f'{kind}"')


def test_every_status_there_is_can_be_shown():
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    for phase, _ in status.PHASE.choices:
        for detail, _ in status.PHASE_DETAIL.choices:
            type(pair).objects.update(phase=phase, phase_detail=detail)
            assert status.PHASE[phase].label in part(pair, "")
    for detail, label in status.REPLICATION_DETAIL.choices:
        type(pool).objects.update(state="TRACKING", detail=detail)
        assert label in part(pair, "")


def test_progress_is_counted_over_every_table_and_estimated_while_it_runs():
    pair = make_pair()
    make_copies(pair.pools.get(), 140)
    found = progress.summary([pair.pools.get().pk], timezone.now())
    assert found.tables == 140 and 0 < found.percent < 100 and found.remaining > 0
    assert {s.value: n for s, n in found.counts} == {
        "COPIED": 60, "COPYING": 20, "WAITING": 20, "LOCKED": 20, "FAILED": 20,
    }  # fmt: skip
    shown_states = [
        row.copy.state
        for row in progress.shown_copies({p.pk: p for p in pair.pools.all()}, timezone.now())[0]
    ]
    assert shown_states == ["COPYING"] * 20 + ["FAILED"] * 20 + ["LOCKED"] * 10
    assert "are of all 140" in everything(pair)


def test_an_estimate_that_was_too_low_never_shows_more_than_everything():
    pair = make_pair()
    copy = TableCopy(
        pool=pair.pools.get(), state="COPYING", rows_total=10, rows=4_000, started_at=timezone.now()
    )
    row = progress.CopyRow(copy, "*SYSBAS", timezone.now())
    assert (row.percent, row.rows_total, row.remaining) == (99, 4_000, 0)


def test_a_large_table_weighs_more_than_one_with_many_rows():
    pool = make_pair().pools.get()
    began = timezone.now() - timezone.timedelta(seconds=100)
    TableCopy.objects.create(
        pool=pool, name="log", state="COPIED", rows_total=9_000, rows=9_000, bytes_total=100_000,
        bytes=90_000, started_at=began, ended_at=timezone.now(),
    )  # fmt: skip
    TableCopy.objects.create(
        pool=pool, name="scans", state="COPYING", rows_total=1_000, rows=100, bytes_total=900_000,
        bytes=400_000, started_at=began,
    )  # fmt: skip
    found = progress.summary([pool.pk], began + timezone.timedelta(seconds=100))
    assert (found.rows, found.rows_total, found.bytes, found.bytes_total) == (9_100, 10_000, 190_000, 10**6)
    assert (found.percent, found.rate, found.byte_rate) == (19, 91, 1_900)
    assert round(found.remaining) == round(810_000 / 1_900)
    copies = part(pool.pair, "advance")
    for shown_as in ("19 %", "9,100 of about 10,000 rows", "186 kB of about 977 kB"):
        assert shown_as in copies


def test_a_table_of_which_the_planner_knows_nothing_goes_by_its_bytes():
    pair = make_pair()
    now = timezone.now()
    copy = TableCopy(
        pool=pair.pools.get(), state="COPYING", rows=500, bytes_total=1_000, bytes=250,
        started_at=now - timezone.timedelta(seconds=5),
    )  # fmt: skip
    row = progress.CopyRow(copy, "*SYSBAS", now)
    assert (row.percent, row.bytes_done, row.byte_rate, row.remaining) == (25, 250, 50, 15)
    copy.save()
    found = progress.summary([copy.pool_id], now)
    assert (found.percent, found.bytes, found.remaining) == (25, 250, 15)


def test_the_sum_of_all_tables_is_that_of_their_rows():
    pair = make_pair()
    make_copies(pair.pools.get(), 40)
    now = timezone.now()
    rows, _ = progress.shown_copies({pool.pk: pool for pool in pair.pools.all()}, now)
    found = progress.summary([pair.pools.get().pk], now)
    assert found.bytes == sum(row.bytes_done for row in rows) > 0
    assert found.bytes_total == sum(row.bytes_total for row in rows)


def steps_of(pair) -> list[list[str]]:
    return [[step.kind for step in steps] for _, steps in progress.steps(pair, list(pair.pools.all()))]


def test_each_step_of_a_system_migration_is_shown_also_those_that_copy_nothing():
    pair = make_pair(databases=("shop", "billing"))
    assert steps_of(pair) == [["not-started"] * 5] * 2
    pair.ask("SYNC")
    set_phase(pair, "SETUP", "A")
    pool = pair.pools.first()
    pool.step = "COPIED"
    pool.save()
    indexing = ["succeeded"] * 3 + ["in-progress", "not-started"]
    assert steps_of(pair) == [indexing, ["not-started"] * 5]
    label = "Indexes and constraints</span>"
    assert "in-progress" in part(pair, "advance").split(label)[0].rsplit("<li>", 1)[1]
    pair.pools.filter(number=1).update(step="MIRRORED")
    assert steps_of(pair) == [["succeeded"] * 5, ["in-progress"] + ["not-started"] * 4]
    set_phase(pair, "SYNC", "A")
    assert steps_of(pair) == []


def test_a_finished_migration_is_complete():
    pair = make_pair()
    make_copies(pair.pools.get(), 3)
    now = timezone.now()
    TableCopy.objects.update(state="COPIED", started_at=now, ended_at=now + timezone.timedelta(seconds=10))
    found = progress.summary([pair.pools.get().pk], now)
    assert (found.percent, found.remaining) == (100, None)


def compares_of(pair, **query: object) -> str:
    parts = render_pair(pair.pk, "compare", OLGA, {name: str(value) for name, value in query.items()})
    return unescape(parts["progress"] + parts["history"])


def test_a_difference_is_shown_by_column_whatever_the_columns_are_called():
    pair = make_synchronizing_pair()
    run = CompareRun.objects.create(pool=pair.pools.get(), ended_at=timezone.now())
    row = {"kind": "different", "key": "{1}", "source": {"items": "2", "n": None}, "copy": None}
    result = CompareResult.objects.create(
        run=run, schema="public", name="carts", verdict="DIFFERENT", different_rows=1, differences=[row]
    )
    page = compares_of(pair, result=result.pk)
    assert "<code>{1}</code>" in page
    cells = re.findall(
        r'<th scope="row" class="name">(.*?)</th><td class="value">(.*?)</td>\s*<td class="value">(.*?)</td>',
        page,
    )
    assert [(name, re.sub("<.*?>", "", here), re.sub("<.*?>", "", there)) for name, here, there in cells] == [
        ("n", "NULL", "no row"), ("items", "2", "no row"),
    ]  # fmt: skip


def test_of_many_unequal_tables_the_different_ones_are_listed_and_all_are_counted():
    pair = make_synchronizing_pair()
    run = CompareRun.objects.create(pool=pair.pools.get(), ended_at=timezone.now())
    CompareResult.objects.bulk_create(
        CompareResult(run=run, schema="public", name=f"t{n:03}", verdict=verdict, rows=10)
        for n, verdict in enumerate(["EQUAL"] * 40 + ["NOT COMPARABLE"] * 40 + ["DIFFERENT"] * 5)
    )
    run.rows = 850
    run.save()
    page = compares_of(pair, run=run.pk)
    for said in ("Different</span> 5", "Not comparable</span> 40", "Equal</span> 40", "<dd>850"):
        assert said in page
    assert re.findall(r"public\.t\d+", page)[:6] == [
        *(f"public.t{n:03}" for n in range(80, 85)),
        "public.t040",
    ]
    assert page.count("public.t") == 50
    [more] = re.findall(r"after=(\d+)", page)
    rest = compares_of(pair, run=run.pk, after=more)
    assert len(set(re.findall(r"public\.t\d+", page + rest))) == 85 and "after=" not in rest


def test_a_compare_that_waits_says_so_and_is_not_offered_twice():
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    CompareRun.request(pool)
    assert "Asked for" in compares_of(pair) and compares_of(pair).count("formaction") == 1  # to stop it
    CompareRun.objects.update(started_at=timezone.now(), progress_at=timezone.now())
    assert "Comparing" in compares_of(pair)
    set_state(pool, "TRACKING", "SUSPENDED", 9020)
    assert "Waits until it is replicating" in compares_of(pair)


def test_a_swap_shows_its_plan_and_its_steps():
    people = make_people()
    pair = make_synchronizing_pair()
    swap = SwapRequest.request(pair, people["olga"])
    swap.steps = [{"name": "fence", "ms": 18.25, "text": "4 sessions ended"}]
    swap.save()
    page = part(pair, "swap", Viewer(approve=True, user_id=people["artur"].pk))
    for piece in ("old-shop", "new-shop", "5,000 ms", "18.3", "4 sessions ended", f'value="{swap.digest}"'):
        assert piece in page


def test_a_swap_shows_which_criteria_its_plan_holds_for_and_nothing_where_there_are_none():
    people = make_people()
    pair = make_synchronizing_pair()
    SwapRequest.request(pair, people["olga"])
    assert "Replication criteria" not in part(pair, "swap")
    SwapRequest.objects.all().delete()
    pool = pair.pools.get()
    CriteriaRule.objects.create(pool=pool, inclusion="EXCLUDE", schema="<i>old", state="ACTIVE")
    SwapRequest.request(pair, people["olga"])
    page = part(pair, "swap", Viewer(approve=True, user_id=people["artur"].pk))
    assert "what they leave out is on new-shop only as it is there now" in page
    assert "EXCLUDE everything in schema &lt;i&gt;old of *SYSBAS" in page


def test_the_steps_of_several_databases_are_told_apart():
    people = make_people()
    pair = make_synchronizing_pair()
    swap = SwapRequest.request(pair, people["olga"])
    swap.steps = [{"database": "shop", "name": "fence", "ms": 18.25, "text": ""}]
    swap.save()
    assert ">Database</th>" not in part(pair, "swap")
    swap.plan["databases"] = ["shop", "billing"]
    swap.save()
    assert '<td class="name">shop</td>' in part(pair, "swap")


def test_a_pair_with_a_thousand_tables_asks_the_database_little(django_assert_max_num_queries):
    pair = make_synchronizing_pair()
    make_history(pair)
    make_copies(pair.pools.get(), 1_000)
    render_pair(pair.pk, "migration", OLGA)
    with django_assert_max_num_queries(16):
        render_pair(pair.pk, "migration", OLGA)


def test_the_pair_page_needs_few_queries(django_assert_max_num_queries):
    client = Client()
    client.force_login(make_people()["olga"])
    make_synchronizing_pair()
    client.get("/pairs/shop/")
    with django_assert_max_num_queries(28):
        client.get("/pairs/shop/")


def test_a_page_of_a_pair_that_is_gone_is_not_found():
    pair = make_pair()
    client = Client()
    client.force_login(make_people()["vera"])
    pk = pair.pk
    pair.delete()
    for key, page in PAGES.items():
        assert client.get(f"/pairs/shop/{key}/".replace("//", "/")).status_code == 404, page.label
        assert render_pair(pk, key, OLGA) is None


@pytest.mark.parametrize(
    "value, text", [(None, "unknown"), (0, "0 B"), (1023, "1023 B"), (1024, "1.0 kB"), (5e14, "455 TB")]
)
def test_sizes(value, text):
    assert shown.size(value) == text


@pytest.mark.parametrize(
    "value, text",
    [(None, "unknown"), (3.4, "3 s"), (75, "1 min 15 s"), (7260, "2 h 1 min"), (2e5, "2 d 7 h")],
)
def test_durations(value, text):
    assert shown.duration(value) == text


@pytest.mark.parametrize("name", ["a/b", "~1", "größe 100 % ~/?#&", "a\nb\\c", "x" * 59, "start"])
def test_any_name_makes_an_address_that_leads_back(name):
    make_synchronizing_pair(name)
    client = Client()
    client.force_login(make_people()["olga"])
    page = client.get("/").content.decode()
    address = unescape(page.split('scope="row"')[1].split('href="')[1].split('"')[0])
    answer = client.get(address)
    assert answer.status_code == 200 and answer.context["pair"].name == name
    assert client.post(f"{address}pause/").status_code == 302
