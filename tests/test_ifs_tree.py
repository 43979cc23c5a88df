"""Carrying whole trees: the first copy, again after a kill, and as the walk that finds what was lost."""

import json
import os
import socket
import subprocess
import threading
import time

import psutil
import pytest

from tests.test_ifs_walk import make_deep
from tests.trees import Tree, need_root, open_to_all, process, seen, temporary_names, without_rights, write
from tracking.ifs.clean import clean
from tracking.ifs.links import Links
from tracking.ifs.outcome import CarryOptions
from tracking.ifs.treecopy import carry_tree

COPY = """
    import sys
    from pathlib import Path
    from tracking.ifs.roots import Root
    from tracking.ifs.treecopy import carry_tree
    print("begin", flush=True)
    carry_tree(Root(Path(sys.argv[1]), Path(sys.argv[2])), jobs=2)
"""


@pytest.fixture
def tree(tmp_path):
    made = Tree(tmp_path)
    yield made
    made.opened.close()


def fill(tree, directories=30, files=60):
    """Many small files, and one of everything else."""
    for number in range(directories * files):
        directory = f"{number % directories % 5}/{number % directories}"
        whole = tree.write(f"{directory}/file {number}", os.urandom(number * 37 % 16384))
        os.utime(whole, ns=(number, number * 10**9 + number))
        os.chmod(whole, [0o644, 0o600, 0o755][number % 3])
    tree.write(b"0/\xff\n", b"not UTF-8")
    tree.write("1/empty", b"")
    os.mkdir(tree.source / "2/empty directory", 0o700)
    os.symlink("/etc/passwd", tree.source / "2/link")
    os.symlink("/etc", tree.source / "2/etc")
    os.mkfifo(tree.source / "3/pipe")
    os.link(tree.source / "1/empty", tree.source / "4/another name")
    os.setxattr(tree.source / "1/empty", "user.mwa", b"value")
    with open(tree.write("4/sparse"), "r+b") as file:
        file.truncate(50 << 20)
    os.utime(tree.source / "1", ns=(1, 2))


def test_a_tree_is_carried_whole_and_again_costs_nothing(tree):
    fill(tree)
    told = []
    done = carry_tree(tree.root, jobs=2, progress=lambda objects, size: told.append((objects, size)))
    tree.assert_same()
    assert (done.failed, done.lacking, done.conflicts, done.complete) == ([], [], [], True)
    assert done.objects >= 1806 and told[-1] == (done.objects, done.bytes)
    before = {
        path: os.lstat(os.path.join(os.fsencode(tree.copy), path)).st_ino for path in seen(tree.copy)[0]
    }
    again = carry_tree(tree.root, jobs=2)
    assert again.bytes == 0 and inodes(tree.copy) == before
    tree.assert_same()


def inodes(top):
    return {path: os.lstat(os.path.join(os.fsencode(top), path)).st_ino for path in seen(top)[0]}


def test_what_was_lost_is_found_by_the_walk(tree):
    fill(tree)
    links = Links()
    carry_tree(tree.root, links=links)
    write(tree.source, "0/0/file 0", b"changed")
    os.unlink(tree.source / "0/0/file 30")
    subprocess.run(["rm", "-r", tree.source / "1/1"], check=True)
    os.chmod(tree.source / "2/2/file 2", 0o611)
    os.setxattr(tree.source / "2/2/file 32", "user.mwa", b"new")
    os.rename(tree.source / "3/3", tree.source / "3/moved")
    write(tree.source, "4/new/deep/file")
    done = carry_tree(tree.root, links=links)
    tree.assert_same()
    assert done.failed == [] and sorted(done.conflicts) == [b"0/0/file 30", b"1/1", b"3/3"]


def test_a_part_of_a_tree_is_carried_by_itself(tree):
    fill(tree, 5, 10)
    carry_tree(tree.root)
    write(tree.source, "0/0/new")
    write(tree.source, "1/1/new")
    carry_tree(tree.root, path=b"0/0")
    assert (tree.copy / "0/0/new").exists() and not (tree.copy / "1/1/new").exists()
    subprocess.run(["rm", "-r", tree.source / "1/1"], check=True)
    carry_tree(tree.root, path=b"1/1")
    assert not (tree.copy / "1/1").exists()
    carry_tree(tree.root)
    tree.assert_same()


def test_what_others_put_on_the_copy_is_a_conflict_and_the_source_wins(tree):
    fill(tree, 5, 10)
    carry_tree(tree.root)
    write(tree.copy, "theirs/file")
    os.unlink(tree.copy / "0/0/file 0")
    os.mkdir(tree.copy / "0/0/file 0")
    os.symlink("/etc", tree.copy / "1/passwd")
    done = carry_tree(tree.root)
    assert sorted(done.conflicts) == [b"1/passwd", b"theirs"]
    tree.assert_same()


def test_long_paths_and_many_levels_are_carried(tree):
    path = make_deep(tree.source, 30)
    assert len(path) > 6000
    done = carry_tree(tree.root)
    assert done.failed == []
    assert tree.carry(path).what == "same"
    subprocess.run(["rm", "-r", tree.source / ("d" * 200)], check=True)
    carry_tree(tree.root)
    tree.assert_same()


@pytest.mark.parametrize("milliseconds", [150, 300, 500])
def test_a_kill_in_the_middle_leaves_no_half_file_and_the_next_one_completes(tree, milliseconds):
    fill(tree, 40, 60)
    want = seen(tree.source)[0]
    running = process(COPY, tree.source, tree.copy)
    assert running.stdout.readline() == "begin\n"
    time.sleep(milliseconds / 1000)
    copiers = psutil.Process(running.pid).children()
    running.kill()
    running.wait()
    assert psutil.wait_procs(copiers, timeout=5)[1] == []  # they do not outlive it
    there = seen(tree.copy)[0]
    for path, known in there.items():
        if known[5] is not None and b".mwa-ifs" not in path:
            assert known[5] == want[path][5], path  # content: whole or not there
    clean(tree.opened)
    assert temporary_names(tree.copy) == []
    assert carry_tree(tree.root).failed == []
    tree.assert_same()


def test_writers_go_on_meanwhile(tree):
    fill(tree, 20, 50)
    stop = threading.Event()

    def write_on():
        number = 0
        while not stop.is_set():
            number += 1
            directory = f"{number % 5}"
            write(tree.source, f"{directory}/live {number % 50}", os.urandom(5000))
            if number % 3 == 0:
                os.rename(
                    tree.source / directory / f"live {number % 50}", tree.source / directory / "renamed"
                )
            if number % 7 == 0:
                write(tree.source, f"{directory}/come/and/go/{number}")
                subprocess.run(["rm", "-r", tree.source / directory / "come"], check=True)

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        done = carry_tree(tree.root, jobs=2)
    finally:
        stop.set()
        writer.join()
    assert [failed for failed in done.failed if not failed.retryable] == []
    assert carry_tree(tree.root, options=CarryOptions()).failed == []
    tree.assert_same()


def test_what_cannot_be_read_is_one_entry_and_the_rest_arrives():
    with open_to_all() as top:
        os.chmod(top, 0o777)

        def work():
            tree = Tree(top)
            for path in ("a/1", "shut/2", "shut/3", "z/4", "z/5"):
                tree.write(path)
            os.chmod(tree.source / "z/5", 0o000)
            os.chmod(tree.source / "shut", 0o000)
            done = carry_tree(tree.root)
            os.chmod(tree.source / "shut", 0o755)
            return [(failed.path, failed.type, failed.reason) for failed in done.failed], sorted(
                os.listdir(tree.copy / "z")
            )

        failed, there = without_rights(work)
    assert {path for path, _, _ in failed} == {b"shut", b"z/5"}
    assert all("permission denied" in reason for _, _, reason in failed)
    assert there == ["4"]


def test_the_ineligible_are_named(tree, monkeypatch):
    need_root()
    monkeypatch.chdir(tree.source)
    os.mknod("disk", 0o60600, os.makedev(7, 99))
    os.mknod("null", 0o20666, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        done = carry_tree(tree.root)
    assert {failed.path: failed.type for failed in done.failed} == {b"disk": "*BLKSF", b"socket": "*SOCKET"}
    assert os.listdir(tree.copy) == ["null"]


def test_it_can_be_stopped(tree):
    fill(tree)
    stop = threading.Event()
    stop.set()
    assert not carry_tree(tree.root, stop=stop).complete
    assert carry_tree(tree.root).complete
    tree.assert_same()


def test_a_lost_copier_is_said_and_no_success(tree):
    fill(tree, 40, 60)
    code = """
        import json, os, signal, sys, threading, time
        from pathlib import Path
        import psutil
        from tracking.ifs.roots import Root
        from tracking.ifs.treecopy import carry_tree

        def kill():
            while True:
                for child in psutil.Process().children():
                    if "hand_process" in " ".join(child.cmdline()):
                        child.send_signal(signal.SIGKILL)
                        return
                time.sleep(0.01)

        threading.Thread(target=kill, daemon=True).start()
        try:
            carry_tree(Root(Path(sys.argv[1]), Path(sys.argv[2])), jobs=2)
        except Exception as error:
            print(json.dumps([type(error).__name__, str(error)]))
    """
    said, _ = process(code, tree.source, tree.copy).communicate(timeout=60)
    assert json.loads(said)[0] == "HandLost" and "needed is 0" in said
    assert carry_tree(tree.root).failed == []
    tree.assert_same()


def test_what_is_excluded_and_forbidden_stays_where_it_is(tmp_path):
    tree = Tree(tmp_path, "*.log")
    for path in ("a/x.log", "a/y", "pg/base/1"):
        tree.write(path)
    write(tree.copy, "portal/db")
    carry_tree(tree.root, [tree.source / "pg", tree.copy / "portal"])
    assert sorted(os.listdir(tree.copy)) == ["a", "portal"]
    assert os.listdir(tree.copy / "a") == ["y"] and (tree.copy / "portal/db").exists()
    tree.opened.close()
