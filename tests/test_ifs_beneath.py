"""Finding all directories of a root, by names and without following links."""

import os

from tests.test_ifs_watch import deep
from tests.watched import nothing_excluded
from tracking.ifs.beneath import Root, directories


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
