"""The file roots of a pair: copied, kept equal, proved and turned round with the roles."""

import os
import stat
import tempfile
import threading
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from nodes.models import FileRoot, Pair
from nodes.postgres.connect import wait_until
from tests.engine import accounts
from tests.engine_swap import approved, die_after, ended
from tracking.engine import filecheck
from tracking.ifs.compare import compare_trees
from tracking.ifs.entry import CARRIED_TYPES
from tracking.ifs.opened import Opened
from tracking.ifs.roots import Root
from tracking.models import FileChange, FileCompare, FileWatch, MigratedFile


class Trees:
    """A root on each node, and the pair that keeps them equal."""

    def __init__(self, engine, top: Path) -> None:
        self.engine = engine
        self.old, self.new = top / "old", top / "new"
        self.old.mkdir()
        self.new.mkdir()
        FileRoot.objects.create(pair=engine.pair, source=str(self.old), copy=str(self.new))

    @property
    def root(self) -> FileRoot:
        return FileRoot.objects.get()

    def migrate(self) -> None:
        """From nothing to both in step."""
        self.engine.database.source.execute(accounts(10))
        self.engine.migrate()
        self.until_in_step()

    def until_in_step(self) -> None:
        self.engine.until("the files in step", lambda: self.root.replicating)

    def until_equal(self) -> None:
        def equal() -> bool:
            with Opened(Root(self.old, self.new)) as opened:
                return compare_trees(opened).verdict == "equal"

        self.engine.until("equal trees", equal, 20)

    def until_there(self, path: Path, text: str) -> None:
        self.engine.until(str(path), lambda: path.exists() and path.read_text() == text, 20)


@pytest.fixture
def trees(engine):
    with tempfile.TemporaryDirectory(prefix="mwa-files-") as top:
        yield Trees(engine, Path(top))
        engine.stop()


def test_files_are_copied_and_their_changes_follow(trees):
    (trees.old / "invoices").mkdir()
    (trees.old / "invoices" / "1").write_text("one")
    (trees.new / "left over").write_text("of somebody")
    trees.migrate()
    assert trees.root.files_copied == 1 and trees.root.bytes_copied == 3
    assert (trees.new / "invoices" / "1").read_text() == "one"
    assert not (trees.new / "left over").exists()
    assert trees.engine.pair.messages.filter(code="CONFLICT", text__contains="left over").exists()
    (trees.old / "invoices" / "2").write_text("two")
    (trees.old / "invoices" / "1").rename(trees.old / "renamed")
    trees.until_there(trees.new / "invoices" / "2", "two")
    trees.until_equal()
    trees.engine.until("nothing owed", lambda: not FileChange.objects.exists())
    migrated = {str(each): each.object_type for each in MigratedFile.objects.all()}
    assert migrated["invoices/2"] == "*STMF" and "renamed" in migrated


def test_a_pause_keeps_tracking_and_carries_nothing(trees):
    trees.migrate()
    trees.engine.ask("PAUSED")
    trees.engine.until("the pause", lambda: trees.engine.pair.phase == "PAUSED")
    assert (trees.root.state, trees.root.reason) == ("TRACKING", 212)
    (trees.old / "file").write_text("x")
    trees.engine.until("the entry", FileChange.objects.filter(path=b"file").exists)
    assert not (trees.new / "file").exists()
    trees.engine.ask("SYNC")
    trees.until_there(trees.new / "file", "x")
    trees.until_in_step()


def test_roles_swap_with_the_files_and_back(trees):
    (trees.old / "file").write_text("old")
    trees.migrate()
    (trees.old / "late").write_text("late")
    request = approved(trees.engine)
    assert ended(trees.engine, request) == ("COMPLETE", "")
    assert any(step["name"] == "files" for step in request.steps)
    assert (trees.new / "late").read_text() == "late"
    (trees.new / "file").write_text("new")
    trees.until_there(trees.old / "file", "new")
    trees.until_in_step()
    trees.engine.reconnect()
    trees.engine.until_state("ACTIVE", "REPLICATING")
    assert ended(trees.engine, approved(trees.engine)) == ("COMPLETE", "")
    (trees.old / "file").write_text("old again")
    trees.until_there(trees.new / "file", "old again")


def test_a_file_that_was_changed_on_the_copy_is_in_the_way_of_a_role_swap(trees):
    (trees.old / "file").write_text("mine")
    trees.migrate()
    status = (trees.new / "file").stat()
    (trees.new / "file").write_text("ours")
    os.utime(trees.new / "file", ns=(status.st_atime_ns, status.st_mtime_ns))
    state, why = ended(trees.engine, approved(trees.engine))
    assert state == "FAILED" and "file: content, blake3" in why
    assert (trees.old / "file").read_text() == "mine"
    assert trees.engine.pair.messages.filter(code="CONFLICT", text__contains="file: content").exists()
    trees.until_there(trees.new / "file", "mine")
    trees.engine.until_state("ACTIVE", "REPLICATING")
    assert ended(trees.engine, approved(trees.engine)) == ("COMPLETE", "")


def test_who_writes_files_behind_the_fence_keeps_the_roles_from_being_swapped(trees):
    trees.migrate()
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.wait(0.001):
            (trees.old / f"{number % 50}").write_text(f"{number}")
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        state, why = ended(trees.engine, approved(trees.engine))
    finally:
        done.set()
        writer.join()
    assert state == "FAILED" and "written behind the fence" in why
    trees.until_equal()


def test_a_root_that_is_gone_is_suspended_and_comes_back(trees):
    (trees.old / "file").write_text("x")
    trees.migrate()
    trees.old.rename(trees.old.with_name("away"))
    trees.engine.until("the suspend", lambda: trees.root.in_trouble)
    assert "needed is" in trees.root.why or "old" in trees.root.why
    assert (trees.new / "file").exists(), "a tree that is gone is not one without files"
    trees.old.with_name("away").rename(trees.old)
    trees.until_in_step()
    (trees.old / "file").write_text("y")
    trees.until_there(trees.new / "file", "y")


def test_an_engine_that_is_stopped_and_started_misses_nothing(trees):
    (trees.old / "file").write_text("x")
    trees.migrate()
    trees.engine.stop()
    (trees.old / "file").write_text("yy")
    (trees.old / "new").write_text("z")
    trees.engine.start()
    trees.until_there(trees.new / "file", "yy")
    trees.until_equal()


def test_removing_the_pair_leaves_both_trees_and_no_entry(trees):
    (trees.old / "file").write_text("x")
    trees.migrate()
    trees.engine.ask("REMOVED")
    wait_until(lambda: not Pair.objects.exists(), "the removal", seconds=30)
    assert (trees.old / "file").exists() and (trees.new / "file").exists()
    assert not FileRoot.objects.exists() and not FileChange.objects.exists()


def test_a_compare_tells_what_was_changed_on_the_copy_and_the_primary_wins(trees):
    (trees.old / "file").write_text("mine")
    trees.migrate()
    (trees.new / "file").write_text("ours")
    (trees.new / "extra").write_text("ours")
    compare = FileCompare.request(trees.root)
    trees.engine.until("the compare", FileCompare.objects.filter(ended_at__isnull=False).exists)
    compare.refresh_from_db()
    found = {(each["path"], each["kind"]) for each in compare.differences}
    assert compare.verdict == "DIFFERENT" and found >= {("file", "content"), ("extra", "extra")}
    trees.until_equal()
    trees.engine.until("nothing owed", lambda: not FileChange.objects.exists())
    FileCompare.request(trees.root)
    trees.engine.until("the next", lambda: not FileCompare.objects.filter(ended_at=None).exists())
    assert FileCompare.objects.first().verdict == "EQUAL"


def put_off(trees, name: str, text: str) -> FileChange:
    """A change of a file that is not carried until somebody has it tried."""
    trees.engine.ask("PAUSED")
    trees.engine.until("the pause", lambda: trees.engine.pair.phase == "PAUSED")
    (trees.old / name).write_text(text)
    found = FileChange.objects.filter(path=name.encode())
    trees.engine.until("the entry", found.exists)
    found.get().act("defer", "olga")
    trees.engine.ask("SYNC")
    trees.until_in_step()
    return found.get()


def test_a_compare_that_is_stopped_in_its_middle_ends_without_a_verdict_and_another_may_begin(trees):
    """It waits for what is put off, which is owed all the same."""
    (trees.old / "file").write_text("x")
    trees.migrate()
    entry = put_off(trees, "file", "yy")
    (trees.new / "extra").write_text("ours")
    before, compare = trees.root.compared_turn, FileCompare.request(trees.root, by="olga")
    progress = FileCompare.objects.filter(objects_compared=3)  # the root and both files
    trees.engine.until("its progress", progress.exists)
    with pytest.raises(ValidationError, match="is being compared already"):
        FileCompare.request(trees.root)
    compare.stop("oskar")
    trees.engine.until("its end", lambda: not FileCompare.objects.filter(ended_at=None).exists(), 8)
    compare.refresh_from_db()
    assert (compare.verdict, compare.standing.value, compare.stopped_by) == ("", "STOPPED", "oskar")
    assert (compare.objects_compared, compare.differences) == (3, [])
    assert "the compare was stopped" in compare.message
    assert trees.root.compared_turn == before, "it proves nothing for a role swap"
    assert FileChange.objects.get() == entry and (trees.new / "extra").exists()
    entry.act("retry", "olga")
    trees.until_there(trees.new / "file", "yy")
    FileCompare.request(trees.root)
    trees.engine.until("the next", lambda: not FileCompare.objects.filter(ended_at=None).exists())
    assert FileCompare.objects.first().verdict == "DIFFERENT"
    trees.until_equal()


def test_a_row_that_names_a_file_that_is_not_there_keeps_the_roles_from_being_swapped(trees):
    (trees.old / "invoices").mkdir()
    (trees.old / "invoices" / "1").write_text("one")
    trees.engine.database.source.execute("create table invoice (id int primary key, path text)")
    trees.migrate()
    FileRoot.objects.update(query="select path from invoice")
    trees.engine.application(f"insert into invoice values (1, 'invoices/1'), (2, '{trees.old}/invoices/2')")
    trees.engine.until_equal()
    state, why = ended(trees.engine, approved(trees.engine))
    assert state == "FAILED"
    assert "1 of 2 paths that rows name are not below" in why and "invoices/2 does not exist" in why
    (trees.old / "invoices" / "2").write_text("two")
    trees.engine.until_state("ACTIVE", "REPLICATING")
    request = approved(trees.engine)
    assert ended(trees.engine, request) == ("COMPLETE", "")
    assert "2 paths that rows name are on the secondary" in [step["text"] for step in request.steps]


@pytest.mark.parametrize("query", ["select no from invoice", "delete from account returning id"])
def test_a_query_of_paths_that_cannot_be_run_is_named_and_changes_nothing(trees, query):
    trees.migrate()
    FileRoot.objects.update(query=query)
    state, why = ended(trees.engine, approved(trees.engine))
    assert state == "FAILED" and f"the query of file root {trees.old}: " in why
    trees.engine.until_state("ACTIVE", "REPLICATING")
    trees.engine.until_equal()


def test_preflight_refuses_roots_that_cannot_be_kept_equal_before_anything_is_touched(trees):
    FileRoot.objects.update(source=str(trees.old / "missing"))
    FileRoot.objects.create(pair=trees.engine.pair, number=2, source=str(trees.old), copy=str(trees.old))
    trees.engine.start()
    trees.engine.ask("SYNC")
    trees.engine.until("the refusal", lambda: trees.engine.pair.phase_detail == "E")
    why = trees.engine.pair.detail_text
    assert "old/missing does not exist, needed is a directory" in why
    assert "is the same directory as" in why
    assert not FileWatch.objects.exists() and trees.engine.pool.step == ""


def test_preflight_tells_how_a_root_would_be_watched_and_whether_there_is_room(trees):
    (trees.old / "file").write_bytes(b"x" * 100_000)
    found = {check.name: check for check in filecheck.run(trees.engine.pair)}
    assert all(check.status == "passed" for check in found.values())
    assert {"file root", "file system", "room for files"} <= found.keys()
    needed = int(found["room for files"].needed.split(" bytes")[0].replace(",", ""))
    assert 100_000 <= needed < 200_000


@pytest.mark.parametrize(
    "place",
    [
        "tracking.engine.fileloop.FileLoop._begin",
        "tracking.ifs.drain.FileList.take",
        "tracking.ifs.drain.Drain._walk",
        "tracking.ifs.hands.Hands.give",
        "tracking.engine.fileloop.FileLoop._in_step",
    ],
)
def test_an_engine_that_was_killed_in_the_first_copy_goes_on(trees, place):
    for number in range(30):
        (trees.old / f"{number}").write_text("x" * number)
    trees.engine.database.source.execute(accounts(10))
    trees.engine.pair.ask("SYNC")
    trees.engine.killed_after(place)
    (trees.old / "3").unlink()
    (trees.old / "late").write_text("late")
    trees.engine.start()
    trees.engine.until("every pool", trees.engine.all_replicate)
    trees.until_in_step()
    trees.until_equal()
    assert not [path for path in trees.new.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("step", ["drain", "decide", "commit", "open_secondary", "finish"])
def test_an_engine_that_was_killed_in_a_role_swap_leaves_the_files_on_the_side_of_the_rows(trees, step):
    (trees.old / "file").write_text("x")
    trees.migrate()
    trees.engine.stop()
    request = die_after(trees.engine, step)
    trees.engine.start()
    state, _ = ended(trees.engine, request)
    assert state == ("FAILED" if step == "drain" else "COMPLETE")
    primary, secondary = (trees.new, trees.old) if state == "COMPLETE" else (trees.old, trees.new)
    (primary / "file").write_text("changed")
    trees.until_there(secondary / "file", "changed")
    trees.until_in_step()
    trees.until_equal()


MAKE = {
    "*STMF": lambda path: path.write_text("x"),
    "*DIR": lambda path: path.mkdir(),
    "*SYMLNK": lambda path: path.symlink_to("elsewhere"),
    "*FIFO": os.mkfifo,
    "*CHRSF": lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3)),
}


def live(top: Path, step: str) -> None:
    """One step in the life of an object of each type that travels, and of a file with two names."""
    for kind, make in MAKE.items():
        path = top / kind
        match step:
            case "made":
                make(path)
            case "altered":
                os.utime(path, ns=(1, 1_000_000_001), follow_symlinks=False)
            case "renamed":
                path.rename(top / f"{kind} renamed")
            case "dropped":
                renamed = top / f"{kind} renamed"
                renamed.rmdir() if kind == "*DIR" else renamed.unlink()
    if step == "made":
        os.link(top / "*STMF", top / "further name")


def test_every_type_of_file_lives_while_active(trees):
    assert set(MAKE) == set(CARRIED_TYPES)
    trees.migrate()
    for step in ("made", "altered", "renamed", "dropped"):
        live(trees.old, step)
        trees.until_equal()
        trees.engine.until("nothing owed", lambda: not FileChange.objects.exists())


def test_every_type_of_file_lives_while_tracking(trees):
    trees.migrate()
    for step in ("made", "altered", "renamed", "dropped"):
        trees.engine.ask("PAUSED")
        trees.engine.until("the pause", lambda: trees.engine.pair.phase == "PAUSED")
        live(trees.old, step)
        trees.engine.until("an entry", FileChange.objects.exists)
        trees.engine.ask("SYNC")
        trees.engine.until("SYNC", lambda: trees.engine.pair.phase == "SYNC")
        trees.until_equal()
        trees.engine.until("nothing owed", lambda: not FileChange.objects.exists())
