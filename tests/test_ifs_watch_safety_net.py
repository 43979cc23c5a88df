"""The slow walk beside the tracker."""

import itertools
import os
import time

import pytest

from tests.test_ifs_watch import deep
from tests.watched import nothing_excluded
from tracking.ifs.beneath import Root, directories
from tracking.ifs.safety_net import rounds
from tracking.ifs.watching import RootGone


def test_all_directories_come_again_and_again_at_a_bounded_rate(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "cache" / "c").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a")
    began = time.monotonic()
    going = rounds(os.fsencode(tmp_path), lambda path, is_dir: path == b"cache", 50, least_seconds=0)
    first = list(itertools.takewhile(lambda path: path is not None, going))
    assert first == [b"", b"a", b"a/b"]
    assert time.monotonic() - began >= 2 / 50
    (tmp_path / "new").mkdir()
    assert set(itertools.takewhile(lambda path: path is not None, going)) == {*first, b"new"}


def test_a_root_that_is_gone_ends_it(tmp_path):
    going = rounds(os.fsencode(tmp_path / "root"), nothing_excluded, 1000)
    with pytest.raises(RootGone):
        next(going)


def test_directories_of_any_depth_and_number_are_found_with_few_descriptors(tmp_path):
    os.close(deep(tmp_path, 150, b"d" * 60))
    for number in range(300):
        (tmp_path / f"{number}" / "inner").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    most = 0
    count = 0
    for _ in directories(Root(os.fsencode(tmp_path)), nothing_excluded):
        count += 1
        most = max(most, len(os.listdir("/proc/self/fd")))
    assert count == 1 + 150 + 600
    assert most - before < 110
    assert len(os.listdir("/proc/self/fd")) == before
