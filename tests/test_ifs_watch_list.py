"""What the tracker lists, and what whoever carries is handed, whoever is killed."""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nodes.postgres.connect import connect, for_database, one, wait_until
from tests.databases import create_database, drop_database
from tests.test_ifs_watch_random import changes
from tests.watched import Copy, available, tree
from tracking.ifs import changelist
from tracking.ifs.changelist import ChangeList, FileList
from tracking.ifs.changes import Change, Changes
from tracking.ifs.outcome import Failed
from tracking.ifs.tracker import TrackerConfig
from tracking.ifs.tracker_client import TrackerFailed, TrackerProcess
from tracking.ifs.watching import Event, Kind

LIST = Path(changelist.__file__).with_name("list.sql")
_serial = itertools.count(1)
WAYS = [way.way for way in available()]


class Portal:
    """A database that holds the list, and a root beside it."""

    def __init__(self, conninfo: str, root: Path) -> None:
        self.conninfo = conninfo
        self.root = root
        self.session = connect(conninfo, "test", search_path="public")
        self.session.execute(LIST.read_text())

    @contextmanager
    def tracking(self, **settings) -> Iterator[TrackerProcess]:
        """A tracker that watches."""
        with TrackerProcess(TrackerConfig(os.fsdecode(self.root), 1, self.conninfo, **settings)) as tracker:
            tracker.started()
            yield tracker

    def files(self) -> FileList:
        """A new one that carries."""
        return FileList(self.session, 1)

    def listed(self) -> dict[bytes, tuple[bool, bool, str]]:
        """Everything on the list: walk, content, reason."""
        rows = self.session.execute(
            "select path, walk, content, reason from tracking_filechange order by turn"
        )
        return {bytes(path): (walk, content, reason) for path, walk, content, reason in rows.fetchall()}

    def clear(self) -> None:
        """As if everything had been carried."""
        self.session.execute("delete from tracking_filechange")


@pytest.fixture
def portal(servers, tmp_path) -> Iterator[Portal]:
    """A list and a root, both empty."""
    name = f"files{next(_serial)}"
    create_database(servers.copy, name)
    root = tmp_path / "root"
    root.mkdir()
    made = Portal(for_database(servers.copy.conninfo(), name), root)
    yield made
    made.session.close()
    drop_database(servers.copy, name)


def carry(copy: Copy, files: FileList, limit: int = 1000) -> None:
    """Carry everything that is on the list."""
    while entries := files.take(limit):
        for entry in entries:
            copy.walk(entry.path) if entry.walk else copy.look(entry.path)
        files.done(entries)


def test_a_start_owes_a_walk_and_then_each_change_is_listed_once(portal):
    (portal.root / "before").write_text("1")
    with portal.tracking() as tracker:
        assert list(portal.listed()) == [b""]
        assert portal.listed()[b""][0]
        portal.clear()
        for number in range(50):
            (portal.root / "file").write_text(str(number))
        (portal.root / "before").chmod(0o600)
        barrier = tracker.barrier()
        assert not barrier.unwatched
        assert portal.listed() == {b"file": (False, True, ""), b"before": (False, False, "")}


def test_a_closed_file_is_listed_without_being_asked_for_and_soon(portal):
    with portal.tracking():
        portal.clear()
        began = time.monotonic()
        (portal.root / "file").write_text("1")
        wait_until(lambda: b"file" in portal.listed(), "the list", seconds=5, every=0.005)
        assert time.monotonic() - began < 1


def test_a_file_that_is_never_closed_is_listed_while_it_grows(portal):
    with portal.tracking(open_seconds=0.3), (portal.root / "log").open("w") as log:
        for _ in range(3):
            portal.clear()
            log.write("line\n")
            log.flush()
            wait_until(lambda: b"log" in portal.listed(), "the list", seconds=5)


def test_a_moved_file_is_handed_out_before_its_old_name(portal):
    (portal.root / "a").write_text("1")
    with portal.tracking() as tracker:
        portal.clear()
        (portal.root / "a").rename(portal.root / "b")
        tracker.barrier()
        new, old = portal.files().take(10)
        assert (new.path, new.moved_from, new.content, old.path) == (b"b", b"a", False, b"a")


@pytest.mark.parametrize("listed", [True, False])
def test_a_file_that_was_changed_before_it_moved_is_not_one_that_only_moved(portal, listed):
    (portal.root / "a").write_text("1")
    with portal.tracking() as tracker:
        portal.clear()
        (portal.root / "a").write_text("2")
        if listed:
            tracker.barrier()
        (portal.root / "a").rename(portal.root / "b")
        tracker.barrier()
        entry = next(entry for entry in portal.files().take(10) if entry.path == b"b")
        assert entry.content
        assert not entry.moved_from


@pytest.mark.parametrize("owed", [True, False])
def test_a_moved_directory_only_moved_if_nothing_was_owed_of_it(portal, owed):
    (portal.root / "a" / "deep").mkdir(parents=True)
    with portal.tracking() as tracker:
        portal.clear()
        if owed:
            (portal.root / "a" / "deep" / "file").write_text("1")
        (portal.root / "a").rename(portal.root / "b")
        tracker.barrier()
        entry = next(entry for entry in portal.files().take(10) if entry.path == b"b")
        assert entry.walk
        # fanotify may have read of the change after the rename: then it's listed by the new name.
        by_new_name = portal.listed().get(b"b/deep/file", (False, False, ""))[1]
        assert entry.moved_from == (b"a" if by_new_name or not owed else b"")
        assert by_new_name or not owed or b"a/deep/file" in portal.listed()


def test_what_changes_while_it_is_carried_stays_on_the_list(portal):
    with portal.tracking() as tracker:
        portal.clear()
        for name in ("one", "two"):
            (portal.root / name).write_text("1")
        tracker.barrier()
        files = portal.files()
        taken = files.take(10)
        assert {entry.path for entry in taken} == {b"one", b"two"}
        assert files.take(10) == []
        (portal.root / "one").write_text("2")
        tracker.barrier()
        assert files.take(10) == [], "it is being carried"
        files.done(taken)
        assert [entry.path for entry in files.take(10)] == [b"one"]


def test_who_carries_is_killed_between_take_and_done(portal):
    with portal.tracking() as tracker:
        portal.clear()
        for number in range(20):
            (portal.root / f"{number}").write_text("1")
        tracker.barrier()
        script = (
            "import sys, time; from nodes.postgres.connect import connect;"
            "from tracking.ifs.changelist import FileList;"
            "files = FileList(connect(sys.argv[1], 'test'), 1); files.done(files.take(5));"
            "print(len(files.take(10)), flush=True); time.sleep(60)"
        )
        child = subprocess.Popen([sys.executable, "-c", script, portal.conninfo], stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"10\n"
        child.kill()
        child.wait()
        assert portal.files().owed().taken == 0
        assert len(portal.files().take(100)) == 15


def test_what_cannot_be_carried_is_put_off_until_it_changes(portal):
    with portal.tracking() as tracker:
        portal.clear()
        (portal.root / "file").write_text("1")
        tracker.barrier()
        files = portal.files()
        (entry,) = files.take(10)
        files.put_back(entry, Failed(entry.path, "*STMF", "Permission denied", True), 1000)
        assert files.take(10) == []
        assert one(portal.session, "select failure from tracking_filechange") == "Permission denied"
        (portal.root / "file").write_text("2")
        tracker.barrier()
        assert [entry.tries for entry in files.take(10)] == [2]


def test_names_and_paths_of_any_length_can_be_listed(portal):
    dice = random.Random(1)
    paths = [b"", b"\xff\n", *(dice.randbytes(length) for length in (255, 2_000, 4_096, 20_000))]
    writer = ChangeList(portal.session, 1)
    for _ in range(2):
        writer.add([Change(path, 0.0, content=True, changes=1) for path in paths])
    assert [entry.path for entry in portal.files().take(100)] == paths


def test_a_tracker_that_was_killed_owes_a_walk_when_it_starts_again(portal):
    copy = Copy(portal.root)
    with portal.tracking() as tracker:
        carry(copy, portal.files())
        os.kill(tracker.pid, signal.SIGKILL)
        (portal.root / "unseen").write_text("1")
        with pytest.raises(TrackerFailed):
            tracker.barrier()
    assert portal.listed() == {}
    with portal.tracking() as tracker:
        tracker.barrier()
        assert portal.listed()[b""][0]
        carry(copy, portal.files())
    assert copy.holds == tree(os.fsencode(portal.root))


def test_it_ends_with_its_parent(portal):
    script = (
        "import os, sys; from tracking.ifs.tracker import TrackerConfig;"
        "from tracking.ifs.tracker_client import TrackerProcess;"
        "t = TrackerProcess(TrackerConfig(sys.argv[1], 1, sys.argv[2])); t.started();"
        "print(t.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    child = subprocess.run(
        [sys.executable, "-c", script, str(portal.root), portal.conninfo], stdout=subprocess.PIPE, check=False
    )
    pid = int(child.stdout)
    wait_until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or zombie(pid), "its end", seconds=10)


def zombie(pid: int) -> bool:
    """Whether a process has ended, and nobody has asked how."""
    return ") Z" in Path(f"/proc/{pid}/stat").read_text()


def test_a_root_that_goes_away_is_an_error_and_no_list_of_deletions(portal):
    (portal.root / "file").write_text("1")
    with portal.tracking() as tracker:
        portal.clear()
        portal.root.rename(portal.root.with_name("elsewhere"))
        with pytest.raises(TrackerFailed, match="root"):
            tracker.barrier()
        assert portal.listed() == {}
        state = portal.session.execute("select state, reason from tracking_filewatch").fetchone()
        assert state[0] == "FAILED"
        assert "root" in state[1]


def test_a_root_that_does_not_exist_is_an_error_that_names_it(portal):
    config = TrackerConfig(str(portal.root / "nothing"), 1, portal.conninfo)
    with TrackerProcess(config) as tracker, pytest.raises(TrackerFailed, match=r"nothing.*No such file"):
        tracker.started()


def test_the_portal_database_is_away_for_a_while(servers, portal):
    copy = Copy(portal.root)
    with portal.tracking() as tracker:
        for number in range(20):
            (portal.root / f"{number}").write_text("1")
        servers.copy.stop("immediate")
        for number in range(10, 30):
            (portal.root / f"{number}").write_text("2")
        servers.copy.start()
        for number in range(20, 40):
            (portal.root / f"{number}").write_text("3")
        tracker.barrier()
        portal.session = connect(portal.conninfo, "test", search_path="public")
        carry(copy, portal.files())
        assert copy.holds == tree(os.fsencode(portal.root))


def test_an_overflow_is_listed_as_a_walk_with_its_reason(portal):
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with portal.tracking(way="inotify") as tracker:
        portal.clear()
        os.kill(tracker.pid, signal.SIGSTOP)
        for number in range(limit):
            (portal.root / f"{number}").touch()
        os.kill(tracker.pid, signal.SIGCONT)
        tracker.barrier()
        walk, _, reason = portal.listed()[b""]
        assert walk
        assert "queue" in reason


@pytest.mark.parametrize("way", WAYS)
def test_a_storm_while_the_tracker_starts_leaves_no_difference(portal, way):
    """20,000 files in new directories below each other, renamed and deleted."""
    (portal.root / "there" / "before").mkdir(parents=True)
    storm = threading.Thread(target=blow, args=(portal.root, 20_000))
    storm.start()
    copy = Copy(portal.root)
    with portal.tracking(way=way) as tracker:
        files = portal.files()
        while storm.is_alive():
            carry(copy, files)
        storm.join()
        tracker.barrier()
        carry(copy, files)
        assert files.owed().entries == 0
        assert copy.holds == tree(os.fsencode(portal.root))


def blow(root: Path, count: int) -> None:
    """Make, rename and delete; every hundredth in a directory of its own."""
    dice, at = random.Random(7), root
    for number in range(count):
        if number % 100 == 0:
            at = (root if dice.random() < 0.3 else at) / f"d{number}"
            at.mkdir()
        file = at / f"f{number}"
        file.write_text(str(number))
        if number % 3 == 0:
            file.rename(at / f"g{number}")
        elif number % 3 == 1:
            file.unlink()
        if number % 1000 == 999:
            at = at.rename(at.with_name(f"r{number}"))


@pytest.mark.parametrize("way", WAYS)
def test_a_tracker_killed_again_and_again_while_all_is_changed_loses_nothing(portal, way):
    top, outside = os.fsencode(portal.root), os.fsencode(portal.root.with_name("outside"))
    os.mkdir(outside)
    copy, dice = Copy(portal.root), random.Random(3)
    for _ in range(5):
        writer = threading.Thread(target=changes, args=(top, outside, dice, 500))
        with portal.tracking(way=way) as tracker:
            writer.start()
            carry(copy, portal.files(), 7)
            time.sleep(dice.random() / 5)
            os.kill(tracker.pid, signal.SIGKILL)
        writer.join()
    with portal.tracking(way=way) as tracker:
        tracker.barrier()
        carry(copy, portal.files(), 7)
    assert copy.holds == tree(top)


def test_many_changes_of_a_path_fold_and_wait_for_their_writer():
    folding = Changes(settle=0.1, open_seconds=1.0)
    folding.add(Event(Kind.CREATED, b"f"), 0.0)
    folding.add(Event(Kind.MODIFIED, b"f"), 0.05)
    assert folding.due(0.5) == []
    folding.add(Event(Kind.ATTRIBUTES, b"f"), 0.6)
    assert folding.due(0.9) == []
    assert folding.next_due() == 1.0
    assert [(change.path, change.changes, change.content) for change in folding.due(1.0)] == [(b"f", 3, True)]
    folding.add(Event(Kind.MODIFIED, b"f"), 2.0)
    folding.add(Event(Kind.WRITTEN, b"f"), 2.1)
    assert folding.next_due() == 0.0
    assert [change.path for change in folding.due(2.1)] == [b"f"]
    assert len(folding) == 0
