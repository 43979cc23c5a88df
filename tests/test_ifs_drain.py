"""From the list to the copy: what a tracker has listed is carried, whatever happens meanwhile."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nodes.postgres.connect import connect, one, wait_until
from tests.test_ifs_watch_list import Portal, portal  # noqa: F401
from tests.test_ifs_watch_random import change
from tracking.ifs import history
from tracking.ifs.compare import compare_trees
from tracking.ifs.drain import Drain, Place
from tracking.ifs.opened import Opened
from tracking.ifs.roots import Root
from tracking.ifs.watching import RootGone

_ALL_THE_TIME = """
import os, sys
file = os.open(sys.argv[1], os.O_RDWR)
while True:
    os.pwrite(file, os.urandom(8), 0)
"""

NEVER = threading.Event()


@pytest.fixture
def copy(tmp_path) -> Path:
    (tmp_path / "copy").mkdir()
    return tmp_path / "copy"


@pytest.fixture
def drain(portal: Portal, copy: Path):  # noqa: F811
    made = Drain(portal.session, Place(1, Root(portal.root, copy)), "engine test", 2, 5.0)
    yield made
    made.close()


def until_empty(drain: Drain) -> list:
    """Everything that is owed, also what has to be tried again."""
    batches = []

    def empty() -> bool:
        while batch := drain.batch(NEVER):
            batches.append(batch)
        return not drain.owed().entries

    wait_until(empty, "the list to be empty", seconds=20)
    return batches


def differences(root: Root) -> list:
    with Opened(root) as opened:
        found = compare_trees(opened)
    return [*found.differences, *found.not_compared, *found.changing]


def test_what_changes_while_the_first_copy_runs_is_on_the_copy(portal, copy, drain):  # noqa: F811
    dice, outside = random.Random(3), os.fsencode(portal.root.parent / "outside")
    os.mkdir(outside)
    top = os.fsencode(portal.root)
    for _ in range(100):
        change(top, outside, dice)
    with portal.tracking() as tracker:
        tracker.started()
        for _ in range(20):
            for _ in range(15):
                change(top, outside, dice)
            drain.batch(NEVER)
        tracker.barrier()
        until_empty(drain)
    assert differences(Root(portal.root, copy)) == []
    assert portal.files().owed().entries == 0


def test_what_was_carried_is_in_the_history_once_with_its_latest_success(portal, copy, drain):  # noqa: F811
    began = history.latest(portal.session, 1)
    with portal.tracking() as tracker:
        tracker.started()
        until_empty(drain)
        for text in ("1", "22"):
            (portal.root / "file").write_text(text)
            tracker.barrier()
            until_empty(drain)
    assert history.since(portal.session, 1, began) == [b"file"]
    found = "select count || object_type || size from tracking_migratedfile"
    assert one(portal.session, found) == "2*STMF2"


def test_a_socket_is_listed_as_ineligible_and_in_nobodys_way(portal, copy, drain):  # noqa: F811
    import socket

    with portal.tracking() as tracker, socket.socket(socket.AF_UNIX) as listening:
        tracker.started()
        until_empty(drain)
        listening.bind(str(portal.root / "socket"))
        tracker.barrier()
        (batch,) = until_empty(drain)
    assert batch.failed[0].type == "*SOCKET"
    row = portal.session.execute("select state, object_type, failure_job from tracking_filechange").fetchone()
    assert row == ("INELIGIBLE", "*SOCKET", "engine test")
    assert portal.files().owed().entries == 0


def test_a_walk_that_is_interrupted_stays_on_the_list(portal, copy, drain):  # noqa: F811
    for number in range(50):
        (portal.root / f"{number}").mkdir()
        (portal.root / f"{number}" / "file").write_text("x")
    stop = threading.Event()
    stop.set()
    with portal.tracking() as tracker:
        tracker.started()
        drain.batch(stop)
        assert portal.files().owed().walks == 1
        until_empty(drain)
    assert differences(Root(portal.root, copy)) == []


def test_a_copy_that_is_gone_loses_nothing(portal, copy, drain):  # noqa: F811
    with portal.tracking() as tracker:
        tracker.started()
        until_empty(drain)
        (portal.root / "file").write_text("x")
        tracker.barrier()
        copy.rename(copy.with_name("away"))
        with pytest.raises(RootGone, match="copy: No such file"):
            drain.batch(NEVER)
        copy.with_name("away").rename(copy)
        with connect(portal.conninfo, "test") as session:
            again = Drain(session, Place(1, Root(portal.root, copy)), "engine test", 2, 5.0)
            until_empty(again)
            again.close()
    assert (copy / "file").read_text() == "x"


def test_what_failed_on_a_walk_is_tried_again_by_itself(portal, copy, drain):  # noqa: F811
    """A name that is too long for the copy's directory is not; a file under a busy name is."""
    (portal.root / "file").write_text("x")
    (copy / "file").mkdir()
    (copy / "file" / "mounted").mkdir()
    with portal.tracking() as tracker:
        tracker.started()
        until_empty(drain)
    assert (copy / "file").read_text() == "x"


def test_what_was_renamed_is_renamed_on_the_copy_and_not_carried_again(portal, copy, drain):  # noqa: F811
    for name in ("tree/deep", "elsewhere"):
        (portal.root / name).mkdir(parents=True)
    (portal.root / "tree" / "deep" / "file").write_text("in a tree")
    (portal.root / "file").write_text("alone")
    with portal.tracking() as tracker:
        tracker.started()
        until_empty(drain)
        before = {name: (copy / name).stat().st_ino for name in ("file", "tree", "tree/deep/file")}
        (portal.root / "tree").rename(portal.root / "elsewhere" / "moved")
        (portal.root / "file").rename(portal.root / "renamed")
        tracker.barrier()
        until_empty(drain)
        (portal.root / "renamed").rename(portal.root / "elsewhere" / "renamed")
        tracker.barrier()
        until_empty(drain)
    assert (copy / "elsewhere" / "renamed").stat().st_ino == before["file"]
    assert (copy / "elsewhere" / "moved").stat().st_ino == before["tree"]
    assert (copy / "elsewhere" / "moved" / "deep" / "file").stat().st_ino == before["tree/deep/file"]
    assert differences(Root(portal.root, copy)) == []


def test_a_renamed_file_that_differs_on_the_copy_is_carried(portal, copy, drain):  # noqa: F811
    (portal.root / "file").write_text("mine")
    with portal.tracking() as tracker:
        tracker.started()
        until_empty(drain)
        (copy / "file").write_text("theirs, and longer")
        (portal.root / "file").rename(portal.root / "renamed")
        tracker.barrier()
        until_empty(drain)
    assert differences(Root(portal.root, copy)) == []


def test_a_further_name_of_a_file_is_one_on_the_copy(portal, copy, drain):  # noqa: F811
    for name in ("one", "two"):
        (portal.root / name).write_text(name)
    with portal.tracking() as tracker:
        tracker.started()
        until_empty(drain)
        (portal.root / "deep").mkdir()
        os.link(portal.root / "one", portal.root / "deep" / "further")
        os.link(portal.root / "two", portal.root.parent / "outside of the root")
        os.chmod(portal.root / "two", 0o600)
        tracker.barrier()
        until_empty(drain)
        assert (copy / "one").stat().st_ino == (copy / "deep" / "further").stat().st_ino
        assert (copy / "two").stat().st_nlink == 1
        (portal.root / "deep" / "further").write_text("changed")
        tracker.barrier()
        until_empty(drain)
    assert (copy / "one").read_text() == "changed"
    assert differences(Root(portal.root, copy)) == []


def test_a_file_that_never_stops_changing_holds_nothing_up_and_fails_in_the_end(portal, copy):  # noqa: F811
    hot = portal.root / "hot"
    hot.write_bytes(b"x" * 100_000_000)
    drain = Drain(portal.session, Place(1, Root(portal.root, copy)), "engine test", 2, 4.0)
    with portal.tracking() as tracker:
        tracker.started()
        with subprocess.Popen([sys.executable, "-c", _ALL_THE_TIME, hot]) as writer:
            try:
                drain.batch(NEVER)
                (portal.root / "other").write_text("other")
                wait_until(lambda: drain.batch(NEVER) and (copy / "other").exists(), "the other", seconds=8)
                wait_until(lambda: has_failed(portal, drain), "SAVACTWAIT", seconds=30)
            finally:
                writer.kill()
        tracker.barrier()
        until_empty(drain)
    drain.close()
    assert differences(Root(portal.root, copy)) == []


def has_failed(portal: Portal, drain: Drain) -> bool:  # noqa: F811
    drain.batch(NEVER)
    reason = one(portal.session, "select failure from tracking_filechange where state = 'FAILED'")
    return reason is not None and "hot never stopped changing" in reason


def test_a_clock_that_goes_backwards_hides_no_change(portal, copy, drain):  # noqa: F811
    file = portal.root / "file"
    with portal.tracking() as tracker:
        tracker.started()
        file.write_text("new")
        tracker.barrier()
        until_empty(drain)
        portal.session.execute("update tracking_migratedfile set ended_at = now() + interval '1 day'")
        proved = history.latest(portal.session, 1)
        assert history.since(portal.session, 1, proved) == []
        file.write_text("old")
        os.utime(file, (1, 1))
        tracker.barrier()
        until_empty(drain)
    assert history.since(portal.session, 1, proved) == [b"file"]
    assert (copy / "file").read_text() == "old" and (copy / "file").stat().st_mtime == 1
