"""Many paths at once: what is written to disk together, and what must hold up nobody."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nodes.postgres.connect import wait_until
from tests.trees import NOBODY, Tree, open_upwards, process, without_rights, write
from tracking.ifs.changelist import Entry
from tracking.ifs.local_carrier import LocalCarrier
from tracking.ifs.outcome import Carried
from tracking.ifs.place import Place
from tracking.ifs.roots import Root
from tracking.ifs.steps import LONG, alone, together

_ALL_THE_TIME = """
import os, sys
file = os.open(sys.argv[1], os.O_RDWR)
os.pwrite(file, os.urandom(8), 0)
print("writing", flush=True)
while True:
    os.pwrite(file, os.urandom(8), 0)
"""
NEVER = threading.Event()


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


@pytest.fixture
def executor():
    with ThreadPoolExecutor(2) as made:
        yield made


def looked_at(root: Root, paths, wait_seconds: float = 5.0) -> list:
    """What the engine does with that many changes."""
    carrier = LocalCarrier(Place(1, root), 1, wait_seconds)
    now = datetime.now(UTC)
    try:
        return carrier.look(
            [Entry(1, 1, os.fsencode(path), False, True, b"", "", 0, now, now) for path in paths], NEVER
        )
    finally:
        carrier.close()


def test_hundreds_of_changes_are_on_the_copy_together(tree):
    paths = [f"{number % 7}/{number}" for number in range(300)]
    for path in paths:
        tree.write(path, path.encode())
    assert {each.what for each in looked_at(tree.root, paths)} == {"created"}
    for number, path in enumerate(paths):
        if number % 3 == 0:
            os.unlink(tree.source / path)
        elif number % 3 == 1:
            tree.write(path, b"%d" % number)
    found = looked_at(tree.root, paths)
    assert [each.path.decode() for each in found] == paths
    assert [each.what for each in found[:6]] == ["removed", "content", "same"] * 2
    looked_at(tree.root, [str(number) for number in range(7)])
    tree.assert_same()


def test_names_of_one_file_are_one_file_whoever_is_carried_with_them(tree):
    tree.write("first", b"x")
    for number in range(100):
        tree.write(f"{number}", b"x")
        os.link(tree.source / "first", tree.source / f"name {number}")
    names = ["first", *(f"name {number}" for number in range(100))]
    looked_at(tree.root, [*names, *map(str, range(100)), ""])
    tree.assert_same()


def test_a_file_that_is_written_to_holds_up_none_of_the_others(tree):
    paths = [str(number) for number in range(50)]
    for path in paths:
        tree.write(path, b"x" * (20_000_000 if path == "0" else 10))
    found: list = []
    looking = threading.Thread(target=lambda: found.extend(looked_at(tree.root, paths, 60.0)))
    with process(_ALL_THE_TIME, tree.source / "0") as writer:
        try:
            assert writer.stdout.readline() == "writing\n"
            looking.start()
            copied = [tree.copy / path for path in paths[1:]]
            wait_until(lambda: all(map(Path.exists, copied)), "the others", seconds=20)
            assert looking.is_alive()
        finally:
            writer.kill()
    looking.join(60)
    assert {each.what for each in found} == {"created"}
    looked_at(tree.root, ["0", ""])
    tree.assert_same()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_somebody_without_rights_carries_many_files_of_a_directory_that_forbids_it(tree):
    paths = [f"closed/{number}" for number in range(100)]
    for path in paths:
        write(tree.source, path)
    os.chmod(tree.source / "closed", 0o555)
    os.chown(tree.source / "closed", NOBODY, NOBODY)
    open_upwards(tree.copy)

    found = without_rights(lambda: looked_at(tree.root, paths))

    assert {type(each) for each in found} == {Carried}, found
    assert len(os.listdir(tree.copy / "closed")) == 100
    assert (tree.copy / "closed").stat().st_mode & 0o777 == 0o555


def written_to(fd: int):
    """Steps that stop for a descriptor; they answer with what was wrong."""
    try:
        yield fd
    except OSError as error:
        return error.strerror
    return "on disk"


def test_what_cannot_be_written_to_disk_is_told_to_whom_it_concerns(tmp_path, executor):
    reading, writing = os.pipe()  # which has no disk
    fds = [os.open(tmp_path / f"{number}", os.O_CREAT | os.O_WRONLY) for number in range(40)]
    try:
        answers = together([written_to(fd) for fd in [*fds[:20], writing, *fds[20:]]], executor)
        assert answers == ["on disk"] * 20 + ["Invalid argument"] + ["on disk"] * 20
        assert alone(written_to(writing)) == "Invalid argument" and alone(written_to(fds[0])) == "on disk"
    finally:
        for fd in (reading, writing, *fds):
            os.close(fd)


def test_what_takes_long_is_done_elsewhere_and_its_answer_stands_in_its_place(executor):
    here = threading.get_ident()

    def steps(long: bool):
        if long:
            yield LONG
        return threading.get_ident() == here
        yield

    assert together([steps(False), steps(True), steps(False)], executor) == [True, False, True]


def test_what_fails_in_its_middle_waits_for_what_is_under_way(executor):
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def long():
        yield LONG
        began.set()
        may_end.wait(20)
        ended.set()

    def failing():
        began.wait(20)
        threading.Timer(0.1, may_end.set).start()
        raise RuntimeError("broken")
        yield

    with pytest.raises(RuntimeError, match="broken"):
        together([long(), failing()], executor)
    assert ended.is_set()
