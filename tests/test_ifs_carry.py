"""Carrying one path: every type of object, its metadata, and what it may become."""

import os
import socket
import subprocess

import pytest

from tests.test_ifs_walk import make_deep
from tests.trees import NOBODY, Tree, need_acl, need_root, open_to_all, temporary_names, without_rights, write
from tracking.ifs.carry import carry
from tracking.ifs.links import Links
from tracking.ifs.outcome import CarryOptions, Failed

TRUSTING = CarryOptions(trust_times=True)
OLD = 946684800_123456789  # nanoseconds: to the last digit


@pytest.fixture
def tree(tmp_path):
    made = Tree(tmp_path)
    yield made
    made.opened.close()


def test_a_file_travels_with_the_directories_that_lead_to_it(tree):
    os.utime(tree.write("a/b/file", b"x" * 5000), ns=(OLD, OLD + 1))
    os.chmod(tree.source / "a/b", 0o2750)
    os.utime(tree.source / "a", ns=(OLD, OLD + 2))
    os.chmod(tree.source / "a/b/file", 0o4711)
    carried = tree.carry("a/b/file")
    assert (carried.what, carried.type, carried.bytes) == ("created", "*STMF", 5000)
    tree.carry("")
    tree.assert_same()
    assert tree.carry("a/b/file").what == "same"
    tree.assert_same()


def test_the_source_is_not_touched(tree):
    tree.write("file")
    os.utime(tree.source / "file", ns=(OLD, OLD + 10**15))
    before = os.stat(tree.source / "file")
    tree.carry("file")
    assert os.stat(tree.source / "file") == before  # not even the time of the last access


def test_metadata_alone_costs_no_content(tree):
    tree.write("file", b"x" * 100_000)
    tree.carry("file")
    inode = os.stat(tree.copy / "file").st_ino
    os.chmod(tree.source / "file", 0o640)
    os.setxattr(tree.source / "file", "user.mwa", b"\0\1")
    carried = tree.carry("file")
    assert (carried.what, carried.bytes) == ("metadata", 0)
    assert os.stat(tree.copy / "file").st_ino == inode
    os.removexattr(tree.source / "file", "user.mwa")
    assert tree.carry("file").what == "metadata"
    tree.carry("")
    tree.assert_same()


def test_content_of_the_same_size_and_time_is_found(tree):
    whole = tree.write("file", b"before")
    os.utime(whole, ns=(OLD, OLD))
    tree.carry("file")
    write(tree.source, "file", b"after!")
    os.utime(whole, ns=(OLD, OLD))
    assert tree.carry("file", TRUSTING).what == "same"  # that is what it means
    assert tree.carry("file").what == "content"
    tree.carry("")
    tree.assert_same()


def test_a_time_in_the_future_or_the_past_does_not_matter(tree):
    for number, time in enumerate((0, OLD, 4_000_000_000 * 10**9)):
        whole = tree.write("file", b"%d" % number)
        os.utime(whole, ns=(time, time))
        assert tree.carry("file").what in ("created", "content")
        tree.carry("")
        tree.assert_same()


def test_owners_and_groups_travel(tree):
    need_root()
    tree.write("d/file")
    os.symlink("file", tree.source / "d/link")
    for path in ("d", "d/file", "d/link"):
        os.chown(tree.source / path, NOBODY, 1234, follow_symlinks=False)
    os.chmod(tree.source / "d/file", 0o6755)
    for path in ("d/file", "d/link", ""):
        tree.carry(path)
    tree.assert_same()


def test_acls_travel(tree):
    tree.write("d/file")
    need_acl(tree.source / "d/file")
    subprocess.run(["setfacl", "-m", f"d:u:{NOBODY}:rwx,g:1234:x", tree.source / "d"], check=True)
    write(tree.source, "d/inherits")
    for path in ("d", "d/file", "d/inherits", ""):
        tree.carry(path)
    tree.assert_same()
    assert b"posix_acl" in b" ".join(map(os.fsencode, os.listxattr(tree.copy / "d/file")))
    subprocess.run(["setfacl", "-b", tree.source / "d/file"], check=True)
    tree.carry("d/file")
    write(tree.source, "d/plain")
    subprocess.run(["setfacl", "-b", tree.source / "d/plain"], check=True)
    tree.carry("d/plain")  # the copy's directory would give it an ACL
    tree.assert_same()


def test_links_pipes_and_devices_travel(tree):
    os.symlink(b"/no/such\n\xff", os.fsencode(tree.source / "link"))
    os.mkfifo(tree.source / "pipe", 0o620)
    os.utime(tree.source / "link", ns=(OLD, OLD), follow_symlinks=False)
    for path in ("link", "pipe", ""):
        assert tree.carry(path).what in ("created", "same")
    tree.assert_same()
    assert tree.carry("link").what == tree.carry("pipe").what == "same"
    os.unlink(tree.source / "link")
    os.symlink("elsewhere", tree.source / "link")
    os.chmod(tree.source / "pipe", 0o666)
    assert (tree.carry("link").what, tree.carry("pipe").what) == ("replaced", "metadata")
    tree.carry("")
    tree.assert_same()


def test_a_character_device_travels_where_rights_allow():
    need_root()
    with open_to_all() as top:
        tree = Tree(top)
        os.mknod(tree.source / "null", 0o20666, os.makedev(1, 3))
        tree.copy.chmod(0o777)
        failed = without_rights(lambda: carry(tree.opened, "null"))
        assert isinstance(failed, Failed) and "CAP_MKNOD" in failed.reason and not failed.retryable
        assert (tree.carry("null").type, tree.carry("").what) == ("*CHRSF", "metadata")
        tree.assert_same()
        tree.opened.close()


def test_a_socket_is_ineligible_and_leaves_no_stale_file(tree, monkeypatch):
    tree.write("x")
    tree.carry("x")
    os.unlink(tree.source / "x")
    monkeypatch.chdir(tree.source)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("x")
        outcome = carry(tree.opened, "x")
    assert isinstance(outcome, Failed) and outcome.type == "*SOCKET"
    assert "ineligible" in outcome.reason and not outcome.retryable
    assert os.listdir(tree.copy) == []


def test_everything_may_become_everything(tree):
    def file(path):
        write(tree.source, path, b"now a file")

    def directory(path):
        write(tree.source, path + "/inner/x")

    def link(path):
        os.symlink("/etc", tree.source / path)

    def pipe(path):
        os.mkfifo(tree.source / path)

    def nothing(path):
        pass

    kinds = [file, directory, link, pipe, nothing]
    for before in kinds:
        for after in kinds:
            path = f"{before.__name__}-{after.__name__}"
            before(path)
            tree.carry(path)
            if before is directory:
                tree.carry(path + "/inner/x")
            subprocess.run(["rm", "-rf", tree.source / path], check=True)
            after(path)
            tree.carry(path)
            if after is directory:
                tree.carry(path + "/inner/x")
    tree.carry("")
    tree.assert_same()


def test_a_file_below_what_was_a_file_makes_its_directories(tree):
    tree.write("a")
    tree.carry("a")
    os.unlink(tree.source / "a")
    tree.write("a/b/c")
    tree.carry("a/b/c")
    tree.carry("")
    tree.assert_same()


def test_what_the_source_has_not_any_more_goes(tree):
    tree.write("d/e/f")
    tree.carry("d/e/f")
    tree.carry("d/e/f")
    subprocess.run(["rm", "-r", tree.source / "d"], check=True)
    assert tree.carry("d/e/f").what == "removed"
    assert tree.carry("d").what == "removed"
    assert tree.carry("d").what == "same"
    assert tree.carry("d/e/f").what == "same"
    tree.carry("")
    tree.assert_same()


def test_a_tree_of_many_levels_goes(tree):
    path = make_deep(tree.source, 30)
    tree.carry(path)
    assert len(path) > 6000
    fd = os.open(tree.copy, os.O_RDONLY)
    os.close(fd)
    subprocess.run(["rm", "-r", tree.source / ("d" * 200)], check=True)
    assert tree.carry(b"d" * 200).what == "removed"
    assert os.listdir(tree.copy) == []


def test_any_name_and_any_length_of_path_travels(tree):
    names = [b"new\nline", b"\xff\xfe\xfd", b"-rf", b"x" * 255, b"\\x41"]
    for name in names:
        tree.write(name)
        assert tree.carry(name).path == name
    tree.write(b"text\xff")
    assert tree.carry("text\udcff").path == b"text\xff"
    path = make_deep(tree.source, 22)
    assert len(path) > 4096
    assert tree.carry(path).what == "created"
    assert tree.carry(path).what == "same"
    subprocess.run(["rm", "-r", tree.source / ("d" * 200), tree.copy / ("d" * 200)], check=True)
    tree.carry("")
    tree.assert_same()


def test_holes_stay_holes(tree):
    whole = tree.write("sparse", b"")
    with open(whole, "r+b") as file:
        file.write(b"a" * 4096)
        file.seek(64 << 20)
        file.write(b"b" * 4096)
        file.truncate(128 << 20)
    carried = tree.carry("sparse")
    assert carried.bytes <= 64 << 10
    assert os.stat(tree.copy / "sparse").st_blocks * 512 <= 128 << 10
    with open(whole, "r+b") as file:  # some data becomes a hole, some of a hole data
        file.write(b"\0" * 4096)
        file.seek(32 << 20)
        file.write(b"c")
    assert tree.carry("sparse").bytes < 1 << 20
    assert os.stat(tree.copy / "sparse").st_blocks * 512 <= 512 << 10
    tree.carry("")
    tree.assert_same()


def test_names_of_one_file_stay_names_of_one_file(tree):
    links = Links()
    tree.write("a", b"1")
    (tree.source / "d").mkdir()
    for name in ("b", "d/c"):
        os.link(tree.source / "a", tree.source / name)
    for path in ("a", "b", "d/c", ""):
        tree.carry(path, None, links)
    tree.assert_same()
    write(tree.source, "b", b"another content")  # through any of its names
    tree.carry("b", None, links)
    tree.carry("d")
    tree.assert_same()
    os.chmod(tree.source / "a", 0o600)
    tree.carry("a", None, links)
    tree.assert_same()
    os.unlink(tree.source / "b")
    tree.carry("b", None, links)
    tree.carry("")
    tree.assert_same()


def test_a_name_that_leaves_a_file_takes_no_other_along(tree):
    links = Links()
    tree.write("a", b"shared")
    os.link(tree.source / "a", tree.source / "b")
    tree.carry("a", None, links)
    tree.carry("b", None, links)
    os.unlink(tree.source / "b")
    write(tree.source, "b", b"of its own")
    tree.carry("b", None, links)
    tree.carry("")
    tree.assert_same()
    os.chmod(tree.source / "b", 0o600)
    tree.carry("b", None, links)
    tree.assert_same()


def test_what_is_excluded_is_neither_brought_nor_removed(tmp_path):
    tree = Tree(tmp_path, "*.tmp", "/cache/")
    tree.write("x.tmp")
    tree.write("d/y")
    assert tree.carry("x.tmp").what == "excluded"
    assert tree.carry("d/y").what == "created"
    write(tree.copy, "d/theirs.tmp")
    write(tree.copy, "cache/z")
    assert tree.carry("cache").what == "excluded"
    subprocess.run(["rm", "-r", tree.source / "d"], check=True)
    removed = tree.carry("d")
    assert removed.what == "removed" and removed.lacking
    assert sorted(os.listdir(tree.copy)) == ["cache", "d"] and os.listdir(tree.copy / "d") == ["theirs.tmp"]
    tree.write("d")  # a file, where the copy must keep a directory
    failed = carry(tree.opened, "d")
    assert isinstance(failed, Failed) and "left out of the root" in failed.reason
    tree.opened.close()


def test_without_rights_it_is_said_what_is_lacking():
    need_root()
    with open_to_all() as top:
        tree = Tree(top)
        tree.write("file", b"x")
        os.chmod(tree.source / "file", 0o4755)
        tree.copy.chmod(0o777)
        carried = without_rights(lambda: carry(tree.opened, "file"))
        assert "owner 0" in carried.lacking[0] and "CAP_CHOWN" in carried.lacking[0]
        status = os.stat(tree.copy / "file")
        assert status.st_mode & 0o7777 == 0o755 and status.st_uid == NOBODY  # no rights of ours are lent
        tree.opened.close()


def test_a_file_that_may_not_be_read_fails_clearly():
    with open_to_all() as top:
        tree = Tree(top)
        os.chmod(tree.write("d/file"), 0o000)
        tree.copy.chmod(0o777)
        failed = without_rights(lambda: carry(tree.opened, "d/file"))
        assert isinstance(failed, Failed) and not failed.retryable
        assert failed.path == b"d/file" and "permission denied on the source" in failed.reason
        assert temporary_names(tree.copy) == []
        tree.opened.close()


def test_a_directory_that_nobody_may_write_to_is_carried_without_roots_rights():
    with open_to_all() as top:
        os.chmod(top, 0o777)

        def work():
            tree = Tree(top)
            tree.write("d/file")
            os.chmod(tree.source / "d", 0o555)
            tree.carry("d")
            tree.carry("d/file")
            tree.carry("")
            tree.assert_same()
            os.chmod(tree.source / "d", 0o755)
            os.unlink(tree.source / "d/file")
            os.chmod(tree.source / "d", 0o555)
            tree.carry("d/file")
            tree.assert_same()

        without_rights(work)
