"""The views of files by IBM i's names: what they say of a root, and of files whatever they are called."""

import random
from types import SimpleNamespace

import pytest
from django.db import connection

from nodes import status
from nodes.models import Pair
from nodes.postgres.connect import one
from tests.portal import make_pair, make_synchronizing_pair
from tests.qsys2 import bring, fail, make_root, owe, read, session
from tracking.ifs.changelist import FileList
from tracking.ifs.paths import shown
from tracking.models import FileChange, set_state

pytestmark = pytest.mark.django_db
HOSTILE = [
    *(bytes([byte]) for byte in range(1, 256)), "ö".encode(), "€".encode(), "😀".encode(), b"\xc2\x85",
    b"\xc0\xaf", b"\xed\xa0\x80", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf4\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xef\xbf\xbf", b"\xe2\x80\xa8", b"'; drop table x; --",
]  # fmt: skip


@pytest.fixture
def root():
    root = make_root(make_synchronizing_pair())
    set_state(root, "ACTIVE", "REPLICATING")
    return root


def manager() -> SimpleNamespace:
    [row] = [row for row in read("migration_manager_info") if row.entry_type == "IFS RESTORE"]
    return row


def listed() -> dict[str, SimpleNamespace]:
    return {row.path_name: row for row in read("ifs_migration_list")}


def stands() -> tuple[str, str]:
    return manager().migration_phase_detail, manager().migration_detail_info_text


# Paths


def test_a_path_is_written_as_on_the_page_whatever_bytes_it_has(root):
    dice = random.Random(5)
    paths = HOSTILE + [b"".join(dice.choices(HOSTILE, k=dice.randint(2, 8))) for _ in range(2_000)]
    rows = (
        session()
        .execute("select p, qsys2.path_name('/a', p) from unnest(%s::bytea[]) p", (paths,))
        .fetchall()
    )
    assert len(rows) == len(paths)
    for path, written in rows:
        assert written == shown(b"/a/" + path)
    assert len({written for _, written in rows}) == len(set(paths))


def test_a_long_path_that_is_not_utf_8_is_written(root):
    path = b"\xff\xc3\xb6/" * 1_000
    assert one(session(), "select qsys2.path_name('/a', %s)", (path,)) == shown(b"/a/" + path)


@pytest.mark.parametrize(
    ("source", "path", "expected"),
    [
        ("/", b"", "/"), ("/", b"etc", "/etc"), ("/srv", b"", "/srv"), ("/srv/", b"a/b", "/srv/a/b"),
        ("/tür\n", b"a", "/tür\\n/a"), ("/back\\slash", b"", "/back\\\\slash"),
    ],
)  # fmt: skip
def test_a_path_begins_with_its_root(source, path, expected):
    root = make_root(make_pair(), source=source)
    owe(root, path)
    assert list(listed()) == [expected]
    bring(root, "*DIR", None)
    assert [row.path_name for row in read("migrated_ifs")] == [expected]


def test_after_a_role_swap_a_path_is_still_that_of_the_source(root):
    Pair.objects.update(swapped=True)
    owe(root, b"file")
    assert list(listed()) == ["/srv/shop/file"]


# The lists


def test_changes_of_a_file_are_one_entry_that_says_how_many_they_were(root):
    owe(root, b"file", changes=3)
    owe(root, b"file", changes=4)
    owe(root, b"dir", walk="a new directory")
    rows = listed()
    assert {path: (row.tracking_state, row.changes, row.walk_reason) for path, row in rows.items()} == {
        "/srv/shop/file": ("READY", 7, None),
        "/srv/shop/dir": ("READY", 1, "a new directory"),
    }
    for row in rows.values():
        assert row.initial_tracking_time is not None and row.pair_name == "shop"
        assert (row.object_type, row.object_size, row.migration_start_time) == (None, None, None)
        assert (row.failure_job_name, row.failure_message, row.set_aside) == (None, None, None)


def test_a_start_is_told_only_of_what_is_being_carried(root):
    owe(root, b"first", b"second")
    files = FileList(session(), root.pk)
    [entry] = files.take(1)
    rows = listed()
    assert rows["/srv/shop/first"].tracking_state == "MIGRATING"
    assert rows["/srv/shop/first"].migration_start_time == entry.started_at
    assert rows["/srv/shop/second"].migration_start_time is None
    files.hand_back([entry])
    assert listed()["/srv/shop/first"].migration_start_time is None


def test_what_has_failed_says_why_and_by_whom(root):
    owe(root, b"file")
    fail(root)
    [row] = read("ifs_migration_list")
    assert (row.tracking_state, row.object_type) == ("FAILED", "*STMF")
    assert (row.failure_job_name, row.failure_message) == ("engine host:1:mark", "no space on the copy")


def test_what_is_set_aside_says_by_whom_and_forgets_it_when_it_is_taken_up_again(root):
    owe(root, b"file")
    fail(root)
    entry = FileChange.objects.get()
    entry.act("omit", "olga")
    [row] = read("ifs_migration_list")
    assert (row.set_aside, row.set_aside_by, row.set_aside_at is None) == ("OMITTED", "olga", False)
    entry.act("restore", "olga")
    [row] = read("ifs_migration_list")
    assert (row.set_aside, row.set_aside_by, row.set_aside_at) == (None, None, None)
    assert row.tracking_state == "READY"


def test_every_state_of_a_file_is_one_of_the_vocabulary(root):
    owe(root, b"failed")
    fail(root)
    owe(root, b"socket")
    fail(root, "a socket belongs to its process", "*SOCKET")
    owe(root, b"taken")
    FileList(session(), root.pk).take(1)
    owe(root, b"ready")
    found = {row.tracking_state for row in read("ifs_migration_list")}
    assert found == {state for state, _ in status.TRACKING_STATE.choices} - {"PREPARING"}


def test_what_was_carried_leaves_the_list_and_is_counted_once_more(root):
    owe(root, b"file", b"dir")
    bring(root, size=5)
    assert read("ifs_migration_list") == []
    owe(root, b"file")
    tracked = listed()["/srv/shop/file"].initial_tracking_time
    bring(root, size=7)
    rows = {row.path_name: row for row in read("migrated_ifs")}
    assert {path: row.successful_migration_count for path, row in rows.items()} == {
        "/srv/shop/file": 2, "/srv/shop/dir": 1,
    }  # fmt: skip
    row = rows["/srv/shop/file"]
    assert (row.object_type, row.object_size, row.pair_name) == ("*STMF", 7, "shop")
    assert tracked == row.initial_tracking_time <= row.migration_start_time <= row.migration_end_time


def test_type_and_size_on_the_list_are_those_of_the_latest_success_until_it_was_looked_at(root):
    owe(root, b"file")
    bring(root, size=5)
    owe(root, b"file")
    [row] = read("ifs_migration_list")
    assert (row.object_type, row.object_size) == ("*STMF", 5)
    fail(root, "permission denied", "*DIR")
    assert read("ifs_migration_list")[0].object_type == "*DIR"


def test_a_path_of_the_same_name_in_two_roots_is_two(root):
    other = make_root(root.pair, 2, "/srv/mail")
    owe(root, b"file")
    owe(other, b"file")
    bring(root)
    assert list(listed()) == ["/srv/mail/file"]
    assert listed()["/srv/mail/file"].object_size is None
    assert [row.path_name for row in read("migrated_ifs")] == ["/srv/shop/file"]


# The manager


def test_a_pair_with_a_root_that_was_only_defined_is_not_configured():
    make_root(make_pair())
    row = manager()
    assert (row.source_node_state, row.copy_node_state) == ("NOT CONFIGURED", "NOT CONFIGURED")
    assert (row.migration_stage, row.migration_phase) == ("SYSTEM MIGRATION", None)
    assert (row.migration_phase_detail, row.migration_detail_info_text) == ("IDLE", "nothing is owed")


def test_a_root_in_step_has_the_phase_of_its_pair(root):
    root.pair.take_lease("host:1:mark", 60)
    row = manager()
    assert (row.source_node_state, row.copy_node_state) == ("ACTIVE", "ACTIVE")
    assert (row.migration_stage, row.migration_phase) == ("DATA SYNCHRONIZATION", "SYNC")
    assert (row.migration_phase_detail, row.migration_detail_info_text) == ("ACTIVE", "nothing is owed")
    assert (row.qualified_job_name, row.migration_interval_count) == ("host:1:mark", None)


def test_the_states_of_the_nodes_are_those_of_the_roots_through_a_role_swap(root):
    set_state(root.pair.pools.get(), "TRACKING", "SUSPENDED", 212)
    assert (manager().source_node_state, manager().copy_node_state) == ("ACTIVE", "ACTIVE")
    set_state(root, "TRACKING", "SUSPENDED", 212)
    assert (manager().source_node_state, manager().copy_node_state) == ("ACTIVE", "NOT ACTIVE")
    Pair.objects.update(swapped=True)
    assert (manager().source_node_state, manager().copy_node_state) == ("NOT ACTIVE", "ACTIVE")
    make_root(root.pair, 2, "/srv/mail")  # which is tracked nowhere yet
    assert (manager().source_node_state, manager().copy_node_state) == ("NOT ACTIVE", "NOT ACTIVE")


def test_files_that_are_owed_are_counted_over_all_roots(root):
    owe(root, b"one")
    assert stands() == ("ACTIVE", "1 file is owed to the secondary")
    owe(make_root(root.pair, 2, "/srv/mail"), *(b"%d" % n for n in range(1_233)))
    assert stands() == ("ACTIVE", "1,234 files are owed to the secondary")


def test_files_that_wait_for_somebody_are_an_error(root):
    owe(root, b"one")
    fail(root)
    owe(root, b"two", b"three")
    assert stands() == ("ERROR", "1 file waits for somebody")
    FileChange.objects.get(path=b"two").act("defer", "olga")
    assert stands() == ("ERROR", "2 files wait for somebody")
    for entry in FileChange.objects.left():
        entry.act("omit", "olga")
    assert stands() == ("ACTIVE", "1 file is owed to the secondary")
    owe(root, *(b"%d" % n for n in range(1_000)))
    fail(root)
    assert stands() == ("ERROR", "1,001 files wait for somebody")


def test_what_cannot_be_carried_is_neither_owed_nor_waited_for(root):
    owe(root, b"socket")
    fail(root, "a socket belongs to its process", "*SOCKET")
    assert stands() == ("ACTIVE", "nothing is owed")


@pytest.mark.parametrize("reason", status.REASONS)
def test_a_root_that_is_suspended_is_an_error_where_somebody_should_know(root, reason):
    make_root(root.pair, 2, "/srv/mail")
    set_state(root, "TRACKING", "SUSPENDED", reason)
    assert manager().migration_phase_detail == ("ERROR" if root.in_trouble else "ACTIVE")


def test_the_list_of_files_is_idle_while_the_migration_has_stopped(root):
    set_state(root.pair.pools.get(), "TRACKING", "SUSPENDED", 266)
    assert manager().migration_phase_detail == "IDLE"
    with connection.cursor() as cursor:
        cursor.execute("update nodes_storagepool set reason = 212")
        cursor.execute("update nodes_pair set phase_detail = 'E'")
    assert manager().migration_phase_detail == "IDLE"


def test_the_roots_of_one_pair_say_nothing_of_another(root):
    other = make_synchronizing_pair("mail")
    owe(root, b"file")
    fail(root)
    rows = {row.pair_name: row for row in read("migration_manager_info") if row.entry_type == "IFS RESTORE"}
    assert rows["shop"].migration_detail_info_text == "1 file waits for somebody"
    assert rows[other.name].migration_detail_info_text == "this pair has no file roots"
    assert rows[other.name].migration_phase is None
