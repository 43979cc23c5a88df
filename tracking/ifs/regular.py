"""Bringing one regular file: to a temporary name, verified, synced, renamed."""

import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from . import aside, blocks, content, metadata, temporary
from .entry import STMF, look
from .outcome import Carried, CarryOptions, Changed, Failed, What, on
from .paths import shown

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5  # seconds
_COMPARED = 1 << 20


class Place(NamedTuple):
    """A name in a directory of the source and in its copy; the directories are open."""

    path: bytes
    name: bytes
    here: int
    there: int


def open_source(directory: int, name: bytes) -> int:
    """A descriptor of a regular file; reading leaves no trace on it where we have the right to do so.

    Raises `Changed` where it is no regular file, or a link.
    """
    try:
        fd = _open_untouched(directory, name)
    except OSError as error:
        if isinstance(error, PermissionError):
            raise
        raise Changed from error  # gone, a link (ELOOP), a socket (ENXIO)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Changed
    return fd


def bring(place: Place, options: CarryOptions, clear: Callable[[], object]) -> Carried | Failed:
    """Make the copy's file what the source's is; `clear` removes a directory that has its name there.

    Raises OSError, and `Changed` where it is no file now.
    """
    with on("source"):
        source = open_source(place.here, place.name)
    try:
        return _Bringing(place, options, source, clear).run()
    finally:
        os.close(source)


class _Bringing:
    def __init__(self, place: Place, options: CarryOptions, source: int, clear: Callable[[], object]) -> None:
        self.place, self.options, self.source, self.clear = place, options, source, clear
        self.deadline = time.monotonic() + options.wait_seconds
        self.pause = _SHORTEST_PAUSE
        self.had = look(place.there, place.name)

    def run(self) -> Carried | Failed:
        """Only the metadata, some blocks, or the whole file."""
        status = os.fstat(self.source)
        old = self._open_old(status)
        if old is None or self.had is None:
            return self._whole()
        try:
            if min(status.st_size, self.had.st_size) >= self.options.large_bytes:
                return self._large(old, self.had, status)
            if self._same(old, self.had, status):
                return self._metadata(old)
            return self._whole()
        finally:
            os.close(old)

    def _open_old(self, status: os.stat_result) -> int | None:
        """The earlier copy, if it can be kept: not where it has names that the source's file has not."""
        had = self.had
        if had is None or not stat.S_ISREG(had.st_mode) or had.st_nlink > max(status.st_nlink, 1):
            return None
        with suppress(OSError):
            return os.open(self.place.name, _READ, dir_fd=self.place.there)
        return None

    def _same(self, old: int, had: os.stat_result, status: os.stat_result) -> bool:
        if (status.st_size, status.st_mtime_ns) != (had.st_size, had.st_mtime_ns):
            return False
        return self.options.trust_times or _equal(self.source, old, status.st_size)

    def _large(self, old: int, had: os.stat_result, status: os.stat_result) -> Carried | Failed:
        if self.options.trust_times and self._same(old, had, status):
            return self._metadata(old)
        can_share = content.can_share(self.place.there)
        if can_share and status.st_dev == had.st_dev:
            return self._whole()  # which costs nothing
        limit = max(status.st_size, had.st_size) // 2
        ranges = self._differing(old, had.st_size, status, limit)
        if ranges == [] and status.st_size == had.st_size and self._settled(status):
            return self._metadata(old)
        if ranges is None:
            return self._whole()
        if can_share:
            return self._whole(old, ranges)
        if had.st_nlink == 1 and self._settled(status):
            return self._aside(ranges, status) or self._whole()
        return self._whole()

    def _metadata(self, old: int) -> Carried:
        with on("source"):
            wanted = metadata.of_descriptor(self.source)
        there = metadata.of_descriptor(old)
        if not metadata.differences(wanted, there):
            return self._carried("same", 0, [])
        lacking = metadata.put(old, wanted, there)
        self._sync(old)
        return self._carried("metadata", 0, lacking)

    def _whole(self, old: int | None = None, ranges: list[blocks.Range] | None = None) -> Carried | Failed:
        """By a new file, which begins as a clone of the old one where that is given."""
        with temporary.created(self.place.there) as (name, fd):
            status = os.fstat(self.source)
            if old is not None and content.share(old, fd, os.fstat(old)):
                written = blocks.bring(self.source, fd, ranges or [], status.st_size)
            else:
                written = content.copy(self.source, fd, status)
            while not (wanted := self._settled(status)):
                if failed := self._wait(status):
                    return failed
                status = os.fstat(self.source)
                missing = self._differing(fd, os.fstat(fd).st_size, status)
                written += blocks.bring(self.source, fd, missing or [], status.st_size)
            lacking = self._finish(fd, wanted)
            if self.had is not None and stat.S_ISDIR(self.had.st_mode):
                self.clear()
            os.rename(name, self.place.name, src_dir_fd=self.place.there, dst_dir_fd=self.place.there)
        what: What = "created"
        if self.had is not None:
            what = "content" if stat.S_ISREG(self.had.st_mode) else "replaced"
        return self._carried(what, written, lacking)

    def _aside(self, ranges: list[blocks.Range], status: os.stat_result) -> Carried | None:
        """In the old file itself; None, and it is as before, where the source has changed meanwhile."""
        with aside.moved_aside(self.place.there, self.place.name, ranges) as file:
            written = blocks.bring(self.source, file.fd, ranges, status.st_size)
            if not (wanted := self._settled(status)):
                return None
            lacking = metadata.put(file.fd, wanted, metadata.of_descriptor(file.fd))
            os.fsync(file.fd)  # the blocks from before are removed next
            file.done = True
        return self._carried("content", written, lacking)

    def _differing(
        self, fd: int, size: int, status: os.stat_result, limit: int | None = None
    ) -> list[blocks.Range] | None:
        block = self.options.block_bytes
        return blocks.differing(self.source, status.st_size, fd, size, block, limit)

    def _settled(self, before: os.stat_result) -> metadata.Metadata | None:
        """The source's metadata, if nobody has written to it since.

        Whatever the clock says: only equality of times is looked at.
        """
        with on("source"):
            now = metadata.of_descriptor(self.source)
        return now if same_version(before, now.status) else None

    def _finish(self, fd: int, wanted: metadata.Metadata) -> list[str]:
        lacking = metadata.put(fd, wanted)
        self._sync(fd)
        return lacking

    def _wait(self, before: os.stat_result) -> Failed | None:
        now = os.fstat(self.source)
        if time.monotonic() + self.pause > self.deadline:
            seen = f"{before.st_size:,} bytes, then {now.st_size:,}"
            reason = f"{shown(self.place.path)} never stopped changing while it was read: {seen}"
            needed = f"needed is a pause in writing within {self.options.wait_seconds:g} s"
            return Failed(self.place.path, STMF, f"{reason}; {needed}", True, changing=True)
        time.sleep(self.pause)
        self.pause = min(self.pause * 2, _LONGEST_PAUSE)
        return None

    def _sync(self, fd: int) -> None:
        if self.options.sync == "path":
            os.fsync(fd)

    def _carried(self, what: What, written: int, lacking: list[str]) -> Carried:
        return Carried(self.place.path, STMF, what, written, tuple(lacking))


def same_version(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether nobody has written to a file between two looks at it."""
    return (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def _equal(source: int, copy: int, size: int) -> bool:
    content.wait_for_write(source, size)
    for position in range(0, size, _COMPARED):
        here = content.read_at(source, _COMPARED, position)
        if here != content.read_at(copy, _COMPARED, position):
            return False
    return True


def _open_untouched(directory: int, name: bytes) -> int:
    try:
        return os.open(name, _READ | os.O_NOATIME, dir_fd=directory)
    except PermissionError:
        return os.open(name, _READ, dir_fd=directory)
