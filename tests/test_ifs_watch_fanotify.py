"""One mark for a whole file system: only what is below the root is told, and each kind of it."""

import os
import subprocess

import pytest

from tests.test_ifs_watch import deep
from tests.watched import available, happened, nothing_excluded, said, watching
from tracking.ifs.fanotify_watch import FanotifyWatch
from tracking.ifs.inotify_watch import InotifyWatch
from tracking.ifs.watching import Event, Kind, RootGone
from tracking.ifs.ways import watch as watch_of

pytestmark = pytest.mark.skipif(FanotifyWatch not in available(), reason="kernel or rights have no fanotify")


def test_each_kind_of_change_is_told(tmp_path):
    (tmp_path / "kept").write_text("1")
    with watching(tmp_path, way=FanotifyWatch) as watch:
        (tmp_path / "new").write_text("1")
        assert said(happened(watch)) == [("CREATED", b"new"), ("MODIFIED", b"new"), ("WRITTEN", b"new")]
        (tmp_path / "kept").chmod(0o600)
        os.setxattr(tmp_path / "kept", "user.colour", b"red")
        assert said(happened(watch)) == [("ATTRIBUTES", b"kept")]
        (tmp_path / "kept").rename(tmp_path / "moved")
        assert happened(watch) == [Event(Kind.MOVED, b"moved", False, b"kept")]
        (tmp_path / "moved").unlink()
        assert said(happened(watch))[-1] == ("DELETED", b"moved")
        with (tmp_path / "log").open("w") as log:
            happened(watch)
            log.write("1")
            log.flush()
            assert said(happened(watch)) == [("MODIFIED", b"log")]
        tmp_path.chmod(0o711)
        assert ("ATTRIBUTES", b"") in said(happened(watch))


def test_only_what_is_below_the_root_and_not_excluded_is_told(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    for path in (root / "cache" / "deep", root / "leaves", outside / "comes" / "inner"):
        path.mkdir(parents=True)
    (tmp_path / "rooted").mkdir()
    with watching(root, lambda path, is_dir: path == b"cache", FanotifyWatch) as watch:
        for path in (outside, root / "cache" / "deep", tmp_path / "rooted"):
            (path / "file").write_text("1")
        assert happened(watch) == []
        (outside / "comes").rename(root / "comes")
        (outside / "file").rename(root / "file")
        (root / "leaves").rename(outside / "leaves")
        assert said(happened(watch)) == [("SUBTREE", b"comes"), ("WRITTEN", b"file"), ("DELETED", b"leaves")]
        (root / "comes" / "inner" / "\n\udcff").write_text("1")
        (outside / "leaves" / "file").write_text("1")
        assert {path for _, path in said(happened(watch))} == {b"comes/inner/\n\xff"}
        (root / "cache").rename(root / "kept")
        assert said(happened(watch)) == [("SUBTREE", b"kept")]


def test_of_a_path_that_is_too_long_the_part_is_told_that_is_not(tmp_path):
    depth, name = 150, b"d" * 60
    with watching(tmp_path, way=FanotifyWatch) as watch:
        bottom = deep(tmp_path, depth, name)
        happened(watch)
        try:
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=bottom))
            (event,) = set(happened(watch))
            assert event.kind is Kind.SUBTREE
            assert b"/".join([name] * depth).startswith(event.path)
            assert len(event.path) > 3_000
        finally:
            os.close(bottom)
            subprocess.run(["rm", "-rf", tmp_path / os.fsdecode(name)], check=True)


def test_a_root_that_is_not_there_any_more_is_told(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with watching(root, way=FanotifyWatch) as watch:
        root.rename(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "file").write_text("1")
        with pytest.raises(RootGone, match="root"):
            watch.drain()


def test_inotify_takes_over_where_another_file_system_is_mounted_below(tmp_path):
    root = os.fsencode(tmp_path)
    for way in (watch_of(root, nothing_excluded), watch_of(root, nothing_excluded, "inotify")):
        way.close()
    assert watch_of(root, nothing_excluded).way == "fanotify"
    (tmp_path / "mount").mkdir()
    watching_on = watch_of(root, nothing_excluded)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path / "mount"], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no right to mount: {mounted.stderr.decode()}")
    try:
        with pytest.raises(RootGone, match="mounted below"):
            watching_on.drain()
        assert isinstance(watch_of(root, nothing_excluded), InotifyWatch)
        with pytest.raises(OSError, match="mounted below"):
            watch_of(root, nothing_excluded, "fanotify")
    finally:
        subprocess.run(["umount", tmp_path / "mount"], check=True)
