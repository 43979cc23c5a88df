"""Random changes: whoever carries only the paths that were told has the same tree in the end."""

import contextlib
import os
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.watched import Copy, available, select_never, tree, watching
from tracking.ifs import inotify_watch

NAMES = [b"a", b"b", b"c", b"\xffd", b"e\n"]
BEFORE = 40


@pytest.fixture(autouse=True, scope="module")
def soon_adrift():
    """Watches of what has left the root are let go sooner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inotify_watch, "_ADRIFT_SECONDS", 0.1)
        yield


def change(top: bytes, outside: bytes, dice: random.Random) -> None:
    """One random change; what can't be done is left out.

    No hard links: a change is told only of the name that it was made by, and that can be gone by then. No
    links that lead upwards: through several of them a change would reach what is not the test's.
    """
    path, other = (os.path.join(top, *dice.choices(NAMES, k=dice.randint(1, 4))) for _ in range(2))
    if dice.random() < 0.15:
        path, other = dice.choice([(path, outside), (outside, path)])
        if path == outside or other == outside:
            name = dice.choice(NAMES)
            path, other = (os.path.join(p, name) if p == outside else p for p in (path, other))
    with contextlib.suppress(OSError):
        match dice.randrange(11):
            case 0 | 1 | 2:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "a") as file:
                    file.write(str(dice.random())[:4])
            case 3:
                os.makedirs(path)
            case 4 | 5 | 6:
                os.rename(path, other)
            case 7:
                os.unlink(path)
            case 8:
                shutil.rmtree(path)
            case 9:
                os.symlink(dice.choice([b".", b"a", outside]), path)
            case 10:
                os.chmod(path, dice.choice([0o700, 0o755]) if os.path.isdir(path) else 0o640)


def changes(top: bytes, outside: bytes, dice: random.Random, steps: int) -> None:
    """Many."""
    for _ in range(steps):
        change(top, outside, dice)


def run(seed: int, steps: int, told_every: int, way, in_threads: int = 0) -> None:
    """Random changes before, while and after a watch begins, told at random moments."""
    dice = random.Random(seed)
    work = Path(tempfile.mkdtemp(prefix="mwa-watch-"))
    root, outside = work / "root", work / "outside"
    root.mkdir()
    outside.mkdir()
    top, out = os.fsencode(root), os.fsencode(outside)
    try:
        for _ in range(BEFORE):
            change(top, out, dice)
        writers = [
            threading.Thread(target=changes, args=(top, out, random.Random(seed + number), steps))
            for number in range(in_threads)
        ]
        for writer in writers:
            writer.start()
        with watching(root, way=way) as watch:
            copy = Copy(root)
            for _ in range(0 if writers else steps):
                change(top, out, dice)
                if dice.randrange(told_every) == 0:
                    copy.take(watch.drain())
            while any(writer.is_alive() for writer in writers):
                copy.take(watch.events(0.01, select_never()))
            copy.take(watch.drain())
            assert copy.holds == tree(top)
            assert not watch.unwatched()
            watched = 1 + sum(what[0] == "directory" for what in tree(top).values())
            wait_for_adrift(watch, watched)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def wait_for_adrift(watch, directories: int) -> None:
    """No watch is left over, none is missing."""
    if not watch.directories():
        return
    deadline = time.monotonic() + 5
    while watch.directories() != directories and time.monotonic() < deadline:
        watch.events(0.1, select_never())
    assert watch.directories() == directories


WAYS = available()


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32), told_every=st.sampled_from([1, 5, 50, 10_000]))
def test_random_changes_leave_no_difference(way, seed, told_every):
    run(seed, 150, told_every, way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(12))
def test_random_changes_by_several_at_once_leave_no_difference(way, seed):
    run(seed, 2_000, 1, way, in_threads=3)
