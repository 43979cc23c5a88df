"""Changing some blocks of a large file where they cannot be shared: moved aside meanwhile, and undoable.

First the blocks that will be overwritten are on disk in a file of their own. Then the copy loses its name,
is changed, and gets it back. A crash between leaves no half file under a real name, and `undo` gives back
what was there before: the last good version outlives us, and the source.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from .blocks import Range
from .content import read_at, write_at
from .temporary import new_name

_SUFFIX = b".undo"
_OLD = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LINE = 4 << 10  # the first line's length grows in these


@dataclass
class Aside:
    """A file without its name: `fd` is open for writing. Set `done` when it may have its name again."""

    fd: int
    done: bool = False


@contextmanager
def moved_aside(directory: int, name: bytes, ranges: list[Range]) -> Iterator[Aside]:
    """Move a file aside to change these ranges, and its end; undone unless `done` is set."""
    aside = new_name()
    undo_name = aside + _SUFFIX
    note = os.open(undo_name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        fcntl.flock(note, fcntl.LOCK_EX)
        fd = os.open(name, _OLD, dir_fd=directory)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            _write(note, fd, name, ranges)
            os.fsync(directory)
            file = Aside(fd)
            os.rename(name, aside, src_dir_fd=directory, dst_dir_fd=directory)
            yield file
            if file.done:
                os.rename(aside, name, src_dir_fd=directory, dst_dir_fd=directory)
        finally:
            os.close(fd)
            _undo(directory, undo_name, note)
    finally:
        os.close(note)


def is_undo(name: bytes) -> bool:
    """Whether a temporary name is that of the blocks from before."""
    return name.endswith(_SUFFIX)


def undo(directory: int, undo_name: bytes) -> bool:
    """Give a file that a crash has left aside its content and its name back; False if it is in work."""
    note = os.open(undo_name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    try:
        fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _undo(directory, undo_name, note)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(note)


def _write(note: int, file: int, name: bytes, ranges: list[Range]) -> None:
    status = os.fstat(file)
    old = [(start, min(end, status.st_size)) for start, end in ranges if start < status.st_size]
    times = (status.st_atime_ns, status.st_mtime_ns)
    line = json.dumps({"name": name.hex(), "size": status.st_size, "times": times, "ranges": old}).encode()
    head = -(-(len(line) + 1) // _LINE) * _LINE
    write_at(note, line.ljust(head - 1) + b"\n", 0)
    position = head
    for start, end in old:
        for at in range(start, end, 1 << 20):
            data = read_at(file, min(1 << 20, end - at), at)
            write_at(note, data, position)
            position += len(data)
    os.fsync(note)


def _undo(directory: int, undo_name: bytes, note: int) -> None:
    """Nothing to do but remove the note where the file isn't aside: not yet, or not any more."""
    aside = undo_name.removesuffix(_SUFFIX)
    with suppress(FileNotFoundError):
        fd = os.open(aside, _OLD, dir_fd=directory)
        try:
            with os.fdopen(os.dup(note), "rb") as reader:
                reader.seek(0)
                line = reader.readline()
            noted = json.loads(line)
            position = len(line)
            for start, end in noted["ranges"]:
                for at in range(start, end, 1 << 20):
                    data = read_at(note, min(1 << 20, end - at), position)
                    write_at(fd, data, at)
                    position += len(data)
            os.ftruncate(fd, noted["size"])
            os.utime(fd, ns=tuple(noted["times"]))
            os.fsync(fd)
        finally:
            os.close(fd)
        name = bytes.fromhex(noted["name"])
        with suppress(FileExistsError):  # somebody has made a newer one
            os.link(aside, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        os.unlink(aside, dir_fd=directory)
    with suppress(FileNotFoundError):
        os.unlink(undo_name, dir_fd=directory)
