"""make bench BENCH=files: how soon changes of files are on the copy, against lsyncd and a rerun of rsync.

MWA_BENCH_TREE (500,000) says how many files the tree has in which 1,000 change. A delay is the time from a
file's last change on the source to its renaming into place on the copy, by both files' times of change.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from nodes.postgres.connect import Connection, connect, wait_until
from nodes.postgres.embedded import EmbeddedServer
from tracking.ifs import changelist
from tracking.ifs.drain import Drain
from tracking.ifs.place import Place
from tracking.ifs.roots import Root
from tracking.ifs.tracker import TrackerConfig
from tracking.ifs.tracker_client import TrackerProcess

from . import files_watch
from .bed import line, make_lists, seconds_since

ROUNDS = 3
RATE, SECONDS = 200, 20
CHANGES = 1_000
_PER_DIRECTORY = 100
_PATIENCE_SECONDS = 900.0
_SIDES = ("ours", "rsync")
_LSYNCD = """
settings {{ nodaemon = true, logfile = "{top}/lsyncd.log", insist = true }}
sync {{ default.rsync, source = "{source}", target = "{copy}", delay = {delay} }}
"""
_LSYNCD_DELAY = 0  # seconds that it collects changes for; with 0 it is quickest, as with rsync rather than cp


class Following:
    """A root that is being followed, by the tracker and the carrying that the engine uses."""

    def __init__(self, portal: EmbeddedServer, number: int, source: Path, copy: Path) -> None:
        self._bell, self._ended = threading.Event(), threading.Event()
        conninfo = portal.conninfo()
        self._session: Connection = connect(conninfo, "bench")
        self.watching: Connection = connect(conninfo, "bench")
        self.number = number
        config = TrackerConfig(str(source), number, conninfo)
        self.tracker = TrackerProcess(config, lambda event: self._bell.set())
        self._drain = Drain(self._session, Place(number, Root(source, copy)), "bench", 2, 30.0)
        self.tracker.started(_PATIENCE_SECONDS)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def until_there(self) -> None:
        """Wait until everything that has changed is on the copy."""
        self.tracker.barrier()
        wait_until(
            lambda: changelist.owed(self.watching, self.number).entries == 0,
            "the changes to be on the copy",
            seconds=_PATIENCE_SECONDS,
            every=0.005,
        )

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._bell.set()
        self._thread.join()
        self._drain.close()
        self.tracker.kill()
        self._session.close()
        self.watching.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._bell.clear()
            if not self._drain.batch(self._ended):
                self._bell.wait(0.2)


def run() -> Iterator[dict[str, Any]]:
    """Delays, then a large tree."""
    top = Path(tempfile.mkdtemp(prefix="mwa-bench-"))
    top.chmod(0o755)
    portal = EmbeddedServer(top / "portal", 18)
    try:
        portal.start()
        make_lists(portal.conninfo(), top)
        for way in files_watch.ways():
            held, _ = files_watch.memory(portal.conninfo(), way)
            yield line(f"files-memory-{way}", held * 100_000 / files_watch.DIRECTORIES, "MB")
        yield from _delay(top, portal)
        yield from _changes(top, portal, int(os.environ.get("MWA_BENCH_TREE", "500000")))
    finally:
        portal.stop("immediate")
        shutil.rmtree(top, ignore_errors=True)


def _delay(top: Path, portal: EmbeddedServer) -> Iterator[dict[str, Any]]:
    """Ours and lsyncd's, alternating."""
    found: dict[str, list[float]] = {"ours": [], "lsyncd": []}
    for number in range(ROUNDS):
        for side in found:
            if side == "lsyncd" and shutil.which("lsyncd") is None:
                continue
            source, copy = _places(top, f"{side}{number}")
            follow = _ours(portal, number, source, copy) if side == "ours" else _lsyncd(top, source, copy)
            with follow:
                _write(source)
                _until(partial(_has_all, copy), f"the files of {side}")
            waited = [_changed(copy / name) - _changed(source / name) for name in _files(source)]
            sys.stderr.write(f"files-delay: {side} {median(waited) * 1000:.0f} ms\n")
            found[side] += waited
    for name, figure in (("files-delay", median), ("files-delay-p99", _p99)):
        peer = figure(found["lsyncd"]) * 1000 if found["lsyncd"] else None
        yield line(name, figure(found["ours"]) * 1000, "ms", peer and "lsyncd", peer)


@contextmanager
def _ours(portal: EmbeddedServer, number: int, source: Path, copy: Path) -> Iterator[None]:
    following = Following(portal, number, source, copy)
    try:
        following.until_there()
        yield
    finally:
        following.close()


@contextmanager
def _lsyncd(top: Path, source: Path, copy: Path) -> Iterator[None]:
    config = top / "lsyncd.conf"
    config.write_text(_LSYNCD.format(top=top, source=source, copy=copy, delay=_LSYNCD_DELAY))
    with subprocess.Popen(["lsyncd", str(config)], stdout=subprocess.DEVNULL) as process:
        try:
            (source / "0" / "first").touch()
            _until((copy / "0" / "first").exists, "lsyncd to follow")
            (source / "0" / "first").unlink()
            _until(lambda: not (copy / "0" / "first").exists(), "lsyncd to follow")
            yield
        finally:
            process.terminate()


def _write(source: Path) -> None:
    """So many new files a second, each written and closed."""
    began = time.monotonic()
    for number in range(RATE * SECONDS):
        if (ahead := began + number / RATE - time.monotonic()) > 0:
            time.sleep(ahead)
        (source / f"{number % 50}" / f"{number}").write_bytes(b"x" * 2000)


def _has_all(copy: Path) -> bool:
    return len(_files(copy)) == RATE * SECONDS


def _changes(top: Path, portal: EmbeddedServer, files: int) -> Iterator[dict[str, Any]]:
    """From the end of 1,000 changes of a large tree until all are on the copy; rsync runs once more then.

    They come as files-delay's, 200 a second, or all at once: the application is another process.
    """
    source, copy = _places(top, "tree")
    for first in range(0, files, _PER_DIRECTORY):
        (directory := source / f"{first // _PER_DIRECTORY}x").mkdir()
        for number in range(first, min(first + _PER_DIRECTORY, files)):
            (directory / f"{number}").write_bytes(b"%d" % number)
    other = top / "tree-rsync"
    rsync = ["rsync", "-a", "--delete", f"{source}/", f"{other}/"]
    subprocess.run(rsync, check=True)
    following = Following(portal, ROUNDS + 1, source, copy)
    ways: dict[str, int | None] = {"files-changes": RATE, "files-burst": None}
    seconds: dict[tuple[str, str], list[float]] = {(way, side): [] for way in ways for side in _SIDES}
    try:
        following.until_there()
        with ProcessPoolExecutor(1, get_context("spawn")) as application:
            for seed in range(ROUNDS):
                for way, rate in ways.items():
                    application.submit(_change, source, files, seed, rate).result()
                    began = time.monotonic()
                    following.until_there()
                    seconds[way, "ours"].append(seconds_since(began))
                    began = time.monotonic()
                    subprocess.run(rsync, check=True)
                    seconds[way, "rsync"].append(seconds_since(began))
                    found = ", ".join(f"{side} {seconds[way, side][-1]:.2f} s" for side in _SIDES)
                    sys.stderr.write(f"{way}: {found}\n")
        if len(_files(copy)) != len(_files(source)):
            raise RuntimeError("the copy has not as many files as the source")
    finally:
        following.close()
    for way in ways:
        ours, peer = (median(seconds[way, side]) for side in _SIDES)
        yield line(way, ours, "s", "rsync -a", peer)


def _change(source: Path, files: int, seed: int, rate: int | None) -> None:
    """Files are written anew, made, renamed and removed, all over the tree: so many a second, or at once."""
    dice = random.Random(seed)
    began = time.monotonic()
    for number in range(CHANGES):
        if rate and (ahead := began + number / rate - time.monotonic()) > 0:
            time.sleep(ahead)
        at = dice.randrange(files)
        path = source / f"{at // _PER_DIRECTORY}x" / f"{at}"
        kind = dice.random()
        if kind < 0.6 or not path.exists():
            path.write_bytes(b"%d" % dice.randrange(10**9))
        elif kind < 0.8:
            path.with_name(f"new{number}").write_bytes(b"new")
        elif kind < 0.9:
            path.rename(path.with_name(f"moved{number}"))
        else:
            path.unlink()


def _places(top: Path, name: str) -> tuple[Path, Path]:
    source, copy = top / f"{name}-source", top / f"{name}-copy"
    for number in range(50):
        (source / f"{number}").mkdir(parents=True)
    copy.mkdir()
    return source, copy


def _files(top: Path) -> list[str]:
    """Those that are no temporary ones, by their paths below `top`."""
    return [
        os.path.relpath(os.path.join(at, name), top)
        for at, _, names in os.walk(top)
        for name in names
        if not name.startswith(".")
    ]


def _changed(path: Path) -> float:
    return path.stat().st_ctime_ns / 1e9


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


def _until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what, seconds=_PATIENCE_SECONDS, every=0.1)
