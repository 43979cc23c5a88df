"""File roots: what is refused, and what is left out of them."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.trees import need_root, open_to_all, without_rights
from tracking.ifs.exclusions import BadPattern, Exclusions
from tracking.ifs.opened import Identity, Opened, RootGone, open_below
from tracking.ifs.paths import relative, shown
from tracking.ifs.roots import Root, check, exclusions


@pytest.fixture
def places(tmp_path):
    for name in ("a", "b", "c", "d", "a/inner"):
        (tmp_path / name).mkdir()
    return tmp_path


def said(*roots, **arguments):
    return [str(refusal) for refusal in check(roots, **arguments)]


def test_two_directories_are_a_root(places):
    assert said(Root(places / "a", places / "b"), Root(places / "c", places / "d")) == []


@pytest.mark.parametrize(
    ("source", "seen", "needed"),
    [
        ("missing", "does not exist", "a directory"),
        ("file", "is not a directory", "a directory"),
        ("circle", "Symlink loop", "a directory"),
    ],
)
def test_a_root_that_is_no_directory_is_refused(places, source, seen, needed):
    (places / "file").write_text("x")
    (places / "circle").symlink_to("circle")
    (refusal,) = check([Root(places / source, places / "b")])
    assert refusal.what == f"source {places / source}"
    assert seen in refusal.seen or "Too many levels" in refusal.seen
    assert refusal.needed == needed


def test_a_relative_path_is_refused(places):
    assert said(Root(Path("a"), places / "b")) == ["source a: a relative path; needed is an absolute one"]


def test_a_source_that_is_its_copy_is_refused(places):
    assert "is the same directory as" in said(Root(places / "a", places / "a"))[0]
    (places / "link").symlink_to("a")
    assert "is the same directory as" in said(Root(places / "a", places / "link"))[0]


def test_roots_inside_each_other_are_refused_across_all_of_a_pair(places):
    assert "is inside" in said(Root(places / "a", places / "a" / "inner"))[0]
    assert "is inside" in said(Root(places / "a" / "inner", places / "a"))[0]
    found = said(Root(places / "a", places / "b"), Root(places / "a" / "inner", places / "c"))
    assert found == [
        f"source {places}/a/inner: is inside source {places}/a; needed is a directory outside it"
    ]
    assert said(Root(places / "a", places / "b"), Root(places / "c", places / "a" / "inner"))


def test_a_bind_mount_hides_nothing(places):
    need_root()
    (places / "bound").mkdir()
    if subprocess.run(["mount", "--bind", places / "a", places / "bound"]).returncode:
        pytest.skip("may not mount")
    try:
        assert "is the same directory as" in said(Root(places / "a", places / "bound"))[0]
        assert "is inside" in said(Root(places / "a", places / "bound" / "inner"))[0]
    finally:
        subprocess.run(["umount", places / "bound"], check=True)


@pytest.mark.parametrize("path", ["/proc", "/sys", "/dev", "/proc/self/task", "/dev/shm"])
def test_the_kernels_own_trees_are_refused(places, path):
    assert any(" is /" in each or " is inside /" in each or "is not a dir" in each
               for each in said(Root(Path(path), places / "b")))  # fmt: skip


def test_forbidden_directories_are_refused_around_a_root_and_left_out_inside_it(places):
    forbidden = [places / "a"]
    assert "is inside" in said(Root(places / "a" / "inner", places / "b"), forbidden=forbidden)[0]
    assert said(Root(places / "c", places / "a"), forbidden=forbidden)
    inside = [places / "a" / "inner", places / "b" / "pgdata"]
    root = Root(places / "a", places / "b")
    assert said(root, forbidden=inside) == []
    left_out = exclusions(root, inside)
    assert left_out(b"inner", True) and left_out(b"inner/x", False) and not left_out(b"other", True)
    assert left_out(b"pgdata/base", True)  # also where only the copy has it


def test_a_root_that_cannot_be_written_to_is_refused():
    with open_to_all() as top:
        (top / "a").mkdir()
        (top / "b").mkdir(mode=0o555)
        refusals = without_rights(lambda: said(Root(top / "a", top / "b")))
    assert len(refusals) == 1 and "may not write to it" in refusals[0]


def test_a_pattern_that_cannot_be_read_is_refused(places):
    assert "[z-a]" in said(Root(places / "a", places / "b", ("*.tmp", "[z-a]")))[0]
    with pytest.raises(BadPattern, match="'!'"):
        Exclusions(["!"])


@pytest.mark.parametrize(
    ("path", "is_dir", "left_out"),
    [
        (b"x.tmp", False, True),
        (b"deep/down/x.tmp", False, True),
        (b"x.tmp\n", False, False),
        (b"new\nline.tmp", False, True),
        (b"keep.tmp", False, False),
        (b"cache", True, True),
        (b"cache", False, False),
        (b"cache/keep.tmp", False, True),  # nothing below an excluded directory comes back
        (b"sub/cache", True, False),
        (b"one/single.txt", False, True),
        (b"two/single.txt", False, False),
        (b"caf\xe9/x", False, True),
        (b"caf\xc3\xa9/x", False, False),
        (b".mwa-ifs-0123456789abcdef", False, True),
        (b"a/" * 3000 + b"x", False, False),
        (b"a/" * 3000 + b"x.tmp", False, True),
    ],
)
def test_exclusions_are_those_of_gitignore(path, is_dir, left_out):
    patterns = ["*.tmp", "!keep.tmp", "/cache/", "one/single.txt", "caf\udce9", "# comment", ""]
    assert Exclusions(patterns)(path, is_dir) is left_out


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../b", "a//b", "./a", "a/", "a\0b"])
def test_a_path_that_leaves_the_root_is_no_path(path):
    with pytest.raises(ValueError):
        relative(path)


def test_a_path_is_shown_on_one_line():
    assert shown(b"a\nb\xff\\c\xc3\xa9") == "a\\nb\\xff\\\\c\u00e9"


def test_no_two_paths_are_shown_alike():
    paths = [b"\x85", b"\xc2\x85", b"\\x85", b"\n", b"\\n", b"\x7f", b"\xed\xb2\x85"]
    assert len({shown(path) for path in paths}) == len(paths)
    assert shown(b"\xc2\x85") == "\\xc2\\x85"


def test_a_root_that_has_become_another_directory_is_not_used(places):
    root = Root(places / "a", places / "b")
    with Opened(root) as opened:
        known = opened.identities()
    (places / "a").rename(places / "away")
    (places / "a").mkdir()
    with pytest.raises(RootGone, match="another directory than when tracking began"):
        Opened(root, known=known)
    (places / "a").rmdir()
    with pytest.raises(RootGone, match="No such file"):
        Opened(root)
    with pytest.raises(RootGone):
        Opened(Root(places / "b", places / "c"), known=(None, Identity(1, 1)))


def test_no_part_of_a_path_may_be_a_link(places):
    (places / "a" / "out").symlink_to("/etc")
    with Opened(Root(places / "a", places / "b")) as opened:
        with pytest.raises(NotADirectoryError):
            open_below(opened.source, b"out")
        os.close(open_below(opened.source, b"inner"))
