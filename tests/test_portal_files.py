"""File roots and the IFS tracking list on the pages: what is shown is so, what is asked happens."""

import tempfile
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from mwaportal.access import Viewer
from nodes.models import FileRoot, Node, Pair, StoragePool, SwapRequest
from nodes.postgres.connect import for_database
from tests import portal
from tests.portal import OLGA, carried, make_pair, make_people, make_root, make_synchronizing_pair, owe
from tests.qsys2 import read
from tracking.models import FileChange, FileCompare, FileWatch, JournalEntry, set_phase, set_state
from tracking.pages import render_home, render_pair

pytestmark = pytest.mark.django_db
PATH = "/pairs/shop/files/"
PLAIN = "of this pair"


@pytest.fixture
def olga() -> Client:
    client = Client()
    client.force_login(make_people()["olga"])
    return client


@pytest.fixture
def top():
    with tempfile.TemporaryDirectory(prefix="mwa-roots-") as made:
        yield Path(made).resolve()


@pytest.fixture
def trees(top) -> dict[str, str]:
    """What is typed for two directories that are there."""
    for name in ("old", "new"):
        (top / name).mkdir()
    return {"source": str(top / "old"), "copy": str(top / "new"), "exclusions": "", "query": ""}


def post(client: Client, path: str, **data: str) -> str:
    return unescape(client.post(path, data, follow=True).content.decode())


def part(pair: Pair, name: str, viewer: Viewer = OLGA) -> str:
    return unescape(portal.part(pair, name, viewer))


def row_of_files(pair: Pair) -> str:
    return part(pair, "phases").split("IFS RST")[1].split("</tr>")[0]


def again(entry: FileChange) -> FileChange:
    return FileChange.objects.get(pk=entry.pk)


# Defining roots


def test_a_root_is_added_and_the_engine_is_woken(olga, rung, trees):
    pair = make_synchronizing_pair()
    typed = {**trees, "source": trees["source"] + "/", "exclusions": "*.tmp\r\n\r\n# old\r\ncache/\r\n"}
    page = post(olga, PATH, **typed)
    root = FileRoot.objects.get()
    assert (root.number, root.source, root.copy) == (1, trees["source"], trees["copy"])
    assert root.patterns == ("*.tmp", "# old", "cache/") and rung == [pair.pk]
    assert trees["source"] in page and "<code>cache/</code>" in page
    assert "was added by olga" in olga.get("/pairs/shop/migration/").content.decode()


def test_what_was_typed_stays_where_it_is_refused_with_the_reason(olga, rung, trees):
    make_pair()
    page = post(olga, PATH, **{**trees, "copy": trees["copy"] + "er", "exclusions": "*.tmp"})
    assert f"copy {trees['copy']}er: does not exist; needed is a directory" in page
    assert f'value="{trees["source"]}"' in page and "*.tmp</textarea>" in page
    assert 'id="id_source_error">This field is required.' in post(olga, PATH, **{**trees, "source": " "})
    assert not FileRoot.objects.exists() and rung == []


def wrong(trees: dict[str, str]) -> dict[str, tuple[dict[str, str], str]]:
    """What may be typed beside a root that is there already, and what is said."""
    source, copy = trees["source"], trees["copy"]
    for name in ("other", "another", "old/below"):
        (Path(source).parent / name).mkdir()
    (Path(source).parent / "file").write_text("")
    other, another = source[:-3] + "other", source[:-3] + "another"
    good = {"source": other, "copy": another}
    return {
        "the same": (
            {"source": other, "copy": other},
            f"copy {other}: is the same directory as source {other}",
        ),
        "relative": ({**good, "source": "other"}, "source other: a relative path; needed is an absolute one"),
        "a file": (
            {**good, "source": source[:-3] + "file"},
            "file: is not a directory; needed is a directory",
        ),
        "not there": ({**good, "copy": copy + "er"}, "er: does not exist; needed is a directory"),
        "inside": (
            {**good, "source": source + "/below"},
            f"is inside source {source}; needed is a directory out",
        ),
        "above": (
            {**good, "copy": source[:-4]},
            f"is inside copy {source[:-4]}; needed is a directory outside",
        ),
        "crossed": ({"source": copy, "copy": other}, f"source {copy}: is the same directory as copy {copy}"),
        "a pattern": ({**good, "exclusions": "!"}, "is not a pattern of .gitignore"),
        "the kernel's": (
            {**good, "source": "/proc/sys"},
            "source /proc/sys: is inside /proc; needed is a dir",
        ),
    }


WRONG = [
    "the same", "relative", "a file", "not there", "inside", "above", "crossed", "a pattern", "the kernel's",
]  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("whose", [PLAIN, "of another pair"])
def test_a_root_that_cannot_be_is_refused_with_what_is_seen_and_needed(olga, trees, what, whose):
    pair = make_pair()
    there = pair if whose == PLAIN else make_pair("crm")
    FileRoot.objects.create(pair=there, source=trees["source"], copy=trees["copy"])
    typed, said = wrong(trees)[what]
    page = post(olga, PATH, **{**trees, **typed})
    assert said in page and FileRoot.objects.count() == 1


def test_a_root_of_another_pair_that_is_gone_is_in_nobody_s_way(olga, trees):
    make_root(make_pair("crm"), "/gone/old", "/gone/new")
    make_root(Pair.objects.get(), "/" + "x" * 300, "/gone")
    make_pair()
    post(olga, PATH, **trees)
    assert FileRoot.objects.filter(pair__name="shop").count() == 1
    FileRoot.objects.filter(source="/gone/old").update(pair=Pair.objects.get(name="shop"), number=2)
    (Path(trees["source"]).parent / "more").mkdir()
    assert "/gone/old: does not exist" in post(
        olga, PATH, **{**trees, "source": trees["source"][:-3] + "more"}
    )


def test_no_root_lies_in_a_server_s_own_directory(olga, servers, trees):
    pair = make_pair()
    Node.objects.filter(pk=pair.source_id).update(conninfo=servers.source.conninfo())
    data = str(servers.source.directory)
    page = post(olga, PATH, **{**trees, "source": f"{data}/base"})
    assert f"source {data}/base: is inside {data}; needed is a directory outside it" in page


def test_a_root_joins_while_a_pair_synchronizes_but_not_in_a_role_swap_nor_at_its_end(olga, trees):
    pair = make_synchronizing_pair()
    set_phase(pair, "FINAL SYNC", "A")
    assert "a role swap of pair shop is running; a root can be added after it" in post(olga, PATH, **trees)
    set_phase(pair, "SYNC", "A")
    Pair.objects.update(goal="REMOVED")
    assert "pair shop is being removed" in post(olga, PATH, **trees)
    Pair.objects.update(goal="SYNC")
    post(olga, PATH, **trees)
    assert FileRoot.objects.get().number == 1


def test_a_root_changes_the_plan_of_a_role_swap_that_waits_for_approval(olga, trees):
    pair = make_synchronizing_pair()
    swap = SwapRequest.request(pair, User.objects.get(username="olga"))
    post(olga, PATH, **trees)
    assert SwapRequest.digest_of(SwapRequest.plan_for(pair)) != swap.digest


def test_a_query_is_for_one_database_and_is_tried_where_that_answers(olga, servers, database, trees):
    pair = make_pair(databases=(database.name, "billing"))
    Node.objects.filter(pk=pair.source_id).update(
        conninfo=for_database(servers.source.conninfo(), "postgres")
    )
    first = pair.pools.get(number=1)
    database.source.execute("create table invoice (id int, path text)")
    typed = {**trees, "query_pool": str(first.pk)}
    page = post(olga, PATH, **{**typed, "query": "select file"})
    assert f'query in {database.name}: column "file" does not exist' in page
    assert "returns 2 columns; needed is one" in post(
        olga, PATH, **{**typed, "query": "select * from invoice"}
    )
    assert "needed is one that returns paths" in post(olga, PATH, **{**typed, "query": "drop table invoice"})
    page = post(olga, PATH, **{**typed, "query": "select path from invoice"})
    root = FileRoot.objects.get()
    assert (root.query, root.query_pool) == ("select path from invoice", first)
    assert f"Paths that rows name, in {database.name}" in page


def test_a_query_of_a_node_that_is_away_is_taken_as_it_is_and_an_empty_one_needs_no_database(olga, trees):
    pair = make_pair(databases=("shop", "billing"))
    billing = pair.pools.get(number=2)
    post(olga, PATH, **{**trees, "query_pool": str(billing.pk), "query": " \r\n"})
    assert (FileRoot.objects.get().query, FileRoot.objects.get().query_pool) == ("", None)
    FileRoot.objects.all().delete()
    post(olga, PATH, **{**trees, "query_pool": str(billing.pk), "query": "select path"})
    assert FileRoot.objects.get().query_pool == billing


def test_a_root_is_removed_with_its_lists_and_both_trees_stay(olga, rung, trees):
    pair = make_synchronizing_pair()
    (Path(trees["source"]) / "file").write_text("x")
    root = make_root(pair, trees["source"], trees["copy"])
    owe(root, b"file")
    carried(root, b"file")
    FileCompare.request(root)
    page = post(olga, f"{PATH}roots/1/remove/")
    assert "No directory yet" in page and rung == [pair.pk]
    assert not FileRoot.objects.exists() and not FileChange.objects.exists()
    assert not FileWatch.objects.exists() and (Path(trees["source"]) / "file").exists()
    last = JournalEntry.objects.first()
    assert (last.name, last.previous_state, last.state) == ("IFS 1", "ACTIVE", "NOT MIRRORED")
    assert "was removed by olga; both trees stay" in part(pair, "messages")
    assert olga.post(f"{PATH}roots/1/remove/").status_code == 404


def test_a_root_stays_while_a_role_swap_is_open(olga):
    pair = make_synchronizing_pair()
    root = make_root(pair)
    swap = SwapRequest.request(pair, User.objects.get(username="olga"))
    page = post(olga, f"{PATH}roots/{root.number}/remove/")
    assert (
        f"while a role swap of pair shop is open: role swap {swap.pk} of shop is Waiting for approval" in page
    )
    assert FileRoot.objects.exists()


def test_whoever_only_looks_sees_the_roots_and_no_form(trees):
    root = make_root(make_synchronizing_pair(), trees["source"], trees["copy"])
    client = Client()
    client.force_login(make_people()["vera"])
    page = client.get(PATH).content.decode()
    assert trees["source"] in page and "formaction" not in page and "Add a file root" not in page
    assert client.post(PATH, trees).status_code == 403
    assert client.post(f"{PATH}roots/{root.number}/remove/").status_code == 403


# The pair's page


def test_a_pair_without_roots_has_a_line_that_leads_to_them(olga):
    pair = make_synchronizing_pair()
    page = olga.get("/pairs/shop/").content.decode()
    assert f'<a href="{PATH}">File roots</a>: none; files beside the databases are not moved.' in page
    assert part(pair, "roots").strip() == "" and "No directory yet" in part(pair, "paths")
    assert "this pair has no file roots" in row_of_files(pair)
    make_root(pair)
    assert "File roots</a>: 1 directory beside the databases." in part(pair, "pools")


def test_a_root_is_shown_in_the_direction_of_the_roles_with_its_figures():
    pair = make_synchronizing_pair()
    make_root(pair, "/srv/<b>old", "/srv/new", changes_carried=4_711)
    page = portal.part(pair, "roots")
    assert page.index("/srv/&lt;b&gt;old") < page.index("/srv/new")
    for said in ("Replicating", "4,711", "12,000 files, 3.0 GB", "by inotify: 340 directories"):
        assert said in page
    Pair.objects.update(swapped=True)
    page = portal.part(pair, "roots")
    assert page.index("/srv/new") < page.index("/srv/&lt;b&gt;old")


def test_the_first_copy_says_how_far_it_is():
    pair = make_synchronizing_pair()
    root = make_root(pair, copied_at=None)
    set_state(root, "ACTIVE", "SYNCHRONIZING")
    assert "12,000 files, 3.0 GB so far" in part(pair, "roots")
    FileRoot.objects.update(files_copied=0)
    FileWatch.objects.all().delete()
    assert "to come" in part(pair, "roots") and "Not watched now" in part(pair, "roots")


@pytest.mark.parametrize(
    "entries, detail, said",
    [
        ([], "Active", "nothing is owed"),
        ([("READY", "")], "Active", "1 file is owed to the secondary"),
        (
            [("READY", "")] * 3 + [("INELIGIBLE", ""), ("FAILED", "OMITTED")],
            "Active",
            "3 files are owed to the secondary",
        ),
        ([("READY", ""), ("FAILED", "")], "Error", "1 file waits for somebody"),
        ([("FAILED", ""), ("READY", "DEFERRED")], "Error", "2 files wait for somebody"),
    ],
)
def test_the_row_of_the_list_says_what_is_owed(entries, detail, said):
    pair = make_synchronizing_pair()
    root = make_root(pair)
    for number, (state, aside) in enumerate(entries):
        owe(root, b"%d" % number, state, set_aside=aside)
    row = row_of_files(pair)
    assert said in row and detail in row and "Synchronizing" in row
    [told] = read("migration_manager_info", "where entry_type = 'IFS RESTORE'")
    assert (told.migration_phase_detail, told.migration_detail_info_text) == (detail.upper(), said)
    waits = "wait" in said
    assert (said in part(pair, "head")) is (said in render_home()["pairs"]) is waits
    assert (
        f"{len([e for e in entries if e[0] != 'INELIGIBLE' and e[1] != 'OMITTED'])} file"
        in (render_home()["pairs"])
    )


def test_a_root_in_trouble_shows_wherever_the_pair_does():
    pair = make_synchronizing_pair()
    root = make_root(pair)
    root.retry_at = timezone.now() + timedelta(minutes=1)
    root.save()
    set_state(root, "TRACKING", "SUSPENDED", 9100, "/srv/old is not there")
    why = "9100 A file root cannot be read or written to: /srv/old is not there"
    said = f"File root /srv/old is suspended: {why}"
    assert said in part(pair, "head") and said in unescape(render_home()["pairs"])
    assert said in part(pair, "phases").split("MANAGER")[1].split("</tr>")[0]
    assert "Error" in row_of_files(pair) and "Idle" not in part(pair, "phases")
    assert "tried again" in part(pair, "roots")
    assert "IFS 1 tracking suspended" in render_pair(pair.pk, "", OLGA)["announcement"]
    assert "IFS 1" in part(pair, "journal")


def test_a_pause_halts_the_row_of_the_list_and_alarms_nobody():
    pair = make_synchronizing_pair()
    set_state(make_root(pair), "TRACKING", "SUSPENDED", 212)
    set_phase(pair, "PAUSED", "I")
    assert "Idle" in row_of_files(pair) and "Needs somebody" not in part(pair, "head")


def test_what_cannot_be_watched_is_said():
    pair = make_synchronizing_pair()
    make_root(pair)
    FileWatch.objects.update(unwatched=3, reason="the limit fs.inotify.max_user_watches is reached")
    page = part(pair, "roots")
    assert "walked again and again" in page and "max_user_watches is reached" in page


def test_entries_show_their_path_state_and_failure_and_are_only_text():
    pair = make_synchronizing_pair()
    root = make_root(pair)
    owe(root, b"<i>\xff\n", "FAILED", failure="no <b>room", failure_job="engine x")
    owe(root, b"now", "MIGRATING", started_at=timezone.now())
    owe(root, b"later", "READY", set_aside="DEFERRED", set_aside_by="oskar", set_aside_at=timezone.now())
    owe(root, b"", "READY", walk=True, reason="tracking began")
    owe(root, b"socket", "INELIGIBLE", object_type="*SOCKET", failure="a socket belongs to its process")
    page = portal.part(pair, "paths")
    assert "&lt;i&gt;\\xff\\n" in page and "no &lt;b&gt;room" in page and "engine x" in page
    for said in ("since", "Deferred", "oskar", "with all below it: tracking began", "*SOCKET", "By hand"):
        assert said in page
    assert page.index("&lt;i&gt;") < page.index(">later<") < page.index(">now<") < page.index(">socket<")


def test_a_long_list_is_shown_in_pages_and_counted():
    pair = make_synchronizing_pair()
    roots = [make_root(pair, f"/srv/old{n}", f"/srv/new{n}") for n in range(2)]
    for number in range(70):
        owe(roots[number % 2], b"%d" % number)
        carried(roots[number % 2], b"done %d" % number, number)
    page = part(pair, "paths")
    assert "<span>70 entries</span>" in page and page.count("<tr id=") == 50 and ">IFS 2<" in page
    page = part(pair, "migrated-files")
    assert "<span>70 entries</span>" in page
    assert ">done 69<" in page and ">done 20<" in page and ">done 19<" not in page


def test_many_roots_and_entries_cost_the_home_page_no_query(django_assert_num_queries):
    for name in ("shop", "crm"):
        make_root(make_synchronizing_pair(name), f"/{name}/a", f"/{name}/b")
    with connection.execute_wrapper(count := Counter()):
        render_home()
    for pair in Pair.objects.all():
        owe(make_root(pair, f"/{pair}/c", f"/{pair}/d"), b"file", "FAILED")
    with django_assert_num_queries(count.calls):
        render_home()


class Counter:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, execute, *given):
        self.calls += 1
        return execute(*given)


def test_a_plan_of_a_role_swap_names_the_files(olga):
    pair = make_synchronizing_pair()
    make_root(pair, "/srv/<i>old")
    SwapRequest.request(pair, User.objects.get(username="olga"))
    page = portal.part(pair, "swap")
    assert "/srv/&lt;i&gt;old -&gt; /srv/new" in page and "Files" in page


# What is asked of the list


def test_every_act_is_offered_only_where_it_is_legal_and_is_carried_out(olga, rung):
    pair = make_synchronizing_pair()
    entry = owe(make_root(pair), b"file", "FAILED")
    page = olga.get("/pairs/shop/paths/").content.decode()
    shown = {act for act in FileChange.ACTS if f'id="file-{act}-{entry.pk}"' in page}
    assert shown == set(entry.offered()) == {"retry", "omit", "defer", "remove"}
    assert "formaction" not in part(pair, "paths", Viewer()) and "formaction" not in part(
        pair, "roots", Viewer()
    )
    page = post(olga, f"{PATH}{entry.pk}/omit/")
    assert "Omitted" in page and again(entry).set_aside_by == "olga" and rung == [pair.pk]
    assert "is FAILED and OMITTED by olga; needed is one that has failed" in post(
        olga, f"{PATH}{entry.pk}/retry/"
    )
    post(olga, f"{PATH}{entry.pk}/restore/")
    assert (again(entry).state, again(entry).set_aside) == ("READY", "")
    post(olga, f"{PATH}{entry.pk}/defer/")
    assert again(entry).set_aside == "DEFERRED"
    FileChange.objects.update(state="FAILED")
    post(olga, f"{PATH}{entry.pk}/remove/")
    assert not FileChange.objects.exists()


def test_an_entry_is_found_below_its_own_pair_only_and_for_acts_that_there_are(olga):
    entry = owe(make_root(make_synchronizing_pair()), b"file", "FAILED")
    make_pair("crm")
    assert olga.post(f"/pairs/crm/files/{entry.pk}/omit/").status_code == 404
    for act in ("done", "prioritize", "burn"):
        assert olga.post(f"{PATH}{entry.pk}/{act}/").status_code == 404
    assert olga.post("/pairs/crm/files/roots/1/compare/").status_code == 404
    assert again(entry).set_aside == ""


def test_a_pair_that_is_not_there_or_has_no_database_has_no_page_of_roots(olga):
    StoragePool.objects.filter(pair=make_pair()).delete()
    assert olga.get(PATH).status_code == olga.get("/pairs/crm/files/").status_code == 404
    assert render_pair(0, "files", OLGA) is None


# Compares


@pytest.mark.parametrize("data, content", [({}, True), ({"metadata": "1"}, False)])
def test_a_compare_is_asked_for_and_not_offered_twice(olga, rung, data, content):
    pair = make_synchronizing_pair()
    make_root(pair)
    page = post(olga, f"{PATH}roots/1/compare/", **data)
    assert "Asked for" in page and ("without contents</span>" in page) is not content
    assert FileCompare.objects.get().content is content and rung == [pair.pk]
    assert "formaction" not in part(pair, "roots")
    assert "is being compared already" in post(olga, f"{PATH}roots/1/compare/")
    FileCompare.objects.update(started_at=timezone.now())
    assert "Comparing" in part(pair, "roots")
    set_state(FileRoot.objects.get(), "TRACKING", "SUSPENDED", 9100)
    assert "Waits until the root is replicating" in part(pair, "roots")


def test_a_compare_shows_its_verdict_and_the_first_differences():
    pair = make_synchronizing_pair()
    root = make_root(pair)
    differences = [
        {"path": f"<b>{n}", "kind": "content", "type": "*STMF", "what": "blake3 12 and 34"} for n in range(25)
    ]
    FileCompare.objects.create(
        root=root, ended_at=timezone.now(), verdict="DIFFERENT", objects_compared=12_000,
        bytes_compared=2**20, difference_count=31, differences=differences,
        message="socket: is being written all the time",
    )  # fmt: skip
    page = portal.part(pair, "roots")
    for said in (
        "Different",
        "12,000 objects, 1.0 MB",
        "31 objects differ",
        "&lt;b&gt;19",
        "blake3 12 and 34",
    ):
        assert said in page
    assert "&lt;b&gt;20" not in page and "The first 20" in page and "is being written all the time" in page
    FileCompare.objects.create(root=root, ended_at=timezone.now(), verdict="EQUAL")
    assert "Equal" in part(pair, "roots") and "Different" not in part(pair, "roots")
