"""Compare with a copy on another host finds every difference, and none that is not there."""

import os
import shutil
import socket
import stat
import threading

import pytest

from tests.ssh_host import SshHost, need_ssh
from tests.test_ifs_tree import fill
from tests.trees import NOBODY, Tree, open_upwards, seen, write
from tracking.ifs.difference import CompareOptions
from tracking.ifs.host import connected
from tracking.ifs.remote_carry import carry_paths
from tracking.ifs.remote_compare import compare_paths, compare_tree
from tracking.ifs.remote_tree import carry_tree

AT_ONCE = CompareOptions(recheck_seconds=0)


@pytest.fixture(scope="module")
def far():
    need_ssh()
    made = SshHost()
    yield made
    made.close()


@pytest.fixture(scope="module")
def connection(far):
    with connected(far.host()) as made:
        yield made


@pytest.fixture
def tree(tmp_path):
    made = Tree(tmp_path)
    yield made
    made.opened.close()


def found(result):
    return {difference.path: difference.kind for difference in result.differences}


def test_equal_trees_are_equal_and_nothing_is_written(tree, connection, monkeypatch):
    fill(tree, 10, 20)
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tree.source)
        listener.bind("socket")
    carry_tree(tree.root, connection)
    before = seen(tree.copy)
    told = []
    result = compare_tree(tree.root, connection, AT_ONCE, progress=lambda *counted: told.append(counted))
    assert (result.verdict, result.differences, result.not_compared) == ("equal", [], [])
    assert result.objects_compared > 200 and result.bytes_compared > 50 << 20 and told
    assert seen(tree.copy) == before


def test_every_kind_of_difference_is_found(tree, connection, monkeypatch):
    fill(tree, 10, 20)
    for name in "abcdefghijkl":
        tree.write(f"d/{name}", b"content")
    os.symlink("somewhere", tree.source / "d/m")
    carry_tree(tree.root, connection)
    copy = tree.copy / "d"
    times = os.stat(copy / "a").st_atime_ns, os.stat(copy / "a").st_mtime_ns
    (copy / "a").write_bytes(b"CONTENT")
    os.utime(copy / "a", ns=times)  # nothing but what it holds
    os.truncate(copy / "b", 3)
    os.unlink(copy / "c")
    os.unlink(copy / "d")
    os.symlink("x", copy / "d")
    os.chmod(copy / "e", 0o601)
    os.chown(copy / "f", NOBODY, 5)
    os.utime(copy / "g", ns=(times[0], times[1] + 1))
    os.setxattr(copy / "h", "user.mwa", b"1")
    os.unlink(copy / "i")
    os.link(copy / "j", copy / "i")
    os.chmod(tree.source / "d/i", stat.S_IMODE(os.stat(copy / "i").st_mode))
    os.utime(tree.source / "d/i", ns=(1, os.stat(copy / "i").st_mtime_ns))
    os.unlink(copy / "m")
    os.symlink("elsewhere", copy / "m")
    write(copy, b"\xff\n/inside")
    shutil.rmtree(tree.copy / "0/0")
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tree.source)
        listener.bind("socket")
    write(tree.copy, "socket")
    os.utime(tree.copy, ns=(5, 5))
    result = compare_tree(tree.root, connection, AT_ONCE)
    said = {difference.path: difference.what for difference in result.differences}
    kinds = found(result)
    below = {path for path in kinds if path.startswith(b"0/0")}
    assert {kinds[path] for path in below} == {"missing"} and len(below) == 21
    assert {path: kind for path, kind in kinds.items() if path not in below} == {
        b"d/a": "content", b"d/b": "content", b"d/c": "missing", b"d/d": "type", b"d/e": "metadata",
        b"d/f": "metadata", b"d/g": "metadata", b"d/h": "metadata", b"d/i": "metadata", b"d/j": "metadata",
        b"d/m": "content", b"d/\xff\n": "extra", b"socket": "extra", b"d": "metadata", b"0": "metadata",
        b"": "metadata",
    }  # fmt: skip
    assert said[b"d/b"] == "7 bytes, copy 3" and said[b"d/d"] == "*STMF on the source, *SYMLNK on the copy"
    assert said[b"d/e"] == "mode rw-r--r--, copy rw------x" and "owner 0, copy 65534" in said[b"d/f"]
    assert "one of 2 names of a file on the copy" in said[b"d/i"]
    assert result.verdict == "different" and result.difference_count == len(kinds)


def test_without_content_only_what_can_be_seen_is_compared(tree, connection):
    tree.write("a", b"content")
    carry_tree(tree.root, connection)
    status = os.stat(tree.copy / "a")
    (tree.copy / "a").write_bytes(b"CONTENT")
    os.utime(tree.copy / "a", ns=(status.st_atime_ns, status.st_mtime_ns))
    look = CompareOptions(content=False, recheck_seconds=0)
    assert compare_tree(tree.root, connection, look).verdict == "equal"
    assert found(compare_tree(tree.root, connection, AT_ONCE)) == {b"a": "content"}
    assert found(compare_paths(tree.root, connection, ["a", "b"], AT_ONCE)) == {b"a": "content"}


def test_a_link_in_place_of_a_directory_is_not_looked_through(tree, connection, tmp_path):
    for path in ("a/1", "a/2/3", "b/1"):
        tree.write(path)
    carry_tree(tree.root, connection)
    os.rename(tree.copy / "a", tmp_path / "outside")
    write(tmp_path / "outside", "4")
    os.symlink(tmp_path / "outside", tree.copy / "a")
    result = compare_tree(tree.root, connection, AT_ONCE)
    kinds = found(result)
    kinds.pop(b"", None)
    assert kinds == {b"a": "type", b"a/1": "missing", b"a/2": "missing", b"a/2/3": "missing"}


def test_what_is_left_out_is_no_difference(tmp_path, connection):
    tree = Tree(tmp_path, "*.log", "build/")
    for path in ("a/x.log", "a/y", "build/1"):
        tree.write(path)
    carry_tree(tree.root, connection)
    os.utime(tree.copy / "a", ns=(1, 1))
    for path in ("theirs.log", "build/2", "a/new/z.log"):
        write(tree.copy, path)
    for directory in ("", "a"):
        status = os.stat(tree.source / directory)
        os.utime(tree.copy / directory, ns=(1, status.st_mtime_ns))
    assert found(compare_tree(tree.root, connection, AT_ONCE)) == {b"a/new": "extra"}
    tree.opened.close()


def test_what_arrives_in_time_is_no_difference(tree, connection):
    for number in range(20):
        tree.write(str(number))
    carry_tree(tree.root, connection)
    stop, waiting = threading.Event(), set()

    def write_and_carry():
        number = 0
        while not stop.wait(0.01):
            name = str(number % 20)
            number += 1
            waiting.add(os.fsencode(name))
            tree.write(name, os.urandom(100))
            carry_paths(tree.root, connection, [name, b""])
            waiting.discard(os.fsencode(name))

    writer = threading.Thread(target=write_and_carry)
    writer.start()
    try:
        options = CompareOptions(recheck_seconds=20)
        for _ in range(3):
            result = compare_tree(
                tree.root, connection, options, caught_up=lambda path: path not in waiting and bool(path)
            )
            assert (result.verdict, result.differences, result.not_compared) == ("equal", [], [])
    finally:
        stop.set()
        writer.join()


def test_who_may_not_set_owners_still_compares_them(tree):
    script = 'exec setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "$SSH_ORIGINAL_COMMAND"'
    far = SshHost(f"ForceCommand {script}")
    try:
        open_upwards(tree.copy)
        os.chmod(tree.source, 0o777)
        tree.write("file")
        with connected(far.host()) as connection:
            carry_paths(tree.root, connection, ["file"])
            result = compare_tree(tree.root, connection, AT_ONCE)
        said = {difference.path: difference.what for difference in result.differences}
        assert said[b"file"] == "owner 0:0, copy 65534:65534"
    finally:
        far.close()


def test_it_can_be_stopped(tree, connection):
    tree.write("a")
    stop = threading.Event()
    stop.set()
    assert compare_tree(tree.root, connection, AT_ONCE, stop=stop).verdict == "not comparable"
