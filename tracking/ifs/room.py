"""For preflight: whether what a root holds has room on the copy."""

import os
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nodes.postgres.preflight.check import Finding, finding

from .entry import Entry, Link, link_of
from .far_room import objects_there, room_there
from .opened import Opened
from .sending import Sending
from .walk import walk
from .watching import Excluded

_SPARE = 1.05  # temporary files, directories, and what is written meanwhile


class _Used(NamedTuple):
    size: int  # bytes that are allocated
    objects: int


def room(opened: Opened) -> Finding:
    """Free bytes and inodes of the copy's file system, against what the source has more than the copy."""
    found = os.fstatvfs(opened.copy)
    inodes = found.f_favail if found.f_files else None
    there = _used(_walked(opened.copy, opened.excluded))
    return _found(
        _used(_walked(opened.source, opened.excluded)), there, found.f_bavail * found.f_frsize, inodes
    )


def room_on_host(sending: Sending) -> Finding:
    """The same where the copy is on another host. Raises `NotReached`."""
    there = _used(objects_there(sending))
    return _found(_used(_walked(sending.source, sending.excluded)), there, *room_there(sending))


def _found(source: _Used, copy: _Used, free: int, inodes: int | None) -> Finding:
    """`inodes` is None where the file system makes them as it needs them."""
    needed, objects = int(max(0, source.size - copy.size) * _SPARE), max(0, source.objects - copy.objects)
    left = objects if inodes is None else inodes
    return finding(
        free >= needed and left >= objects,
        f"{free:,} bytes and {left:,} inodes free on the copy",
        f"{needed:,} bytes and {objects:,} inodes",
        "make room on the copy's file system, or leave out what need not travel",
    )


def _walked(top: int, excluded: Excluded) -> Iterator[tuple[Link | None, int]]:
    for entry in walk(top, excluded):
        if isinstance(entry, Entry):
            regular = stat.S_ISREG(entry.status.st_mode)
            yield link_of(entry.status), entry.status.st_blocks * 512 if regular else 0


def _used(found: Iterable[tuple[Link | None, int]]) -> _Used:
    """Of objects with the bytes that each has; of a file with several names, once."""
    size, objects = 0, 0
    known: set[Link] = set()
    for link, each in found:
        if link is not None:
            if link in known:
                continue
            known.add(link)
        objects += 1
        size += each
    return _Used(size, objects)
