"""Carrying while others change, swap, fill up, kill: nothing outside the roots, nothing half."""

import contextlib
import os
import signal
import subprocess
import threading
import time

import pytest

from tests.trees import Tree, need_root, process, seen, small_file_system, temporary_names, write
from tracking.ifs import regular
from tracking.ifs.carry import carry
from tracking.ifs.clean import clean
from tracking.ifs.opened import Opened
from tracking.ifs.outcome import Carried, CarryOptions, Failed
from tracking.ifs.roots import Root
from tracking.ifs.treecopy import carry_tree

SWAPPING = """
    import os, sys
    top, outside = map(os.fsencode, sys.argv[1:3])
    directory, away, link = top + b"/d", top + b"/away", top + b"/link"
    os.symlink(outside, link)
    print("begin", flush=True)
    while True:  # d is a directory, then a link to somewhere else, and back
        for old, new in ((directory, away), (link, directory), (directory, link), (away, directory)):
            try:
                os.rename(old, new)
            except OSError:  # it has been carried away
                pass
        if not os.path.lexists(link):
            os.symlink(outside, link)
"""
WRITING = """
    import sys
    with open(sys.argv[1], "r+b", buffering=0) as file:
        piece = b"piece of it" * 500
        for number in range(10**9):
            file.seek(number % 200 * len(piece))
            file.write(piece)
            if number == 10:
                print("begin", flush=True)
"""
WRITING_ALL = """
    import sys
    with open(sys.argv[1], "r+b", buffering=0) as file:
        for number in range(10**9):
            file.seek(0)
            file.write(b"%032d" % number * 32768)
            if number == 10:
                print("begin", flush=True)
"""


@pytest.fixture
def tree(tmp_path):
    made = Tree(tmp_path)
    yield made
    made.opened.close()


@contextlib.contextmanager
def beside(code, *arguments):
    """The code runs in a process of its own meanwhile."""
    running = process(code, *arguments)
    try:
        assert running.stdout.readline() == "begin\n"
        yield running
        assert running.poll() is None
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize("side", ["source", "copy"])
def test_a_directory_that_is_swapped_for_a_link_is_never_followed(tree, tmp_path, side):
    outside = tmp_path / "outside"
    write(outside, "secret", b"not to be read")
    write(outside, "inner/secret", b"not to be read")
    before = seen(outside)
    for top in (tree.source, tree.copy):
        write(top, "d/secret", b"of the root")
        write(top, "d/inner/secret", b"of the root")
        write(top, "d/theirs", b"of the root")
    os.unlink(tree.source / "d/theirs")
    with beside(SWAPPING, tmp_path / side, outside):
        deadline = time.monotonic() + 4
        number = 0
        while time.monotonic() < deadline:
            number += 1
            if side == "copy":  # there is something to do each time
                with contextlib.suppress(OSError):
                    write(tree.source, "d/inner/secret", b"of the root, %d" % number)
            for path in ("d/secret", "d/inner/secret", "d/theirs", "d/new/file"):
                carry(tree.opened, path, CarryOptions(sync="later"))
            carry(tree.opened, "d", CarryOptions(sync="later"))
            if side == "source" and not (tree.copy / "d").is_symlink():
                with contextlib.suppress(FileNotFoundError):
                    assert (tree.copy / "d/secret").read_bytes() == b"of the root"
    assert seen(outside) == before  # nothing was written or removed there
    assert carry_tree(tree.root, options=CarryOptions()).failed == []
    tree.assert_same()


def test_a_link_to_etc_is_carried_as_a_link(tree):
    tree.write("d/passwd", b"mine")
    tree.carry("d/passwd")
    subprocess.run(["rm", "-r", tree.source / "d"], check=True)
    os.symlink("/etc", tree.source / "d")
    assert tree.carry("d/passwd").what == "removed"  # the source has no such path
    assert tree.carry("d").what == "replaced"
    assert os.readlink(tree.copy / "d") == "/etc"
    assert tree.carry("d/passwd").what == "same"
    assert os.path.exists("/etc/passwd")
    tree.assert_same()


def test_a_link_on_the_copy_is_not_written_through(tree, tmp_path):
    outside = tmp_path / "outside"
    write(outside, "file", b"theirs")
    before = seen(outside)
    tree.write("d/file", b"ours")
    os.symlink(outside, tree.copy / "d")
    tree.carry("d/file")
    os.unlink(tree.copy / "d/file")
    os.symlink(outside / "file", tree.copy / "d/file")
    tree.carry("d/file")
    tree.carry("")
    tree.assert_same()
    assert seen(outside) == before


def test_a_file_that_never_stops_changing_fails_and_the_copy_stays(tree):
    tree.write("busy", b"before" * 5_000_000)
    tree.carry("busy")
    before = (tree.copy / "busy").read_bytes()
    with beside(WRITING, tree.source / "busy"):
        began = time.monotonic()
        failed = carry(tree.opened, "busy", CarryOptions(wait_seconds=1.0))
        assert time.monotonic() - began < 5
    assert isinstance(failed, Failed) and failed.retryable and failed.type == "*STMF"
    assert "never stopped changing" in failed.reason and "within 1 s" in failed.reason
    assert (tree.copy / "busy").read_bytes() == before and temporary_names(tree.copy) == []
    assert tree.carry("busy").what == "content"
    tree.carry("")
    tree.assert_same()


def test_a_file_is_never_torn_by_a_write_that_goes_on_while_it_is_read(tree):
    fd = os.open(tree.write("whole", b"0" * (1 << 20)), os.O_RDWR)
    times = []
    for _ in range(100):
        os.pwrite(fd, b"0", 0)
        times.append(os.fstat(fd).st_mtime_ns)
    os.close(fd)
    if len(set(times)) < 100:
        pytest.skip(
            "the kernel's times are too coarse to tell two writes apart; the watch tells of the second"
        )
    with beside(WRITING_ALL, tree.source / "whole"):
        deadline = time.monotonic() + 2
        carried = 0
        while time.monotonic() < deadline:
            outcome = carry(tree.opened, "whole", CarryOptions(wait_seconds=0.1, sync="later"))
            if isinstance(outcome, Carried):
                carried += 1
                held = (tree.copy / "whole").read_bytes()
                assert held == held[:32] * 32768
    assert carried


@pytest.mark.parametrize("large", [1 << 20, 1 << 40])
def test_a_file_that_stops_changing_is_waited_for(tree, large):
    tree.write("busy", b"before" * 5_000_000)
    tree.carry("busy")
    with beside(WRITING, tree.source / "busy") as writer:
        threading.Timer(0.7, writer.send_signal, [signal.SIGSTOP]).start()
        outcome = carry(tree.opened, "busy", CarryOptions(wait_seconds=20, large_bytes=large))
    assert isinstance(outcome, Carried) and outcome.what == "content"
    tree.carry("")
    tree.assert_same()


def test_a_file_that_grows_is_never_torn(tree):
    """Lines of one length, each with its number: whatever arrives is a beginning of them."""
    code = """
        import sys
        print("begin", flush=True)
        with open(sys.argv[1], "ab", buffering=0) as file:
            for number in range(10**9):
                file.write(b"%015d\\n" % number)
                if number % 2000 == 0:
                    import time
                    time.sleep(0.05)
    """
    tree.write("log", b"")
    with beside(code, tree.source / "log"):
        for _ in range(30):
            if isinstance(carry(tree.opened, "log", CarryOptions(wait_seconds=1)), Carried):
                lines = (tree.copy / "log").read_bytes().split(b"\n")
                assert lines.pop() == b""
                assert [int(line) for line in lines] == list(range(len(lines)))


def test_a_file_that_vanishes_while_it_is_read_is_carried_all_the_same_and_then_removed(tree, monkeypatch):
    tree.write("file", b"x" * 1000)
    real = regular.content.copy

    def copy_and_remove(source, target, status):
        (tree.source / "file").unlink(missing_ok=True)
        return real(source, target, status)

    monkeypatch.setattr(regular.content, "copy", copy_and_remove)
    carry(tree.opened, "file")  # its link count changes, and with it its time of change
    tree.carry("file")
    tree.carry("")
    tree.assert_same()


def test_files_that_come_and_go_all_the_time(tree):
    code = """
        import os, sys
        os.chdir(sys.argv[1])
        print("begin", flush=True)
        for number in range(10**9):
            name = f"f{number % 7}"
            if number % 3 == 0:
                try: os.unlink(name)
                except FileNotFoundError: pass
                except IsADirectoryError: os.rmdir(name)
            elif number % 3 == 1:
                open("new", "w").write(name * number)
                try: os.rename("new", name)
                except IsADirectoryError: pass
            elif not os.path.lexists(name):
                [lambda: os.mkdir(name), lambda: os.symlink("/etc", name), lambda: os.mkfifo(name)][number // 3 % 3]()
    """  # noqa: E501
    with beside(code, tree.source) as running:
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            for number in range(7):
                outcome = carry(tree.opened, f"f{number}", CarryOptions(wait_seconds=0.2, sync="later"))
                assert isinstance(outcome, Carried) or outcome.retryable, outcome
        running.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        for path in [*(f"f{number}" for number in range(7)), "new", ""]:
            tree.carry(path)
        tree.assert_same()
    assert temporary_names(tree.copy) == []


def test_no_space_is_said_and_leaves_nothing(tmp_path):
    with small_file_system(tmp_path / "small") as small:
        (tmp_path / "source").mkdir()
        (small / "copy").mkdir()
        write(tmp_path / "source", "big", os.urandom(4 << 20))
        write(tmp_path / "source", "fits", b"x")
        with Opened(Root(tmp_path / "source", small / "copy")) as opened:
            failed = carry(opened, "big")
            assert isinstance(failed, Failed) and failed.retryable
            assert "no space on the copy" in failed.reason and "needed is more" in failed.reason
            assert os.listdir(small / "copy") == []
            assert isinstance(carry(opened, "fits"), Carried)
            write(tmp_path / "source", "fits", os.urandom(4 << 20))
            assert isinstance(carry(opened, "fits"), Failed)
            assert (small / "copy/fits").read_bytes() == b"x"  # what was there is still there


def test_no_inodes_is_no_space(tmp_path):
    with small_file_system(tmp_path / "small", inodes=8) as small:
        (tmp_path / "source").mkdir()
        (small / "copy").mkdir()
        with Opened(Root(tmp_path / "source", small / "copy")) as opened:
            outcomes = []
            for number in range(10):
                write(tmp_path / "source", str(number))
                outcomes.append(carry(opened, str(number)))
        assert isinstance(outcomes[0], Carried) and isinstance(outcomes[-1], Failed)
        assert "no space on the copy" in outcomes[-1].reason and " 0 files are free" in outcomes[-1].reason


def test_no_space_for_more_of_a_large_file_leaves_the_old_one(tmp_path):
    with small_file_system(tmp_path / "small", size="14m") as small:
        (tmp_path / "source").mkdir()
        (small / "copy").mkdir()
        whole = write(tmp_path / "source", "large", os.urandom(9 << 20))
        with Opened(Root(tmp_path / "source", small / "copy")) as opened:
            assert isinstance(carry(opened, "large"), Carried)
            before = (small / "copy/large").read_bytes()
            with open(whole, "r+b") as file:
                file.write(b"changed")
                file.seek(0, os.SEEK_END)
                file.write(os.urandom(8 << 20))
            failed = carry(opened, "large")
            assert isinstance(failed, Failed) and "no space" in failed.reason
            assert (small / "copy/large").read_bytes() == before
            assert temporary_names(small) == []


def test_a_read_only_copy_is_said(tmp_path):
    need_root()
    with small_file_system(tmp_path / "small") as small:
        (tmp_path / "source").mkdir()
        (small / "copy").mkdir()
        write(tmp_path / "source", "file")
        if subprocess.run(["mount", "-o", "remount,ro", small]).returncode:
            pytest.skip("may not remount")
        with Opened(Root(tmp_path / "source", small / "copy")) as opened:
            failed = carry(opened, "file")
        assert isinstance(failed, Failed) and "read-only" in failed.reason and not failed.retryable


def test_a_file_system_without_attributes_is_said(tmp_path):
    with small_file_system(tmp_path / "small") as small:
        (tmp_path / "source").mkdir()
        (small / "copy").mkdir()
        write(tmp_path / "source", "file")
        try:
            os.setxattr(tmp_path / "source/file", "user.big", b"x" * 3000)
        except OSError:
            pytest.skip("the file system has no attributes")
        with Opened(Root(tmp_path / "source", small / "copy")) as opened:
            outcome = carry(opened, "file")
        there = os.listxattr(small / "copy/file")
        assert isinstance(outcome, Carried)
        assert there == ["user.big"] or "user.big" in outcome.lacking[0]


def test_what_a_kill_has_left_is_cleaned(tree):
    code = """
        import os, sys
        from tracking.ifs import temporary
        directory = os.open(sys.argv[1], os.O_RDONLY)
        with temporary.created(directory) as (name, fd):
            os.write(fd, b"half")
            os.symlink("x", temporary.new_name(), dir_fd=directory)
            print("begin", flush=True)
            sys.stdin.read()
    """
    (tree.source / "d").mkdir()
    tree.carry("d")
    running = process(code, tree.copy / "d", stdin=subprocess.PIPE)
    assert running.stdout.readline() == "begin\n"
    assert len(clean(tree.opened)) == 1  # the link; the file is in work
    assert len(temporary_names(tree.copy)) == 1
    running.kill()
    running.wait()
    assert len(clean(tree.opened)) == 1
    assert temporary_names(tree.copy) == [] and clean(tree.opened) == []
    tree.carry("d")
    tree.carry("")
    tree.assert_same()
