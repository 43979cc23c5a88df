"""make bench BENCH=files: the first copy of many small files, and of one large file.

MWA_BENCH_FILES (100,000) and MWA_BENCH_FILE_MB (4,096) say how many and how large. Both sides write to fresh
directories; those of small files are removed in the end, for ext4 is slow to give out inodes that were freed
a moment ago. The peers do not write to disk what they have copied, so neither do we in the plain figures; in
those of `-durable` both do.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tracking.ifs.opened import sync
from tracking.ifs.roots import Root
from tracking.ifs.treecopy import carry_tree

from . import files_follow
from .bed import line, seconds_since

ROUNDS = 3
FILES_PER_DIRECTORY = 100
_MEGABYTE = 1 << 20
_SIZES = (1 << 10, 16 << 10)


def run(rounds: int = ROUNDS) -> Iterator[dict[str, Any]]:
    """Seconds of ours and of the peer, alternating, medians."""
    top = Path(tempfile.mkdtemp(prefix="mwa-bench-"))
    try:
        # The large one first: what the disk has to do after 100,000 files are removed goes on for minutes.
        yield from _large(top, int(os.environ.get("MWA_BENCH_FILE_MB", "4096")), rounds)
        yield from _small(top, int(os.environ.get("MWA_BENCH_FILES", "100000")), rounds)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    yield from files_follow.run()


def _small(top: Path, files: int, rounds: int) -> Iterator[dict[str, Any]]:
    if shutil.which("rsync") is None:
        sys.stderr.write("files-small is left out: rsync is not installed\n")
        return
    source = top / "small"
    _fill(source, files)

    yield from _alternating("files-small", source, ["rsync", "-a", f"{source}/"], rounds)
    shutil.rmtree(source)


def _large(top: Path, megabytes: int, rounds: int) -> Iterator[dict[str, Any]]:
    source = top / "large"
    source.mkdir()
    block = random.Random(1).randbytes(_MEGABYTE)
    with (source / "file").open("wb") as file:
        for number in range(megabytes):
            file.write(number.to_bytes(8, "big") + block[8:])
    os.sync()

    yield from _alternating("files-large", source, ["cp", str(source / "file")], rounds, keep=False)


def _alternating(
    bench: str, source: Path, command: list[str], rounds: int, keep: bool = True
) -> Iterator[dict[str, Any]]:
    """The peer's command gets the copy's directory as its last argument."""
    name = " ".join(command[:-1])
    seconds: dict[str, list[float]] = {"ours": [], "peer": [], "ours durable": [], "peer durable": []}
    for number in range(rounds):
        for side in ("ours", "peer"):
            copy = source.parent / f"{source.name}-{side}-{number}"
            copy.mkdir()
            os.sync()
            began = time.monotonic()
            if side == "ours":
                _carry(source, copy)
            else:
                subprocess.run([*command, f"{copy}/"], check=True)
            seconds[side].append(seconds_since(began))
            _sync(copy)
            seconds[f"{side} durable"].append(seconds_since(began))
            _check(source, copy)
            if not keep:
                shutil.rmtree(copy)
        shown = ", ".join(f"{side} {each[-1]:.2f} s" for side, each in seconds.items())
        sys.stderr.write(f"{bench}: {shown}\n")
    middle = {side: median(each) for side, each in seconds.items()}
    yield line(bench, middle["ours"], "s", name, middle["peer"])
    yield line(f"{bench}-durable", middle["ours durable"], "s", f"{name}, sync", middle["peer durable"])


def _carry(source: Path, copy: Path) -> None:
    done = carry_tree(Root(source, copy), durable=False)
    if done.failed:
        raise RuntimeError(f"{len(done.failed)} files failed, e.g. {done.failed[0].reason}")


def _sync(top: Path) -> None:
    fd = os.open(top, os.O_RDONLY)
    try:
        sync(fd)
    finally:
        os.close(fd)


def _check(source: Path, copy: Path) -> None:
    """Both have done the work: as many files, as many bytes."""
    counted = [_count(each) for each in (source, copy)]
    if counted[0] != counted[1]:
        raise RuntimeError(f"the source has {counted[0]} files and bytes, the copy {counted[1]}")


def _count(top: Path) -> tuple[int, int]:
    sizes = [os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(top) for name in names]
    return len(sizes), sum(sizes)


def _fill(top: Path, files: int) -> None:
    chance = random.Random(1)
    block = chance.randbytes(2 * _SIZES[1])
    for first in range(0, files, FILES_PER_DIRECTORY):
        directory = top / f"{first // FILES_PER_DIRECTORY % 10}" / f"{first // FILES_PER_DIRECTORY}"
        directory.mkdir(parents=True)
        for number in range(first, min(first + FILES_PER_DIRECTORY, files)):
            start = chance.randrange(_SIZES[1])
            size = chance.randint(*_SIZES)
            (directory / f"file {number}").write_bytes(block[start : start + size])
    os.sync()
