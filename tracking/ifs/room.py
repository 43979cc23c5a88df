"""For preflight: whether what a root holds has room on the copy."""

import os
import stat

from nodes.postgres.preflight.check import Finding, finding

from .entry import Entry
from .opened import Opened
from .walk import walk
from .watching import Excluded

_SPARE = 1.05  # temporary files, directories, and what is written meanwhile


def room(opened: Opened) -> Finding:
    """Free bytes and inodes of the copy's file system, against what the source has more than the copy."""
    needed, objects = _used(opened.source, opened.excluded)
    there, objects_there = _used(opened.copy, opened.excluded)
    needed, objects = int(max(0, needed - there) * _SPARE), max(0, objects - objects_there)
    found = os.fstatvfs(opened.copy)
    free = found.f_bavail * found.f_frsize
    inodes = found.f_favail if found.f_files else objects  # some make them as they need them
    return finding(
        free >= needed and inodes >= objects,
        f"{free:,} bytes and {inodes:,} inodes free on the copy",
        f"{needed:,} bytes and {objects:,} inodes",
        "make room on the copy's file system, or leave out what need not travel",
    )


def _used(top: int, excluded: Excluded) -> tuple[int, int]:
    """Allocated bytes and objects below a directory; of a file with several names, once."""
    size, objects = 0, 0
    known: set[tuple[int, int]] = set()
    for entry in walk(top, excluded):
        if not isinstance(entry, Entry):
            continue
        if entry.link is not None:
            if entry.link in known:
                continue
            known.add(entry.link)
        objects += 1
        size += entry.status.st_blocks * 512 if stat.S_ISREG(entry.status.st_mode) else 0
    return size, objects
