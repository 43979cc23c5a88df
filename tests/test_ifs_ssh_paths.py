"""Which paths lead to an object on another host: as on one host, whatever they are named."""

import os

import pytest

from tests.ssh_host import SshHost, need_ssh
from tests.trees import write
from tracking.ifs.carrier import carrier
from tracking.ifs.place import Place
from tracking.ifs.roots import Root

NAMES = [b"d/a\nb", b"d/\xff\xfe", b"d/ spaces ", b"-n", b"d/'\"$`*?[!", b"d/\xc3\xa4", b"d/%s\\0"]
MISSING = [b"d/no", b"no/file", b"link/file", b"file/below", b"../x", b"/x", b"d//file"]
TOO_LONG = [b"x" * 300, b"y/" * 3000 + b"z"]


@pytest.fixture(scope="module")
def far():
    need_ssh()
    made = SshHost()
    yield made
    made.close()


@pytest.fixture
def both(far, tmp_path):
    """Carriers of the same root: as one on this host, and as one whose copy is on another."""
    for name in ("source", "copy"):
        (tmp_path / name).mkdir()
    for name in (*NAMES, b"file", b"d/file"):
        write(tmp_path / "copy", name)
    os.symlink("d", tmp_path / "copy" / "link")
    os.symlink("nowhere", tmp_path / "copy" / "loose")
    root = Root(tmp_path / "source", tmp_path / "copy")
    made = [carrier(Place(1, root)), carrier(Place(1, root, host=far.host()))]
    yield made
    for each in made:
        each.close()


def test_every_name_is_found_and_what_is_missing_is_told_as_on_one_host(both):
    here, there = both
    paths = [*NAMES, *MISSING, b"link", b"loose", b"d", b""]
    assert there.dangling(paths) == here.dangling(paths)
    assert [path for path, _ in there.dangling([*paths, *TOO_LONG])] == MISSING + TOO_LONG


def test_many_paths_are_asked_for_in_few_commands(both, far):
    _, there = both
    before = (far.top / "log").read_text().count("Starting session")
    paths = [b"d/file", *(b"d/%d/%d" % (number % 100, number) for number in range(25_000))]
    assert len(there.dangling(paths)) == 25_000
    commands = (far.top / "log").read_text().count("Starting session") - before
    assert commands <= 4, "one to look at the root, and one for each 10,000"
