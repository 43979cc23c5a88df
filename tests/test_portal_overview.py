"""A pair's overview and the list of pairs: what was measured, what follows from it, and where to go."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from nodes.models import StoragePool, SwapRequest
from tests.portal import (
    OLGA,
    make_history,
    make_pair,
    make_people,
    make_root,
    make_samples,
    make_synchronizing_pair,
    owe,
    part,
)
from tracking.models import Introduction, PoolSample, set_state
from tracking.pages import PAGES, PairView, context, render_home, render_pair

pytestmark = pytest.mark.django_db
TWO = ("shop", "accounts")


@pytest.fixture
def pair():
    """One that is in step, with samples of the last hour."""
    made = make_synchronizing_pair()
    make_samples(made.pools.get())
    return made


@pytest.fixture
def vera():
    client = Client()
    client.force_login(make_people()["vera"])
    return client


def shown(pair, **query: str) -> dict[str, str]:
    return render_pair(pair.pk, "", OLGA, query)


def ready(pair) -> str:
    """What the overview says of the time until a cutover, without its marks."""
    return re.sub(r"<[^>]+>|\s+", " ", part(pair, "head").split('class="tile ready"')[1])


def grow(pool: StoragePool, **figures: list[int]) -> None:
    """Samples of the last seconds with these figures, the latest of now."""
    now = timezone.now()
    for name, values in figures.items():
        for age, value in enumerate(reversed(values)):
            pool.measured_at = now - timedelta(seconds=5 * age)
            pool.tracked_rows = value if name == "rows" else 0
            PoolSample.take(pool, 10**9, 10**9 - (value if name == "lag" else 0))


def test_a_pool_or_a_root_is_selected_by_the_address():
    pair = make_pair(databases=TWO)
    make_root(pair, "/srv/old", "/srv/new")
    StoragePool.objects.filter(number=2).update(lag_bytes=7 * 2**20)
    assert "7.0 MB" in shown(pair, pool="2")["pools"].split("strip")[1].split("</dl>")[0]
    assert "7.0 MB" not in shown(pair)["pools"].split("strip")[1].split("</dl>")[0]
    root = shown(pair, pool="ifs-1")
    assert "/srv/old" in root["pools"].split("strip")[0] and "Files owed" in root["pools"]
    assert "<svg" not in root["lag"]


@pytest.mark.parametrize("given", ["3", "ifs-9", "<b>1", "-1", "x" * 3_000, "\uff11", "\x00", "*SYSBAS"])
def test_what_is_not_there_cannot_be_selected_and_is_said(vera, given):
    pair = make_pair(databases=TWO)
    page = vera.get("/pairs/shop/", {"pool": given, "minutes": given})
    assert page.status_code == 200 and "shown is *SYSBAS" in page.content.decode()
    assert "<b>1" not in page.content.decode()
    assert 'aria-current="true" title="shop"' in shown(pair, pool=given)["pools"]
    assert vera.get("/pairs/shop/samples/", {"pool": given, "minutes": given}).json()["at"] == []


def test_the_curves_have_a_gap_where_nothing_was_measured_and_say_their_highest_value(pair):
    lag = shown(pair)["lag"]
    line, area = (re.search(rf'class="{name}[^"]*" d="([^"]+)"', lag)[1] for name in ("line", "area"))
    assert line.count("M") == 2 and area.count("Z") == 2
    assert "Lag: <strong>46.4 MB</strong> at most" in " ".join(lag.split())
    figures = lag.split("<tbody>")[1]
    assert figures.count("<tr>") == 10 and figures.count("unknown") == 8  # in twelve of sixty minutes
    assert "1.0 MB/s" in figures


def test_no_curve_is_drawn_of_what_was_never_measured():
    lag = shown(make_synchronizing_pair())["lag"]
    assert "<svg" not in lag and "No sample in the last 1 h." in lag


@pytest.mark.parametrize(
    "minutes, samples",
    [("10", 121), ("60", 574), ("360", 1_294), ("2880", 1_294), ("0", 574), ("1e9", 574)],
)
def test_a_chart_goes_as_far_back_as_is_asked_for(vera, minutes, samples):
    pair = make_synchronizing_pair()
    make_samples(pair.pools.get(), hours=2)
    data = vera.get("/pairs/shop/samples/", {"pool": "1", "minutes": minutes}).json()
    known = [at for at, lag in zip(data["at"], data["lag"], strict=True) if lag is not None]
    assert len(known) in (samples - 1, samples)  # the clock goes on
    assert len({len(column) for column in data.values()}) == 1 and data["at"] == sorted(data["at"])
    assert len(data["at"]) - len(known) == (minutes != "10") and data["written"][-1] == pytest.approx(2**20)


def test_the_page_carries_the_latest_sample_as_the_data_have_it(vera, pair):
    data = vera.get("/pairs/shop/samples/").json()
    last = re.search(
        r'<data id="latest" value="([\d.]+)" data-at="([\d.]+)" data-lag="(\d+)"', shown(pair)["lag"]
    )
    assert [float(text) for text in last.groups()] == [data["at"][-1], data["at"][-1], data["lag"][-1]]


def test_samples_are_for_those_who_may_see_the_pair(pair):
    client = Client()
    client.force_login(make_people()["otto"])
    assert client.get("/pairs/shop/samples/").status_code == 403
    assert client.post("/pairs/shop/samples/").status_code in (403, 405)


def test_a_pair_without_a_database_has_no_samples(vera):
    make_pair(databases=())
    assert vera.get("/pairs/shop/samples/").status_code == 404
    assert vera.get("/pairs/none/samples/").status_code == 404
    assert "No storage pool yet" in vera.get("/pairs/shop/?pool=1").content.decode()


def test_a_pair_in_step_is_ready_now_and_says_why(pair):
    assert "Ready now" in ready(pair) and "lag 6.0 MB, allowed 256 MB" in ready(pair)


def test_a_lag_that_shrinks_is_ready_in_some_time(pair):
    pair.pools.get().samples.all().delete()
    pool = pair.pools.get()
    grow(pool, lag=[800 * 2**20, 750 * 2**20, 700 * 2**20, 650 * 2**20, 606 * 2**20])
    assert "in about 36 s" in ready(pair) and "less by 9.8 MB/s since" in ready(pair)


def test_a_lag_that_grows_is_never_ready(pair):
    pair.pools.get().samples.all().delete()
    grow(pair.pools.get(), lag=[2**28 + n * 2**20 for n in range(1, 9)])
    assert "Not reachable at this rate" in ready(pair) and "more by 205 kB/s since" in ready(pair)


def test_rows_are_owed_while_it_is_tracking():
    pair = make_synchronizing_pair()
    pool = pair.pools.get()
    set_state(pool, "TRACKING", "SUSPENDED", 212)
    pool.refresh_from_db()
    grow(pool, rows=[100, 110, 120, 130])
    said = ready(pair)
    assert "Not reachable at this rate" in said and "130 rows are owed, allowed is none, more by 2/s" in said
    assert "it is TRACKING SUSPENDED (212 A user asked for the suspend)" in said
    set_state(pool, "ACTIVE", "SYNCHRONIZING")  # of that there is no sample yet
    assert "it is ACTIVE SYNCHRONIZING; too few samples" in ready(pair)
    set_state(pool, "TRACKING", "SUSPENDED", 212)
    PoolSample.objects.all().delete()
    grow(pool, rows=[0, 0, 0, 0])
    assert "Unknown" in ready(pair) and "no row is owed by key" in ready(pair)


def test_what_is_not_measured_now_is_unknown(pair):
    PoolSample.objects.filter(at__gt=timezone.now() - timedelta(seconds=60)).delete()
    assert "Unknown" in ready(pair) and "it was not measured since" in ready(pair)


def test_what_else_is_in_the_way_of_a_cutover_is_said(pair):
    make_history(pair)
    assert "Not now" in ready(pair) and "2 definition changes of pool *SYSBAS are not on" in ready(pair)


def test_a_request_for_a_role_swap_hides_nothing_that_is_in_its_way(pair):
    SwapRequest.request(pair, make_people()["olga"])
    make_history(pair)
    assert "Not now" in ready(pair) and "2 definition changes of pool *SYSBAS are not on" in ready(pair)


def test_the_pool_that_is_last_is_named(pair):
    StoragePool.objects.create(pair=pair, number=2, database="accounts")
    assert "Unknown accounts: its system migration is not complete" in " ".join(ready(pair).split())


def test_the_home_page_leads_to_where_a_need_is_dealt_with():
    pair = make_synchronizing_pair()
    make_history(pair)
    owe(make_root(pair), b"invoice", "FAILED", failure="no room")
    make_synchronizing_pair("calm")
    broken = make_synchronizing_pair("broken")
    type(broken).objects.filter(pk=broken.pk).update(phase_detail="E", detail_text="no disk")
    needs = render_home()["pairs"].split("</ul>")[0]
    lines = [" ".join(re.sub(r"<[^>]+>", " ", line).split()) for line in needs.split("<li>")[1:]]
    assert lines == [
        "broken no disk Overview",
        "shop 2 definitions to be carried by hand. Definitions and other objects",
        "shop 1 file waits for somebody. Files",
    ]
    assert re.findall(r'href="(/pairs/[^"]+)">[DFO]', needs) == [
        "/pairs/broken/", "/pairs/shop/definitions/", "/pairs/shop/paths/",
    ]  # fmt: skip


def test_the_home_page_says_when_nobody_is_needed(pair):
    assert "Nobody: 1 pair goes on by itself." in render_home()["pairs"]


def test_every_pool_has_its_last_hour_on_the_home_page(pair):
    tracking = make_synchronizing_pair("crm").pools.get()
    set_state(tracking, "TRACKING", "SUSPENDED", 212)
    make_samples(tracking, rows=1_200)
    make_synchronizing_pair("new")
    home = render_home()["pairs"]
    assert home.count('class="spark"') == 2 and "no sample" in home
    assert "46.4 MB at most" in " ".join(home.split()) and "1,200 rows owed at most" in " ".join(home.split())


def test_more_pools_and_samples_cost_no_more_queries(pair, django_assert_max_num_queries):
    with django_assert_max_num_queries(7):
        render_home()
    with django_assert_max_num_queries(22):
        context(PAGES[""], PairView(pair, OLGA))
    for number in range(2, 9):
        pool = StoragePool.objects.create(pair=pair, number=number, database=f"db{number}", step="MIRRORED")
        set_state(pool, "TRACKING", "SUSPENDED", 212)
        make_samples(pool)
    with django_assert_max_num_queries(7):
        render_home()
    with django_assert_max_num_queries(22):
        context(PAGES[""], PairView(type(pair).objects.get(pk=pair.pk), OLGA))


def test_a_demo_is_explained_to_each_person_until_he_has_read_it(pair):
    people = make_people()
    olga, vera = Client(), Client()
    olga.force_login(people["olga"])
    vera.force_login(people["vera"])
    assert "A demonstration" not in olga.get("/").content.decode()
    Introduction.objects.create(pair=pair)
    page = vera.get("/").content.decode()
    assert page.count("<li>", page.index("A demonstration"), page.index("show this again")) == 5
    assert vera.get("/pairs/shop/introduction/").status_code == 405
    vera.post("/pairs/shop/introduction/")
    vera.post("/pairs/shop/introduction/")
    assert "A demonstration" not in vera.get("/").content.decode()
    assert "A demonstration" in olga.get("/").content.decode()
    assert olga.post("/pairs/none/introduction/").status_code == 404
    pair.delete()
    assert "A demonstration" not in olga.get("/").content.decode()


def test_every_link_of_the_explanation_leads_somewhere(pair, vera):
    Introduction.objects.create(pair=pair)
    page = vera.get("/").content.decode()
    text = page[page.index("A demonstration") : page.index("show this again")]
    links = re.findall(r'href="([^"]+)"', text)
    assert len(set(links)) == 6 and all(vera.get(link).status_code == 200 for link in links)


def test_the_chart_is_told_nothing_that_is_not_known(vera, pair):
    pool = pair.pools.get()
    pool.samples.all().delete()
    PoolSample.take(pool, 10**9, None)
    assert 'data-lag="" data-written="" data-read=""' in shown(pair)["lag"]
    answer = vera.get("/pairs/shop/samples/")
    assert json.loads(answer.content)["lag"] == [None] and answer["Content-Type"] == "application/json"
