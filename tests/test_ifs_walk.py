"""Walking a tree that others change, forbid, and name as they like."""

import os
import socket
import subprocess

from tests.trees import need_root, open_to_all, without_rights, write
from tracking.ifs.entry import Entry, Unreadable
from tracking.ifs.exclusions import Exclusions
from tracking.ifs.walk import directories, walk


def walked(top, excluded=None, path=b""):
    fd = os.open(top, os.O_RDONLY)
    try:
        return list(walk(fd, excluded or Exclusions(), path))
    finally:
        os.close(fd)


def paths(entries):
    return [entry.path for entry in entries]


def make_deep(top, levels, name=b"d" * 200):
    """Directories inside each other, and a file in the last; returns its path."""
    fd = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=fd)
        inner = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    file = os.open(b"last", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)
    os.write(file, b"deep")
    os.close(file)
    os.close(fd)
    return b"/".join([name] * levels + [b"last"])


def test_a_directory_comes_before_what_is_in_it(tmp_path):
    for path in ("a/b/1", "a/2", "c/3"):
        write(tmp_path, path)
    found = paths(walked(tmp_path))
    assert sorted(found) == [b"a", b"a/2", b"a/b", b"a/b/1", b"c", b"c/3"]
    for path in found:
        parent = path.rpartition(b"/")[0]
        assert not parent or found.index(parent) < found.index(path)


def test_a_link_is_an_object_and_no_way(tmp_path):
    (tmp_path / "etc").symlink_to("/etc")
    (tmp_path / "self").symlink_to(".")
    assert [(entry.path, entry.type) for entry in walked(tmp_path)] == [
        (b"etc", "*SYMLNK"), (b"self", "*SYMLNK"),
    ]  # fmt: skip


def test_types_are_ibms(tmp_path, monkeypatch):
    write(tmp_path, "file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)
        listener.bind("socket")
        found = {entry.path: entry.type for entry in walked(tmp_path)}
    assert found == {b"file": "*STMF", b"pipe": "*FIFO", b"directory": "*DIR", b"socket": "*SOCKET"}


def test_any_name_is_a_name(tmp_path):
    names = [b"new\nline", b"\xff\xfe", b" ", b"-rf", b"\\", b"x" * 255, "\u00e9".encode()]
    for name in names:
        write(tmp_path, name)
    assert sorted(paths(walked(tmp_path))) == sorted(names)


def test_paths_are_longer_than_the_kernel_takes(tmp_path):
    path = make_deep(tmp_path, 40)
    assert len(path) > 8000
    assert walked(tmp_path)[-1].path == path
    assert walked(tmp_path, path=path.rpartition(b"/")[0])[-1].path == path


def test_more_levels_than_descriptors(tmp_path):
    path = make_deep(tmp_path, 1500, b"d")
    found = walked(tmp_path)
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # shutil.rmtree cannot
    assert len(found) == 1501 and found[-1].path == path


def test_more_directories_side_by_side_than_descriptors(tmp_path):
    for number in range(1500):
        (tmp_path / str(number)).mkdir()
        write(tmp_path, f"{number}/x")
    before = len(os.listdir("/proc/self/fd"))
    fd = os.open(tmp_path, os.O_RDONLY)
    most = 0
    count = 0
    for listed in directories(fd, Exclusions()):
        most = max(most, len(os.listdir("/proc/self/fd")) - before)
        count += len(listed.entries)
    os.close(fd)
    assert count == 3000 and most < 150
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_forbidden_is_one_entry_and_the_rest_goes_on():
    with open_to_all() as top:
        for path in ("open/1", "shut/2", "shut/3", "zoo/4"):
            write(top, path)
        (top / "shut").chmod(0o000)
        entries = without_rights(lambda: [(type(each).__name__, each) for each in walked(top)])
        (top / "shut").chmod(0o755)
    found = [(kind, each.path) for kind, each in entries]
    reasons = [each.reason for _, each in entries if isinstance(each, Unreadable)]
    assert ("Entry", b"open/1") in found and ("Entry", b"zoo/4") in found
    assert [each for each in found if each[1].startswith(b"shut")] == [
        ("Entry", b"shut"), ("Unreadable", b"shut"),
    ]  # fmt: skip
    assert len(reasons) == 1 and "permission denied" in reasons[0]


def test_what_vanishes_is_left_out(tmp_path):
    for number in range(5):
        write(tmp_path, f"{number}/file")
    fd = os.open(tmp_path, os.O_RDONLY)
    found = []
    for entry in walk(fd, Exclusions()):
        found.append(entry.path)
        if entry.path == b"0/file":
            os.unlink(tmp_path / "3/file")
            os.rmdir(tmp_path / "3")
            os.rename(tmp_path / "4", tmp_path / "away")
            os.symlink("/etc", tmp_path / "4")
    os.close(fd)
    assert b"2/file" in found
    assert not [path for path in found if path.startswith((b"3/", b"4/passwd"))]


def test_what_is_excluded_is_not_entered(tmp_path):
    for path in ("keep/1", "cache/2", "keep/x.tmp"):
        write(tmp_path, path)
    assert paths(walked(tmp_path, Exclusions(["cache/", "*.tmp"]))) == [b"keep", b"keep/1"]


def test_the_kernels_file_systems_are_never_entered():
    found = []
    fd = os.open("/", os.O_RDONLY)
    for listed in directories(fd, lambda path, is_dir: is_dir and path not in (b"proc", b"sys", b"dev")):
        found += paths(listed.entries)
    os.close(fd)
    assert b"proc" not in found and b"sys" not in found and b"dev" not in found


def test_a_file_with_several_names_tells(tmp_path):
    write(tmp_path, "one")
    os.link(tmp_path / "one", tmp_path / "two")
    one, two = walked(tmp_path)
    assert isinstance(one, Entry) and one.link == two.link is not None


def test_a_character_device_is_seen(tmp_path):
    need_root()
    os.mknod(tmp_path / "null", 0o20666, os.makedev(1, 3))
    assert [entry.type for entry in walked(tmp_path)] == ["*CHRSF"]
