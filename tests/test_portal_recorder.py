"""The flight recorder's page: lines by filter, however many there are, and what is recorded and kept."""

import csv
import io
import re
import time
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.health import make_lines
from tests.portal import OLGA, make_pair, make_people
from tests.test_portal_exports import fetch
from tracking.models import RecorderLine, RecorderSettings
from tracking.pages import PAGES, render_pair
from tracking.recorder_lines import PAGE, SEARCHED, TAKEN, Lines

pytestmark = pytest.mark.django_db
PATH = "/pairs/shop/recorder/"
_MANY = """
    insert into tracking_recorderline (pair_id, at, place, component, level, text, seconds)
    select %s, now() - make_interval(secs => n * 0.5), '*SYSBAS',
           case when n %% 50000 = 0 then 'SWAP' else 'ENGINE' end,
           case when n %% 60000 = 0 then 0 else 2 end,
           case when n %% 70000 = 0 then 'needle' else 'step ' || n end, null
    from generate_series(1, %s) n
"""


@pytest.fixture
def olga():
    return client_of(make_people()["olga"])


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def lines(pair, **given: str) -> Lines:
    return Lines(pair, given)


def texts(pair, **given: str) -> list[str]:
    found = lines(pair, **given)
    rows = [line.text for line in found.rows]
    assert found.refused == []
    return rows


def test_lines_are_filtered_by_component_level_time_and_text(olga):
    pair = make_pair()
    make_lines(pair, 3, "quiet {}")
    make_lines(pair, 1, "loud", component="SWAP", level=0)
    make_lines(pair, 1, "odd 100 %_\\", component="SWAP", level=1, place="billing")
    RecorderLine.objects.filter(text="quiet 1").update(at=timezone.now() - timedelta(days=2))
    assert sorted(texts(pair, component="SWAP")) == ["loud", "odd 100 %_\\"]
    assert texts(pair, level="ERROR") == ["loud"] and len(texts(pair, level="WARNING")) == 2
    assert len(texts(pair, level="DETAIL")) == 5
    yesterday = f"{timezone.now() - timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert texts(pair, until=yesterday) == ["quiet 1"] and len(texts(pair, since=yesterday)) == 4
    assert sorted(texts(pair, search="QUIET", since=yesterday)) == ["quiet 2", "quiet 3"]
    assert texts(pair, search="billing") == texts(pair, search="%_\\") == ["odd 100 %_\\"]
    assert texts(pair, search="quiet%") == []
    page = olga.get(f"{PATH}?component=SWAP&level=ERROR").content.decode()
    assert "loud" in page and "odd 100" not in page and '<option value="SWAP" selected>' in page


def test_every_line_is_on_one_page_also_of_those_of_the_same_moment(olga):
    pair, other = make_pair("shop"), make_pair("crm")
    make_lines(pair, 250)
    make_lines(other, 10, "another pair's")
    RecorderLine.objects.filter(text__in=[f"step {n}" for n in range(90, 120)]).update(at=timezone.now())
    seen, address = [], PATH
    for _ in range(4):
        page = olga.get(address).content.decode()
        seen += re.findall(r"step \d+", page)
        older = re.search(r'<a href="([^"]+)">Older</a>', page)
        if older is None:
            break
        address = unescape(older[1])
        make_lines(pair, 5, "later {}")  # what comes meanwhile moves nothing
    assert len(seen) == 250 and set(seen) == {f"step {n}" for n in range(1, 251)}
    assert "That is all that is recorded" in page and "another" not in page and PAGE == 100


@pytest.mark.parametrize(
    "given, why",
    [
        ({"component": "<script>"}, "component '<script>' is none of ENGINE, CAPTURE"),
        ({"level": "7"}, "level '7' is none of ERROR"),
        ({"since": "yesterday"}, "since 'yesterday' is not a time"),
        ({"until": "2026-13-45T99:99"}, "is not a time"),
        ({"since": "9999-12-31T23:59:59-12:00"}, "is not a time"),
        ({"before": "'; drop table x"}, "to go on from cannot be read"),
        ({"before": "nan-1"}, "cannot be read"),
        ({"before": "1e300-1"}, "cannot be read"),
        ({"before": "1.0-99999999999999999999999"}, "cannot be read"),
        ({"before": "1.0--5"}, "cannot be read"),
        ({"before": "-"}, "cannot be read"),
    ],
)
def test_what_cannot_be_read_of_an_address_is_said_and_the_rest_is_shown(olga, given, why):
    make_lines(make_pair(), 3)
    answer = olga.get(PATH, given)
    page = answer.content.decode()
    assert answer.status_code == 200 and why in unescape(page) and "<script>'" not in page
    assert page.count("step ") == 3
    socket = unescape(re.search(r'hx-ws:connect="([^"]+)"', page)[1])
    assert set(parse_qs(urlsplit(socket).query)) <= TAKEN


@pytest.mark.parametrize(
    "given", [{"search": "\0x"}, {"search": "ü" * 3_000}, {"seen": "²"}, {"seen": "9" * 30}]
)
def test_odd_characters_do_no_harm(olga, given):
    make_lines(make_pair(), 3)
    assert olga.get(PATH, given).status_code == 200


def test_new_lines_are_offered_and_do_not_move_those_that_are_read(olga):
    pair = make_pair()
    make_lines(pair, 3)
    page = olga.get(f"{PATH}?component=ENGINE").content.decode()
    assert "No new line since this page was shown" in page
    socket = unescape(re.search(r'hx-get="([^"]+)"', page)[1])
    make_lines(pair, 37, "new {}")
    make_lines(pair, 2, "of another", component="SWAP")
    parts = olga.get(socket, headers={"HX-Request": "true"}).content.decode()
    assert "37 new lines, refresh" in parts and "new 1" not in parts
    assert f'href="{PATH}?component=ENGINE"' in parts
    assert "More than 1,000 new lines" in news_after(pair, 1_500)


def news_after(pair, number: int) -> str:
    seen = RecorderLine.objects.order_by("-pk").first().pk
    make_lines(pair, number)
    return render_pair(pair.pk, "recorder", OLGA, {"seen": str(seen)})["news"]


def test_the_live_part_reads_no_lines(django_assert_max_num_queries):
    pair = make_pair()
    make_lines(pair, 200)
    with django_assert_max_num_queries(10) as counted:
        render_pair(pair.pk, "recorder", OLGA, {"seen": "1"})
    asked = [query["sql"] for query in counted if "tracking_recorderline" in query["sql"]]
    assert asked and not any('"text"' in sql for sql in asked)


def test_what_was_lost_is_said():
    pair = make_pair()
    RecorderSettings.count_dropped(pair.pk, 1_234)
    assert "1,234 lines were lost" in render_pair(pair.pk, "recorder", OLGA)["news"]


@pytest.mark.slow
def test_many_lines_are_as_quick_as_ten():
    pair = make_pair()
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [pair.pk, 200_000])
        cursor.execute("analyze tracking_recorderline")
    deep = f"{(timezone.now() - timedelta(seconds=90_000)).timestamp():.6f}-1"
    old = f"{timezone.now() - timedelta(seconds=99_990):%Y-%m-%dT%H:%M:%S}"
    asked = {
        "the newest": {}, "deep": {"before": deep}, "rare errors": {"level": "ERROR"},
        "a rare component": {"component": "SWAP"}, "until then": {"until": old},
    }  # fmt: skip
    for what, given in asked.items():
        assert quickest(pair, given) < 0.1, what
    assert len(lines(pair, level="ERROR").rows) == 3 and len(lines(pair, component="SWAP").rows) == 4
    assert quickest(pair, {"search": "nothing like it"}) < 0.5  # among 50,000 lines at a time


def quickest(pair, given: dict[str, str]) -> float:
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        assert lines(pair, **given).rows or given.get("search")
        spent.append(time.perf_counter() - began)
    return min(spent)


def test_a_search_goes_on_where_it_stopped_until_all_was_searched(olga):
    pair = make_pair()
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [pair.pk, 2 * SEARCHED + 10])
    address, found, pages = f"{PATH}?search=needle", 0, 0
    while address:
        page = olga.get(address).content.decode()
        found += page.count('<td class="long">needle</td>')
        pages += 1
        older = re.search(r'<a href="([^"]+)">Search what is older</a>', page)
        assert older is None or "Searched back to" in page
        address = unescape(older[1]) if older else ""
    assert (found, pages) == (1, 3)


def test_the_lines_of_a_filter_are_a_file(olga):
    people_pair = make_pair()
    make_lines(people_pair, 1_500, "=1+{}")
    make_lines(people_pair, 2, "other", component="SWAP", level=0, seconds=1.5)
    from django.contrib.auth.models import User

    user = User.objects.get(username="vera")
    answer, text = fetch(user, f"{PATH}lines.csv?component=ENGINE&search=%3D1")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 1_500 and rows[0]["text"] == "'=1+1500" and rows[0]["level"] == "INFO"
    assert (
        answer["Content-Type"] == "text/csv; charset=utf-8"
        and "recorder-shop-" in answer["Content-Disposition"]
    )
    _, text = fetch(user, f"{PATH}lines.csv?level=ERROR")
    assert [row["seconds"] for row in csv.DictReader(io.StringIO(text))] == ["1.5", "1.5"]


def settings_of(page: str) -> dict[str, str]:
    """What the form would send as it was shown."""
    form = page.split('action="/pairs/shop/recorder/#h-kept"')[1].split("</form>")[0]
    given = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form))
    given |= {m[1]: m[0] for m in re.findall(r'name="(\w+)" value="([^"]*)"', form) if m[0] not in given}
    for name, options in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', form, re.DOTALL):
        given[name] = re.search(r'value="(\w+)" selected', options)[1]
    given |= dict(re.findall(r'<input type="number" name="(\w+)" value="(\d+)"', form))
    return given


def test_levels_and_retention_are_chosen_and_it_is_recorded_by_whom(olga):
    pair = make_pair()
    given = settings_of(olga.get(PATH).content.decode())
    assert (given["engine"], given["retention_days"]) == ("INFO", "7")
    answer = olga.post(PATH, {**given, "engine": "DETAIL", "files": "ERROR", "retention_days": "30"})
    assert (answer.status_code, answer["Location"]) == (302, PATH)
    settings = RecorderSettings.of(pair)
    assert settings.levels == {"ENGINE": "DETAIL", "FILES": "ERROR"} and settings.retention_days == 30
    (line,) = pair.recorder_lines.all()
    assert line.text == "olga: Days kept: 7 -> 30, Engine: INFO -> DETAIL, Files: INFO -> ERROR"
    again = settings_of(olga.get(PATH).content.decode())
    assert (again["engine"], again["files"], again["copy"]) == ("DETAIL", "ERROR", "INFO")


@pytest.mark.parametrize(
    "field, value", [("retention_days", "0"), ("retention_lines", "10"), ("engine", "LOUD"), ("files", "<b>")]
)
def test_settings_that_cannot_be_are_refused(olga, field, value):
    pair = make_pair()
    given = settings_of(olga.get(PATH).content.decode())
    answer = olga.post(PATH, {**given, field: value})
    assert answer.status_code == 200 and "field-error" in answer.content.decode()
    assert not RecorderSettings.objects.filter(pair=pair).exists() and "<b>" not in answer.content.decode()


def test_who_only_looks_may_neither_choose_nor_download_the_bundle(olga):
    make_pair()
    from django.contrib.auth.models import User

    for name in ("vera", "artur"):
        client = client_of(User.objects.get(username=name))
        page = client.get(PATH).content.decode()
        assert (
            "support.zip" not in page and "What is recorded and kept" in page and "<select name=" not in page
        )
        assert client.post(PATH, {}).status_code == 403
        assert client.get("/pairs/shop/support.zip").status_code == 403
    otto = client_of(User.objects.get(username="otto"))
    assert otto.get(PATH).status_code == otto.get(f"{PATH}lines.csv").status_code == 403


def test_a_text_with_many_lines_is_folded_and_only_text(olga):
    pair = make_pair()
    make_lines(pair, 1, "ValueError: <i>no\nTraceback\n  <b>line 3")
    page = olga.get(PATH).content.decode()
    assert (
        "<summary>ValueError: &lt;i&gt;no</summary>" in page
        and "&lt;b&gt;line 3" in page
        and "<b>line" not in page
    )


def test_the_page_takes_no_other_parameters():
    assert PAGES["recorder"].taken({"x": "1", "level": "ERROR", "search": ""}) == {"level": "ERROR"}
