"""The page of the compares, and what can be done there."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from mwaportal.access import Viewer
from nodes.models import Pair, SwapRequest
from tests.portal import OLGA, make_pair, make_people, make_root, make_synchronizing_pair
from tracking.models import CompareRun, CompareSchedule, FileCompare, set_state
from tracking.pages import render_pair

pytestmark = pytest.mark.django_db
PATH = "/pairs/shop/compare/"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def pair():
    return make_synchronizing_pair()


@pytest.fixture
def olga(rung):
    client = Client()
    client.force_login(make_people()["olga"])
    return client


def page_of(client: Client, **query: object) -> str:
    answer = client.get(PATH, query)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def post(client: Client, path: str, **data: object) -> str:
    return unescape(client.post(f"{PATH}{path}", data, follow=True).content.decode())


def differing(pair, rows: int = 1, **values: object):
    """A compare with a table that differs."""
    run = CompareRun.objects.create(
        pool=pair.pools.get(), verdict="DIFFERENT", asked_by="olga", started_at=timezone.now(),
        ended_at=timezone.now(), rows=90_000, tables=1, tables_done=1,
    )  # fmt: skip
    found = [
        {
            "kind": "different", "key": f"{{{n}}}", "columns": ["id", "total", "note"], "differs": ["total"],
            "source": {"id": str(n), "total": "9.90", "note": None},
            "copy": {"id": str(n), "total": HOSTILE, "note": None},
        }
        for n in range(rows)
    ]  # fmt: skip
    return run.results.create(
        schema="public", name="orders", verdict="DIFFERENT", rows=90_000, different_rows=rows,
        differences=found, **values,
    )  # fmt: skip


def test_before_the_first_compare_the_page_says_what_would_be_there(pair, olga):
    page = page_of(olga)
    assert "No compare is running" in page and "Nothing has been compared yet" in page


def test_everything_is_asked_for_at_once(pair, olga, rung):
    make_root(pair)
    page = post(olga, "start/", what="all", content="1")
    run, files = CompareRun.objects.get(), FileCompare.objects.get()
    assert (run.of, run.asked_by, files.content, rung) == ("all tables", "olga", True, [pair.pk])
    assert "all tables" in page and "IFS 1 with contents" in page and page.count("Asked for") >= 2


@pytest.mark.parametrize(
    "given, of",
    [
        ({"what": "pool-1", "schema": "billing"}, ["schema billing"]),
        ({"what": "all", "schema": " odd ", "table": "Näme"}, ["table  odd .Näme"]),
        ({"what": "root-1", "content": ""}, ["IFS 1 without contents"]),
    ],
)
def test_one_part_is_asked_for(pair, olga, given, of):
    make_root(pair)
    post(olga, "start/", **given)
    assert [each.of for each in [*CompareRun.objects.all(), *FileCompare.objects.all()]] == of


@pytest.mark.parametrize(
    "given, said",
    [
        ({"what": "pool-9"}, "not one of the available choices"),
        ({}, "This field is required"),
        ({"what": "all", "table": "orders"}, "named without its schema"),
        ({"what": "root-1", "schema": "s"}, "a file root was chosen; needed is a pool"),
        ({"what": "all", "schema": "x" * 64}, "at most 63"),
        ({"what": "all", "schema": "a\0b"}, "Null characters"),
        ({"what": HOSTILE, "schema": HOSTILE}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_what_was_typed_stays(pair, olga, rung, given, said):
    make_root(pair)
    answer = olga.post(f"{PATH}start/", given)
    assert answer.status_code == 200 and said in unescape(answer.content.decode())
    assert HOSTILE not in answer.content.decode()
    assert not CompareRun.objects.exists() and not FileCompare.objects.exists() and rung == []


def test_all_is_asked_for_or_nothing(pair, olga):
    make_root(pair)
    set_state(pair.file_roots.get(), "TRACKING", "SUSPENDED", 9100)
    page = post(olga, "start/", what="all")
    assert "file root /srv/old is TRACKING SUSPENDED; a compare needs ACTIVE REPLICATING" in page
    assert not CompareRun.objects.exists()


def test_progress_says_how_far_it_is_and_since_when_and_can_be_ended(pair, olga):
    run = CompareRun.request(pair.pools.get(), by="oskar")
    began = timezone.now() - timezone.timedelta(seconds=10)
    CompareRun.objects.update(
        started_at=began, progress_at=began + timezone.timedelta(seconds=5), tables=40, tables_done=12,
        rows=1_000_000, current=[["public.orders", 65_536, 2_000_000]],
    )  # fmt: skip
    page = page_of(olga)
    for said in (
        "12 of 40 tables",
        "1,000,000 rows",
        "200,000 rows/s",
        "public.orders</span> 65,536 of about 2,000,000",
    ):
        assert said in page
    assert "by oskar" in page and "as of" in page
    assert "Is being stopped" in post(olga, f"runs/{run.pk}/stop/")
    assert "is being stopped by olga" in post(olga, f"runs/{run.pk}/stop/")


def test_a_compare_of_files_is_ended_too(pair, olga):
    files = FileCompare.request(make_root(pair))
    assert "Stopped" in post(olga, f"files/{files.pk}/stop/")
    assert "has ended already" in post(olga, f"files/{files.pk}/stop/")


@pytest.mark.parametrize(
    "given, said",
    [
        ({"rhythm": "hours", "hours": "6"}, "every 6 hours"),
        ({"rhythm": "daily", "at": "03:30"}, "daily at 03:30 UTC"),
    ],
)
def test_a_schedule_shows_when_the_next_compare_is_due_and_ends(pair, olga, given, said):
    page = post(olga, "schedule/", **given)
    assert said in page and "Next due" in page and "none yet" in page and "by olga" in page
    CompareSchedule.objects.update(set_at=timezone.now() - timezone.timedelta(days=2))
    set_state(pair.pools.get(), "TRACKING", "SUSPENDED", 266)
    assert "waits: *SYSBAS is TRACKING SUSPENDED; needed is ACTIVE REPLICATING" in page_of(olga)
    assert "Next due" not in post(olga, "schedule/", rhythm="") and not CompareSchedule.objects.exists()


@pytest.mark.parametrize(
    "given, said",
    [
        ({"rhythm": "hours"}, "needed is a number of hours from 1 to 744"),
        ({"rhythm": "hours", "hours": "0"}, "greater than or equal to 1"),
        ({"rhythm": "hours", "hours": "745"}, "less than or equal to 744"),
        ({"rhythm": "hours", "hours": "x"}, "Enter a whole number"),
        ({"rhythm": "daily"}, "needed is a time as 03:30"),
        ({"rhythm": "daily", "at": "25:00"}, "Enter a valid time"),
        ({"rhythm": "weekly"}, "not one of the available choices"),
    ],
)
def test_a_schedule_that_there_cannot_be_is_refused(pair, olga, given, said):
    assert said in post(olga, "schedule/", **given) and not CompareSchedule.objects.exists()


def test_the_history_is_paged_by_key_and_leads_to_each_compare(pair, olga):
    runs = [
        CompareRun.objects.create(pool=pair.pools.get(), verdict="EQUAL", ended_at=timezone.now())
        for _ in range(45)
    ]
    seen: list[str] = []
    page = page_of(olga)
    while True:
        seen += re.findall(r"\?run=(\d+)", page)
        older = re.search(r"\?before=(\d+)#", page)
        if not older:
            break
        page = page_of(olga, before=older[1])
    assert seen == [str(run.pk) for run in reversed(runs)]


def test_a_compare_lists_its_tables_by_verdict_and_name(pair, olga):
    run = differing(pair).run
    for name, verdict, reason in (("customers", "EQUAL", ""), ("logs", "NOT COMPARABLE", "locked for 2 s")):
        run.results.create(schema="public", name=name, verdict=verdict, reason=reason)
    assert re.findall(r">(public\.\w+)<", page_of(olga, run=run.pk)) == [
        "public.orders",
        "public.logs",
        "public.customers",
    ]
    assert "locked for 2 s" in page_of(olga, run=run.pk, verdict="NOT COMPARABLE")
    assert re.findall(r">(public\.\w+)<", page_of(olga, run=run.pk, verdict="EQUAL")) == ["public.customers"]
    assert re.findall(r">(public\.\w+)<", page_of(olga, run=run.pk, name="public.ord")) == ["public.orders"]
    assert "No table with this verdict and name" in page_of(olga, run=run.pk, name="%")


def test_rows_that_differ_are_shown_side_by_side_with_the_columns_that_differ(pair, olga):
    result = differing(pair, 3)
    raw = olga.get(PATH, {"result": result.pk}).content.decode()
    assert HOSTILE not in raw
    page = unescape(raw)
    marked = page.split('<tr class="differs">')
    assert len(marked) == 4
    assert re.findall(r'class="name">(\w+)<', marked[1]) == ["total", "id", "note"]  # the others are folded
    assert "9.90" in marked[1] and HOSTILE in marked[1] and "Primary, old-shop" in page
    assert "2 columns the same" in page or "2 columns" in page


def test_rows_stand_below_the_nodes_as_their_roles_were_then(pair, olga):
    result = differing(pair)
    plan, hers = SwapRequest.plan_for(pair), User.objects.get(username="olga")
    later = {"plan": plan, "digest": "", "requested_by": hers, "ended_at": timezone.now()}
    SwapRequest.objects.create(pair=pair, state="FAILED", **later)
    assert "Primary, old-shop" in page_of(olga, result=result.pk)
    SwapRequest.objects.create(pair=pair, state="COMPLETE", **later)
    Pair.objects.update(swapped=True)
    page = page_of(olga, result=result.pk)
    assert "Primary, old-shop" in page and "Secondary, new-shop" in page


def test_many_rows_that_differ_are_paged(pair, olga):
    result = differing(pair, 60)
    assert "Rows 1 to 25 of 60" in page_of(olga, result=result.pk)
    last = page_of(olga, result=result.pk, after=50)
    assert "Rows 51 to 60 of 60" in last and 'value="59"' in last and "More rows" not in last
    assert "No row that differs is kept" in page_of(olga, result=result.pk, after=10**12)


def test_a_row_or_all_rows_or_the_table_are_compared_again(pair, olga):
    result = differing(pair, 3)
    for given, of in (
        ({"row": "1"}, "1 row of public.orders"),
        ({"rows": "1"}, "3 rows of public.orders"),
        ({}, "table public.orders"),
    ):
        page = post(olga, f"results/{result.pk}/again/", **given)
        run = CompareRun.objects.first()
        assert run.of == of and of in page and run.asked_by == "olga"
        assert run.keys == {"row": ["{1}"], "rows": ["{0}", "{1}", "{2}"]}.get(next(iter(given), ""), [])
        CompareRun.objects.filter(pk=run.pk).update(ended_at=timezone.now())


@pytest.mark.parametrize("row", ["3", "-1", "x", "9" * 30, ""])
def test_a_row_that_is_not_there_is_not_compared_again(pair, olga, row):
    result = differing(pair, 3)
    assert "needed is one that differed" in post(olga, f"results/{result.pk}/again/", row=row)
    assert CompareRun.objects.count() == 1


def test_rows_without_a_key_are_not_offered_alone(pair, olga):
    result = differing(pair)
    result.differences[0]["key"] = None
    result.save()
    page = page_of(olga, result=result.pk)
    assert "a row without a key" in page and 'name="row"' not in page and "Compare this table again" in page
    assert "needed is one that differed" in post(olga, f"results/{result.pk}/again/", rows="1")


def test_a_table_that_was_looked_at_again_says_so(pair, olga):
    result = differing(pair)
    later = CompareRun.objects.create(pool=pair.pools.get(), schema="public", name="orders", keys=["{0}"])
    later.results.create(schema="public", name="orders", verdict="EQUAL")
    assert f"?run={later.pk}" in page_of(olga, result=result.pk)


def test_the_differences_of_a_root_are_listed_and_filtered(pair, olga):
    rows = [
        {"path": f"in<b>/{n}", "kind": "content", "type": "*STMF", "what": "blake3 1 and 2"} for n in range(3)
    ]
    found = FileCompare.objects.create(
        root=make_root(pair), ended_at=timezone.now(), started_at=timezone.now(), verdict="DIFFERENT",
        difference_count=900, differences=rows, objects_compared=12_000, bytes_compared=2**20,
    )  # fmt: skip
    raw = olga.get(PATH, {"files": found.pk}).content.decode()
    assert (
        "in<b>" not in raw
        and "The first 3 of 900 objects that differ" in raw
        and "12,000 objects, 1.0 MB" in raw
    )
    assert page_of(olga, files=found.pk, name="B>/2").count("blake3 1 and 2") == 1
    assert "No path that differs contains this" in page_of(olga, files=found.pk, name="nothing")


@pytest.mark.parametrize("value", ["x", "-1", "0", "1e3", "9" * 30, "٣", "\0", "1 or 1=1", HOSTILE])
@pytest.mark.parametrize(
    "name", ["run", "result", "files", "before", "before_files", "after", "verdict", "name"]
)
def test_a_garbled_address_is_no_error_and_nothing_is_injected(pair, olga, name, value):
    run = differing(pair).run
    for query in ({name: value}, {"run": run.pk, name: value}):
        answer = olga.get(PATH, query)
        assert answer.status_code == 200 and HOSTILE not in answer.content.decode()


def test_compares_of_another_pair_are_not_shown_and_not_touched(pair, olga):
    other = make_synchronizing_pair("crm")
    result = differing(other)
    assert "There is no such compare" in page_of(olga, run=result.run_id)
    assert "There is no such compare" in page_of(olga, result=result.pk)
    assert olga.post(f"{PATH}results/{result.pk}/again/").status_code == 404
    assert olga.post(f"{PATH}runs/{result.run_id}/stop/").status_code == 404


def test_whoever_only_looks_is_offered_nothing(pair):
    result = differing(pair)
    CompareRun.request(pair.pools.get())
    for query in ({}, {"run": str(result.run_id)}, {"result": str(result.pk)}):
        assert "formaction" not in "".join(render_pair(pair.pk, "compare", Viewer(), query).values())
    assert "formaction" in render_pair(pair.pk, "compare", OLGA, {"result": str(result.pk)})["progress"]


def test_a_page_asks_the_database_no_more_for_many_compares(pair, django_assert_max_num_queries):
    for _ in range(30):
        differing(pair, 20)
    with django_assert_max_num_queries(18):
        render_pair(pair.pk, "compare", OLGA)


def test_a_pair_that_does_not_exist_is_not_found(olga):
    make_pair("other")
    assert olga.get(PATH).status_code == 404 and olga.post(f"{PATH}start/").status_code == 404
