"""make bench BENCH=files_watch: the tracker of files alone, without carrying anything."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil

from nodes.postgres.connect import connect
from tracking.ifs.changelist import FileList
from tracking.ifs.tracker import TrackerConfig
from tracking.ifs.tracker_client import TrackerProcess
from tracking.ifs.ways import watch

from .bed import bed, line

SECONDS = 5
DIRECTORIES = 20_000
# Writes as many files a second as it is told, and says of each when it was closed.
_WRITER = """
import sys, time
from pathlib import Path
root, rate, seconds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
began, closed = time.monotonic(), []
for number in range(rate * seconds):
    ahead = began + number / rate - time.monotonic()
    if ahead > 0:
        time.sleep(ahead)
    with open(root / f"{number % 50}" / f"{number}", "w") as file:
        file.write("x" * 100)
    closed.append(time.monotonic())
print(" ".join(f"{at:.6f}" for at in closed))
"""


def run() -> Iterator[dict[str, Any]]:
    """Delay from close() to the entry handed out; memory of the tracker."""
    with bed() as made:
        conninfo = made.portal.conninfo()
        for way in ways():
            for rate in (200, 5_000):
                delays, wrote = delay(conninfo, way, rate)
                yield line(f"files-watch-delay-{way}-{rate}", median(delays) * 1000, "ms")
                yield line(f"files-watch-delay-p99-{way}-{rate}", quantiles(delays, n=100)[98] * 1000, "ms")
                yield line(f"files-watch-rate-{way}-{rate}", wrote, "files/s")
            _, seconds = memory(conninfo, way)
            yield line(f"files-watch-start-{way}", seconds, f"s for {DIRECTORIES} directories")


def ways() -> list[str]:
    """Those that work here."""
    with tempfile.TemporaryDirectory() as root:
        watching = watch(os.fsencode(root), lambda path, is_dir: False)
        watching.close()
    return ["inotify"] if watching.way == "inotify" else ["inotify", "fanotify"]


def delay(conninfo: str, way: str, rate: int) -> tuple[list[float], float]:
    """Seconds from each close() to its entry, and the files a second that were really written."""
    root = Path(tempfile.mkdtemp(prefix="mwa-bench-"))
    for number in range(50):
        (root / f"{number}").mkdir()
    try:
        with (
            connect(conninfo, "bench") as session,
            TrackerProcess(TrackerConfig(str(root), 1, conninfo, way=way)) as tracker,
        ):
            tracker.started()
            files = FileList(session, 1)
            while entries := files.take(1000):
                files.done(entries)
            command = [sys.executable, "-c", _WRITER, str(root), str(rate), str(SECONDS)]
            writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            handed: dict[int, float] = {}
            while len(handed) < rate * SECONDS:
                entries = files.take(1000)
                now = time.monotonic()
                handed |= {int(os.path.basename(e.path)): now for e in entries if not e.walk}
                files.done(entries)
                if not entries:
                    time.sleep(0.002)
            closed = [float(at) for at in writer.communicate()[0].split()]
            return [handed[n] - at for n, at in enumerate(closed)], len(closed) / (closed[-1] - closed[0])
    finally:
        shutil.rmtree(root, ignore_errors=True)


def memory(conninfo: str, way: str) -> tuple[float, float]:
    """MB that the tracker takes for many directories, and seconds until they are watched."""
    root = Path(tempfile.mkdtemp(prefix="mwa-bench-"))
    try:
        with TrackerProcess(TrackerConfig(str(root), 1, conninfo, way=way)) as tracker:
            tracker.started()
            empty = psutil.Process(tracker.pid).memory_info().rss
        for number in range(DIRECTORIES // 100):
            for inner in range(100):
                (root / f"directory{number}" / f"inner{inner}").mkdir(parents=True)
        began = time.monotonic()
        with TrackerProcess(TrackerConfig(str(root), 1, conninfo, way=way)) as tracker:
            tracker.started(120)
            took = time.monotonic() - began
            full = psutil.Process(tracker.pid).memory_info().rss
            return (full - empty) / 1e6, took
    finally:
        shutil.rmtree(root, ignore_errors=True)
