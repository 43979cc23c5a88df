"""Each kind of change, as the watch of a root tells it."""

import contextlib
import mmap
import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.watched import Copy, happened, said, tree, watching
from tracking.ifs.watching import Event, Kind, RootGone


def test_each_kind_of_change_is_told(tmp_path):
    (tmp_path / "kept").write_text("1")
    with watching(tmp_path) as watch:
        (tmp_path / "new").write_text("1")
        assert said(happened(watch)) == [("CREATED", b"new"), ("MODIFIED", b"new"), ("WRITTEN", b"new")]
        (tmp_path / "kept").chmod(0o600)
        os.utime(tmp_path / "kept", ns=(1, 1))
        os.chown(tmp_path / "kept", os.getuid(), os.getgid())
        os.setxattr(tmp_path / "kept", "user.colour", b"red")
        assert said(happened(watch)) == [("ATTRIBUTES", b"kept")]
        (tmp_path / "kept").rename(tmp_path / "moved")
        assert happened(watch) == [Event(Kind.MOVED, b"moved", False, b"kept")]
        (tmp_path / "moved").unlink()
        assert said(happened(watch))[-1] == ("DELETED", b"moved")
        (tmp_path / "link").symlink_to("new")
        os.link(tmp_path / "new", tmp_path / "hard")
        os.mkfifo(tmp_path / "pipe")
        created = {path for kind, path in said(happened(watch)) if kind == "CREATED"}
        assert created == {b"link", b"hard", b"pipe"}
        tmp_path.chmod(0o711)
        assert said(happened(watch)) == [("ATTRIBUTES", b"")]


def test_a_file_that_stays_open_is_told_while_it_grows(tmp_path):
    with (tmp_path / "log").open("w") as log, watching(tmp_path) as watch:
        for number in range(3):
            log.write(f"line {number}\n")
            log.flush()
            assert said(happened(watch)) == [("MODIFIED", b"log")]


def test_a_change_is_told_of_the_name_that_it_was_made_by(tmp_path):
    """Whoever carries it has to think of the other names of the file: the kernel does not."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    (root / "one").write_text("1")
    os.link(root / "one", root / "two")
    os.link(root / "one", outside)
    with watching(root) as watch:
        (root / "two").chmod(0o600)
        assert said(happened(watch)) == [("ATTRIBUTES", b"two")]
        outside.chmod(0o640)
        assert said(happened(watch)) == []


def test_what_was_written_through_a_mapping_is_told_when_it_ends(tmp_path):
    (tmp_path / "mapped").write_bytes(b"0" * 8192)
    with watching(tmp_path) as watch:
        fd = os.open(tmp_path / "mapped", os.O_RDWR)
        mapping = mmap.mmap(fd, 8192)
        os.close(fd)
        mapping[:4] = b"1111"
        mapping.flush()
        assert not happened(watch), "inotify(7): msync is not seen; the slow walk is for that"
        mapping.close()
        assert said(happened(watch)) == [("WRITTEN", b"mapped")]


def test_a_directory_that_is_made_and_filled_at_once_is_walked_and_watched(tmp_path):
    with watching(tmp_path) as watch:
        inner = tmp_path / "a" / "b" / "c"
        inner.mkdir(parents=True)
        (inner / "early").write_text("1")
        assert Event(Kind.SUBTREE, b"a", True, reason="a new directory") in happened(watch)
        (inner / "late").write_text("1")
        assert ("WRITTEN", b"a/b/c/late") in said(happened(watch))


def test_a_directory_is_renamed_with_what_is_in_it(tmp_path):
    (tmp_path / "old" / "deep" / "deeper").mkdir(parents=True)
    with watching(tmp_path) as watch:
        (tmp_path / "old").rename(tmp_path / "new")
        assert happened(watch) == [Event(Kind.MOVED, b"new", True, b"old")]
        (tmp_path / "new" / "deep" / "deeper" / "file").write_text("1")
        assert ("WRITTEN", b"new/deep/deeper/file") in said(happened(watch))
        assert watch.directories() == 4


def test_two_directories_change_places(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / name).mkdir(parents=True)
    with watching(tmp_path) as watch:
        copy = Copy(tmp_path)
        exchange(tmp_path / "one", tmp_path / "two")
        copy.take(happened(watch))
        (tmp_path / "one" / "two" / "file").write_text("1")
        (tmp_path / "two" / "one" / "file").write_text("2")
        copy.take(happened(watch))
        assert copy.holds == tree(os.fsencode(tmp_path))


def exchange(one: Path, two: Path) -> None:
    """renameat2(RENAME_EXCHANGE)."""
    script = "import ctypes, sys; sys.exit(ctypes.CDLL(None).renameat2(-100, {!r}, -100, {!r}, 2))"
    subprocess.run(["python3", "-c", script.format(os.fsencode(one), os.fsencode(two))], check=True)


def test_what_comes_from_outside_and_what_leaves(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "leaves" / "inner").mkdir(parents=True)
    (root / "leaving").write_text("1")
    (outside / "comes" / "inner").mkdir(parents=True)
    (outside / "comes" / "inner" / "file").write_text("1")
    (outside / "coming").write_text("1")
    with watching(root) as watch:
        (outside / "comes").rename(root / "comes")
        (outside / "coming").rename(root / "coming")
        assert said(happened(watch)) == [("SUBTREE", b"comes"), ("WRITTEN", b"coming")]
        (root / "comes" / "inner" / "file").write_text("2")
        assert ("WRITTEN", b"comes/inner/file") in said(happened(watch))
        (root / "leaves").rename(outside / "leaves")
        (root / "leaving").rename(outside / "leaving")
        assert said(happened(watch)) == [("DELETED", b"leaves"), ("DELETED", b"leaving")]
        (outside / "leaves" / "inner" / "file").write_text("1")
        assert happened(watch) == []


def test_excluded_trees_are_not_watched_and_come_back_by_a_rename(tmp_path):
    (tmp_path / "cache" / "deep").mkdir(parents=True)
    with watching(
        tmp_path, lambda path, is_dir: path.startswith(b"cache") or path.endswith(b".tmp")
    ) as watch:
        assert watch.directories() == 1
        (tmp_path / "cache" / "file").write_text("1")
        (tmp_path / "part.tmp").write_text("1")
        assert happened(watch) == []
        (tmp_path / "part.tmp").rename(tmp_path / "whole")
        (tmp_path / "cache").rename(tmp_path / "kept")
        assert said(happened(watch)) == [("WRITTEN", b"whole"), ("SUBTREE", b"kept")]
        (tmp_path / "kept" / "deep" / "file").write_text("1")
        assert ("WRITTEN", b"kept/deep/file") in said(happened(watch))
        (tmp_path / "kept").rename(tmp_path / "cache")
        assert said(happened(watch)) == [("DELETED", b"kept")]


def test_links_to_directories_are_not_followed(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "before").symlink_to(outside)
    (root / "real").mkdir()
    with watching(root) as watch:
        (root / "after").symlink_to(outside)
        (root / "real").rmdir()
        (root / "real").symlink_to(outside)
        happened(watch)
        (outside / "file").write_text("1")
        assert happened(watch) == []
        assert watch.directories() == 1


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe not utf-8", b" ", b"back\\slash", b"x" * 255])
def test_names_are_bytes(tmp_path, name):
    with watching(tmp_path) as watch:
        os.mkdir(os.fsencode(tmp_path) + b"/" + name)
        happened(watch)
        with open(os.fsencode(tmp_path) + b"/" + name + b"/" + name, "wb") as file:
            file.write(b"1")
        assert ("WRITTEN", name + b"/" + name) in said(happened(watch))


@pytest.mark.parametrize("when", ["before", "after"])
def test_paths_may_be_longer_than_the_kernel_takes_at_once(tmp_path, when):
    depth, name = 150, b"d" * 60
    if when == "before":
        os.close(deep(tmp_path, depth, name))
    with watching(tmp_path) as watch:
        bottom = deep(tmp_path, depth, name)
        try:
            happened(watch)
            assert watch.directories() == depth + 1
            with open("file", "w", opener=lambda path, flags: os.open(path, flags, dir_fd=bottom)) as file:
                file.write("1")
            path = b"/".join([name] * depth) + b"/file"
            assert len(path) > 9_000
            assert ("WRITTEN", path) in said(happened(watch))
        finally:
            os.close(bottom)
            subprocess.run(["rm", "-rf", tmp_path / os.fsdecode(name)], check=True)


def deep(top: Path, depth: int, name: bytes) -> int:
    """A descriptor of a directory far down, made where it is not there."""
    at = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    return at


@pytest.mark.parametrize("how", ["removed", "renamed", "its parent renamed", "replaced"])
def test_a_root_that_is_not_there_any_more_is_told_and_nothing_else(tmp_path, how):
    root = tmp_path / "parent" / "root"
    root.mkdir(parents=True)
    with watching(root) as watch:
        match how:
            case "removed":
                root.rmdir()
            case "its parent renamed":
                root.parent.rename(tmp_path / "elsewhere")
            case _:
                root.rename(tmp_path / "elsewhere")
                if how == "replaced":
                    root.mkdir()
        with pytest.raises(RootGone, match="root"):
            watch.drain()
        assert {event.kind for event in watch.events(0, 0)} == {Kind.ROOT_GONE}


def test_a_root_that_is_not_there_at_all_is_refused(tmp_path):
    with pytest.raises(RootGone, match="No such file"), watching(tmp_path / "nothing"):
        pass


def test_an_overflow_is_told_and_what_was_made_meanwhile_is_watched(tmp_path):
    (tmp_path / "before").mkdir()
    with watching(tmp_path) as watch:
        copy = Copy(tmp_path)
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        for number in range(limit // 2):
            (tmp_path / f"file{number}").touch()
            (tmp_path / f"file{number}").unlink()
        (tmp_path / "before").rename(tmp_path / "after")
        (tmp_path / "unseen" / "deep").mkdir(parents=True)
        events = happened(watch)
        assert Event(Kind.OVERFLOW, b"", True, reason="the kernel's queue of changes was full") in events
        (tmp_path / "after" / "file").write_text("1")
        (tmp_path / "unseen" / "deep" / "file").write_text("1")
        late = happened(watch)
        assert {("WRITTEN", b"after/file"), ("WRITTEN", b"unseen/deep/file")} <= set(said(late))
        copy.take(events + late)
        assert copy.holds == tree(os.fsencode(tmp_path))


def test_a_file_system_below_the_root_is_watched_until_it_is_unmounted(tmp_path):
    (tmp_path / "mount").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path / "mount"], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no right to mount: {mounted.stderr.decode()}")
    try:
        (tmp_path / "mount" / "inner").mkdir()
        with watching(tmp_path) as watch:
            (tmp_path / "mount" / "inner" / "file").write_text("1")
            assert ("WRITTEN", b"mount/inner/file") in said(happened(watch))
            subprocess.run(["umount", tmp_path / "mount"], check=True)
            assert ("SUBTREE", b"mount") in said(happened(watch))
            (tmp_path / "mount" / "file").write_text("1")
            assert ("WRITTEN", b"mount/file") in said(happened(watch))
            assert watch.directories() == 2
    finally:
        subprocess.run(["umount", tmp_path / "mount"], capture_output=True)


def test_the_root_itself_can_be_unmounted_and_that_is_told(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no right to mount: {mounted.stderr.decode()}")
    with watching(tmp_path) as watch:
        subprocess.run(["umount", tmp_path], check=True)
        assert {event.kind for event in watch.events(1, 0)} == {Kind.ROOT_GONE}


def test_a_directory_mounted_twice_is_told(tmp_path):
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "again").mkdir()
    bound = subprocess.run(["mount", "--bind", tmp_path / "real", tmp_path / "again"], capture_output=True)
    if bound.returncode:
        pytest.skip(f"no right to mount: {bound.stderr.decode()}")
    try:
        with watching(tmp_path) as watch:
            assert len(watch.unwatched()) == 1
            assert "mounted" in next(iter(watch.unwatched().values()))
    finally:
        subprocess.run(["umount", tmp_path / "again"], check=True)


def test_everything_before_a_drain_is_told_while_others_go_on_writing(tmp_path):
    """The proof that a swap needs: writers that are fenced are in, whatever the others do."""
    for name in ("fenced", "others"):
        (tmp_path / name).mkdir()
    stop = threading.Event()

    def others() -> None:
        while not stop.is_set():
            (tmp_path / "others" / "file").write_text("1")

    writer = threading.Thread(target=others)
    with watching(tmp_path) as watch:
        writer.start()
        try:
            for number in range(200):
                (tmp_path / "fenced" / f"{number}").write_text("1")
                assert ("WRITTEN", b"fenced/%d" % number) in said(watch.drain())
        finally:
            stop.set()
            writer.join()
