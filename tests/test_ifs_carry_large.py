"""Large files: what changed is what is written, and a crash leaves no half file under a real name."""

import os
import subprocess
import time

import pytest

from tests.trees import Tree, process, temporary_names, write
from tracking.ifs import aside
from tracking.ifs.carry import carry
from tracking.ifs.clean import clean
from tracking.ifs.links import Links
from tracking.ifs.opened import Opened
from tracking.ifs.outcome import CarryOptions
from tracking.ifs.roots import Root

MEGABYTE = 1 << 20
SIZE = 24 * MEGABYTE
CARRY = """
    import sys
    from pathlib import Path
    from tracking.ifs.carry import carry
    from tracking.ifs.opened import Opened
    from tracking.ifs.roots import Root
    with Opened(Root(Path(sys.argv[1]), Path(sys.argv[2]))) as opened:
        print("begin", flush=True)
        print(carry(opened, sys.argv[3]), flush=True)
"""


@pytest.fixture
def tree(tmp_path):
    made = Tree(tmp_path)
    made.write("large", os.urandom(SIZE))
    made.carry("large")
    yield made
    made.opened.close()


def patch(top, position, data):
    with open(top / "large", "r+b") as file:
        file.seek(position)
        file.write(data)


def written_by(work):
    """The bytes that this process has handed to the kernel for writing, while it did something."""

    def counted():
        with open("/proc/self/io") as lines:
            return dict(line.split(": ") for line in lines.read().splitlines())["wchar"]

    before = int(counted())
    outcome = work()
    return outcome, int(counted()) - before


def test_an_appended_file_costs_what_was_appended(tree):
    patch(tree.source, SIZE, b"x" * 1000)
    carried, written = written_by(lambda: tree.carry("large"))
    assert carried.what == "content" and carried.bytes == 1000
    assert written < MEGABYTE
    tree.carry("")
    tree.assert_same()


def test_a_changed_file_costs_its_changed_blocks(tree):
    for position in (0, 10 * MEGABYTE + 17, SIZE - 1):
        patch(tree.source, position, b"!")
    carried, written = written_by(lambda: tree.carry("large"))
    assert carried.bytes == 3 * CarryOptions().block_bytes
    assert written < 2 * MEGABYTE
    tree.carry("")
    tree.assert_same()
    assert temporary_names(tree.copy) == []


def test_a_shortened_file_costs_nothing(tree):
    os.truncate(tree.source / "large", SIZE - MEGABYTE - 5)
    carried, written = written_by(lambda: tree.carry("large"))
    assert carried.bytes <= CarryOptions().block_bytes and written < 2 * MEGABYTE
    tree.carry("")
    tree.assert_same()


def test_a_touched_file_costs_nothing(tree):
    os.utime(tree.source / "large", ns=(1, 2))
    assert tree.carry("large").what == "metadata"
    tree.carry("")
    tree.assert_same()


def test_a_file_of_which_most_has_changed_is_brought_whole(tree):
    tree.write("large", os.urandom(SIZE))
    assert tree.carry("large").bytes == SIZE
    tree.carry("")
    tree.assert_same()


def test_the_names_of_a_large_file_are_kept(tree):
    os.link(tree.source / "large", tree.source / "other")
    links = Links()
    for path in ("large", "other"):
        tree.carry(path, None, links)
    patch(tree.source, 5, b"!")
    tree.carry("other", None, links)
    tree.carry("")
    tree.assert_same()


def test_a_crash_while_blocks_are_changed_gives_the_old_file_back(tree):
    before = (tree.copy / "large").read_bytes()
    times = os.stat(tree.copy / "large").st_mtime_ns
    child = os.fork()
    if not child:
        directory = os.open(tree.copy, os.O_RDONLY)
        with aside.moved_aside(directory, b"large", [(5, 100), (SIZE, SIZE + 10)]) as file:
            os.pwrite(file.fd, b"half", 7)
            os.pwrite(file.fd, b"appended", SIZE)
            os._exit(0)  # as with kill -9
    os.waitpid(child, 0)
    assert not (tree.copy / "large").exists()  # never half under its name
    assert len(temporary_names(tree.copy)) == 2
    assert len(clean(tree.opened)) == 1
    assert (tree.copy / "large").read_bytes() == before
    assert os.stat(tree.copy / "large").st_mtime_ns == times
    assert temporary_names(tree.copy) == []


def test_a_crash_before_the_file_is_aside_leaves_it_alone(tree):
    before = os.stat(tree.copy / "large")
    (tree.copy / ".mwa-ifs-0123456789abcdef.undo").write_bytes(b'{"half a li')
    clean(tree.opened)
    assert os.stat(tree.copy / "large") == before
    assert temporary_names(tree.copy) == []


def test_a_newer_file_is_not_replaced_by_one_that_a_crash_left(tree):
    directory = os.open(tree.copy, os.O_RDONLY)
    child = os.fork()
    if not child:
        with aside.moved_aside(directory, b"large", [(5, 100)]):
            os._exit(0)
    os.waitpid(child, 0)
    tree.carry("large")
    clean(tree.opened)
    os.close(directory)
    tree.carry("")
    tree.assert_same()
    assert temporary_names(tree.copy) == []


def test_nothing_in_work_is_cleaned_away(tree):
    directory = os.open(tree.copy, os.O_RDONLY)
    with aside.moved_aside(directory, b"large", [(5, 100)]):
        assert clean(tree.opened) == []
        assert len(temporary_names(tree.copy)) == 2
    os.close(directory)
    tree.carry("")
    tree.assert_same()


@pytest.mark.parametrize("milliseconds", [1, 4, 10, 20, 40])
@pytest.mark.parametrize("change", ["new", "all", "some"])
def test_a_kill_in_the_middle_leaves_no_half_file(tree, change, milliseconds):
    old = (tree.copy / "large").read_bytes()
    if change == "some":
        for position in range(0, SIZE, 2 * MEGABYTE):
            patch(tree.source, position, os.urandom(100))
    else:
        write(tree.source, "large", os.urandom(SIZE))
    if change == "new":
        os.unlink(tree.copy / "large")
    new = (tree.source / "large").read_bytes()
    running = process(CARRY, tree.source, tree.copy, "large")
    assert running.stdout.readline() == "begin\n"
    time.sleep(milliseconds / 1000)
    running.kill()
    running.wait()
    if (tree.copy / "large").exists():
        assert (tree.copy / "large").read_bytes() in (old, new)
    clean(tree.opened)
    assert temporary_names(tree.copy) == []
    if change != "new":
        assert (tree.copy / "large").read_bytes() in (old, new)
    tree.carry("large")
    tree.carry("")
    tree.assert_same()


def test_where_blocks_can_be_shared_nothing_is_written(tmp_path):
    """On a file system of its own that can; btrfs or xfs."""
    image, top = tmp_path / "image", tmp_path / "mounted"
    top.mkdir()
    with open(image, "wb") as file:
        file.truncate(400 * MEGABYTE)
    for make in (["mkfs.xfs", "-q", "-m", "reflink=1"], ["mkfs.btrfs", "-q"]):
        try:
            made = subprocess.run([*make, image], capture_output=True).returncode == 0
        except FileNotFoundError:
            continue
        if made and subprocess.run(["mount", "-o", "loop", image, top], capture_output=True).returncode == 0:
            break
    else:
        pytest.skip("no file system that shares blocks can be made and mounted here")
    try:
        tree = Tree(top)
        tree.write("large", os.urandom(SIZE))
        assert tree.carry("large").bytes == 0
        patch(tree.source, 5, b"!")
        assert tree.carry("large").bytes == 0
        tree.carry("")
        tree.assert_same()
        tree.opened.close()
        subprocess.run(["rm", "-r", top / "copy"], check=True)
        elsewhere = tmp_path / "elsewhere"  # the source's file system is another one
        elsewhere.mkdir()
        (top / "copy").mkdir()
        with Opened(Root(elsewhere, top / "copy")) as opened:
            write(elsewhere, "large", os.urandom(SIZE))
            assert carry(opened, "large").bytes == SIZE
            patch(elsewhere, SIZE // 2, b"!")
            inode = os.stat(top / "copy/large").st_ino
            assert carry(opened, "large").bytes == CarryOptions().block_bytes
            assert os.stat(top / "copy/large").st_ino != inode  # in a clone
            assert (elsewhere / "large").read_bytes() == (top / "copy/large").read_bytes()
    finally:
        subprocess.run(["umount", top], check=True)
