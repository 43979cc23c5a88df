"""Comparing two trees, quiet and live; hashes, and paths that lead nowhere."""

import os
import subprocess
import threading
import time

import pytest
from blake3 import blake3

from tests.test_ifs_walk import make_deep
from tests.trees import Tree, need_root, open_to_all, without_rights, write
from tracking.ifs.compare import compare_paths, compare_trees, dangling, named
from tracking.ifs.difference import CompareOptions
from tracking.ifs.hashing import NotHashed, hashes
from tracking.ifs.links import Links
from tracking.ifs.opened import Opened
from tracking.ifs.treecopy import carry_tree

QUICK = CompareOptions(recheck_seconds=0.2)
OLD = 946684800_123456789


@pytest.fixture
def tree(tmp_path):
    made = Tree(tmp_path)
    for number in range(40):
        made.write(f"{number % 4}/{number}", b"%d" % number * 100)
    made.write(b"0/\xff\n", b"not UTF-8")
    made.write("big", os.urandom(3 << 20))
    os.link(made.source / "1/1", made.source / "2/one")
    os.symlink("1/1", made.source / "link")
    os.mkfifo(made.source / "pipe")
    assert carry_tree(made.root).failed == []
    yield made
    made.opened.close()


def kinds(result):
    return {(each.path, each.kind) for each in result.differences}


def test_equal_trees_are_equal(tree):
    result = compare_trees(tree.opened, QUICK)
    assert (result.verdict, result.differences, result.not_compared) == ("equal", [], [])
    assert result.objects_compared == 50 and result.bytes_compared > 3 << 20


def keep_times(path, change):
    before = os.stat(path, follow_symlinks=False)
    parent = os.stat(os.path.dirname(path))
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns), follow_symlinks=False)
    os.utime(os.path.dirname(path), ns=(parent.st_atime_ns, parent.st_mtime_ns))


def flip(path):
    with open(path, "r+b") as file:
        byte = file.read(1)
        file.seek(0)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize(
    ("path", "change", "kind", "what"),
    [
        ("big", flip, "content", "blake3"),
        ("1/5", lambda path: os.truncate(path, 101), "content", "100 bytes, copy 101"),
        ("1/5", lambda path: os.chmod(path, 0o604), "metadata", "mode 0644, copy 0604"),
        ("1/5", lambda path: os.setxattr(path, "user.x", b"1"), "metadata", "attribute user.x"),
        ("1", lambda path: os.chmod(path, 0o700), "metadata", "mode 0755, copy 0700"),
        ("pipe", lambda path: os.chmod(path, 0o777), "metadata", "mode 0644, copy 0777"),
    ],
)
def test_every_difference_is_found(tree, path, change, kind, what):
    keep_times(tree.copy / path, change)
    result = compare_trees(tree.opened, QUICK)
    assert result.verdict == "different" and result.difference_count == 1
    (found,) = result.differences
    assert (found.path, found.kind) == (path.encode(), kind) and what in found.what
    assert kinds(compare_paths(tree.opened, [path], QUICK)) == kinds(result)
    assert compare_paths(tree.opened, ["0/0", "link"], QUICK).verdict == "equal"


def test_missing_extra_and_other_types_are_found(tree):
    os.unlink(tree.copy / "0/0")
    subprocess.run(["rm", "-r", tree.copy / "3"], check=True)
    write(tree.copy, "extra/deep/file")
    os.unlink(tree.copy / "1/5")
    os.mkdir(tree.copy / "1/5")
    os.unlink(tree.copy / "link")
    os.symlink("elsewhere", tree.copy / "link")
    result = compare_trees(tree.opened, QUICK)
    found = kinds(result)
    assert {(b"0/0", "missing"), (b"3", "missing"), (b"3/7", "missing"), (b"extra", "extra")} <= found
    assert {(b"1/5", "type"), (b"link", "content")} <= found
    assert not [path for path, _ in found if path.startswith(b"extra/")]
    assert carry_tree(tree.root, links=Links()).failed == []
    assert compare_trees(tree.opened, QUICK).verdict == "equal"


def test_owners_and_times_to_the_nanosecond_are_compared(tree):
    os.utime(tree.copy / "1/5", ns=(0, OLD))
    os.utime(tree.source / "1/5", ns=(0, OLD + 1))
    (found,) = compare_trees(tree.opened, QUICK).differences
    assert found.what == (
        "modified at 2000-01-01 00:00:00.123456790 UTC, copy 2000-01-01 00:00:00.123456789 UTC"
    )
    need_root()
    os.chown(tree.copy / "link", 1, 2, follow_symlinks=False)
    assert "owner 0, copy 1, group 0, copy 2" in str(compare_paths(tree.opened, ["link"], QUICK).differences)


def test_names_that_are_no_longer_one_file_are_found(tree):
    def part(path):
        content = (tree.copy / "1/1").read_bytes()
        os.unlink(path)
        with open(path, "wb") as file:
            file.write(content)

    keep_times(tree.copy / "2/one", part)
    result = compare_trees(tree.opened, QUICK)
    assert kinds(result) == {(b"2/one", "metadata")} and "one file with 1/1" in result.differences[0].what


def test_without_content_only_what_can_be_seen_is_compared(tree):
    keep_times(tree.copy / "big", flip)
    assert compare_trees(tree.opened, CompareOptions(content=False)).verdict == "equal"
    assert compare_trees(tree.opened, QUICK).verdict == "different"


def test_what_is_listed_is_limited_and_counted(tree):
    for number in range(40):
        os.chmod(tree.copy / f"{number % 4}/{number}", 0o604)
    result = compare_trees(tree.opened, CompareOptions(recheck_seconds=0.2, max_differences=5))
    assert len(result.differences) == 5 and result.difference_count >= 40


def test_what_arrives_meanwhile_is_no_difference(tree):
    write(tree.source, "1/late", b"on its way")
    arrived = threading.Event()

    def arrive():
        carry_tree(tree.root)
        arrived.set()

    threading.Timer(0.5, arrive).start()
    began = time.monotonic()
    result = compare_trees(
        tree.opened, CompareOptions(recheck_seconds=20), caught_up=lambda path: arrived.is_set()
    )
    assert result.verdict == "equal" and time.monotonic() - began < 15


def test_what_has_arrived_and_differs_is_a_difference_at_once(tree):
    os.chmod(tree.copy / "1/5", 0o604)
    began = time.monotonic()
    result = compare_trees(tree.opened, CompareOptions(recheck_seconds=60), caught_up=lambda path: True)
    assert result.verdict == "different" and time.monotonic() - began < 20


def test_a_file_that_is_written_all_the_time_is_no_difference_and_no_proof(tree):
    stop = threading.Event()

    def write_on():
        number = 0
        while not stop.is_set():
            number += 1
            write(tree.source, "1/5", b"%d" % number)

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        result = compare_trees(tree.opened, CompareOptions(recheck_seconds=0.5))
    finally:
        stop.set()
        writer.join()
    assert (result.verdict, result.changing, result.difference_count) == ("not comparable", [b"1/5"], 0)


def test_what_cannot_be_read_is_not_comparable_with_the_reason():
    with open_to_all() as top:
        os.chmod(top, 0o777)

        def work():
            tree = Tree(top)
            for path in ("a/1", "shut/2", "z/3"):
                tree.write(path)
            carry_tree(tree.root)
            os.chmod(tree.source / "shut", 0o000)
            os.chmod(tree.copy / "shut", 0o000)
            os.chmod(tree.source / "z/3", 0o000)
            os.chmod(tree.copy / "z/3", 0o000)
            result = compare_trees(tree.opened, QUICK)
            os.chmod(tree.source / "shut", 0o755)
            os.chmod(tree.copy / "shut", 0o755)
            return result

        result = without_rights(work)
    assert result.verdict == "not comparable" and result.differences == []
    assert {each.path for each in result.not_compared} == {b"shut", b"z/3"}
    assert all("ermission denied" in each.reason for each in result.not_compared)


def test_what_is_excluded_is_not_compared(tmp_path):
    tree = Tree(tmp_path, "*.log", "cache/")
    tree.write("x.log")
    write(tree.copy, "cache/y")
    write(tree.copy, ".mwa-ifs-0123456789abcdef")
    os.utime(tree.source, ns=(1, 1))
    os.utime(tree.copy, ns=(1, 1))
    assert compare_trees(tree.opened, QUICK).verdict == "equal"
    tree.opened.close()


def test_long_paths_are_compared(tree):
    path = make_deep(tree.source, 25)
    carry_tree(tree.root)
    assert compare_trees(tree.opened, QUICK).verdict == "equal"
    assert [found for _, found in hashes(tree.opened.copy, [path])] == [blake3(b"deep").digest()]
    subprocess.run(["rm", "-r", tree.source / ("d" * 200), tree.copy / ("d" * 200)], check=True)


def test_a_compare_can_be_stopped(tree):
    stop = threading.Event()
    stop.set()
    result = compare_trees(tree.opened, QUICK, stop=stop)
    assert result.verdict == "not comparable" and "stopped" in result.not_compared[-1].reason


def test_hashes_are_blake3_and_follow_nothing(tree):
    found = dict(hashes(tree.opened.source, [b"big", b"0/\xff\n", b"link", b"no/such", b"pipe"]))
    assert found[b"big"] == blake3((tree.source / "big").read_bytes()).digest()
    assert found[b"0/\xff\n"] == blake3(b"not UTF-8").digest()
    assert all(isinstance(found[path], NotHashed) for path in (b"link", b"no/such", b"pipe"))


def test_no_row_may_point_to_a_missing_file(tree):
    os.unlink(tree.copy / "1/5")
    asked = ["1/1", "1/5", f"{tree.source}/2/one", f"{tree.source}/3/99", "0/\udcff\n", "9/9", "/etc/passwd",
             "../x", "link/x", "link"]  # fmt: skip
    found = dict(dangling(tree.opened, [named(tree.root, path) for path in asked]))
    assert found == {
        b"1/5": "does not exist on the copy",
        b"3/99": "does not exist on the copy",
        b"9/9": "its directory does not exist on the copy",
        b"/etc/passwd": "is not below the root",
        b"../x": "is not below the root",
        b"link/x": "its directory does not exist on the copy",
    }


def test_nothing_is_written_by_a_compare(tree):
    def times(top):
        return {name: os.lstat(os.path.join(at, name)) for at, _, files in os.walk(top) for name in files}

    os.utime(tree.source / "big", ns=(1, os.stat(tree.source / "big").st_mtime_ns))
    before = times(tree.source), times(tree.copy)
    with Opened(tree.root) as opened:
        compare_trees(opened, QUICK)
    assert (times(tree.source), times(tree.copy)) == before
