"""A file root watched by one mark on its file system: nothing per directory, and nothing to set up.

Events come of the whole file system; a handle that is not below the root is remembered as such. An event has
its directory's handle, whose path is asked for when the event is read, and again after a directory was
renamed or deleted. So a path may be newer than its event, and if it's older, the event of the rename follows.
"""

import contextlib
import errno
import fcntl
import os
import select
import struct
import termios
import time
from pathlib import Path

from . import fanotify
from .beneath import Root
from .paths import joined
from .watching import Event, Excluded, Kind, RootGone, below

_READ_BYTES = 1 << 18
_HANDLES = 20_000
_ROOT_SECONDS = 1.0
_KINDS = (
    (fanotify.CREATE, Kind.CREATED),
    (fanotify.MODIFY, Kind.MODIFIED),
    (fanotify.ATTRIB, Kind.ATTRIBUTES),
    (fanotify.CLOSE_WRITE, Kind.WRITTEN),
    (fanotify.DELETE, Kind.DELETED),
)


class _TooLong(Exception):
    """A path that the kernel doesn't tell; `args[0]` is the part of it that it does, or None."""


class FanotifyWatch:
    """Watches a root with fanotify. See `watching.Watch`. Raises OSError where kernel or rights do not do."""

    way = "fanotify"

    def __init__(self, root: bytes, excluded: Excluded) -> None:
        self._root = Root(root)
        self._excluded = excluded
        self._paths: dict[bytes, bytes | None] = {}
        self._out: list[Event] = []
        self._gone = False
        self._root_seen = time.monotonic()
        fd = self._root.open()
        try:
            if _mounted_below(os.readlink(b"/proc/self/fd/%d" % fd)):
                raise OSError(errno.EXDEV, "other file systems are mounted below the root")
            self._fd = fanotify.begin(fd)
        finally:
            os.close(fd)

    def start(self) -> list[Event]:
        """It has begun already."""
        return []

    def events(self, seconds: float, wake: int) -> list[Event]:
        """What has happened; waits for at most `seconds`, and not when `wake` can be read."""
        poll = select.poll()
        for fd in (self._fd, wake):
            poll.register(fd, select.POLLIN)
        poll.poll(seconds * 1000)
        with contextlib.suppress(RootGone):
            self._work(None)
            now = time.monotonic()
            if now - self._root_seen > _ROOT_SECONDS:
                self._root_seen = now
                self._open_root(check=True)
        return self._take_out()

    def drain(self) -> list[Event]:
        """Everything whose system call had returned when this was called. Raises `RootGone`.

        An event is queued, or merged with one that is, before the call that caused it returns.
        """
        self._open_root(check=True)
        answer = fcntl.ioctl(self._fd, termios.FIONREAD, struct.pack("i", 0))
        self._work(struct.unpack("i", answer)[0] // fanotify.EVENT_BYTES)
        return self._take_out()

    def directories(self) -> int:
        """None is watched by itself."""
        return 0

    def unwatched(self) -> dict[bytes, str]:
        """Nothing is."""
        return {}

    def close(self) -> None:
        """Watch no more."""
        os.close(self._fd)

    def _take_out(self) -> list[Event]:
        out, self._out = self._out, []
        return out

    def _work(self, owed: int | None) -> None:
        """Go through `owed` events at least, or what there is."""
        root = -1
        try:
            while owed is None or owed > 0:
                try:
                    data = os.read(self._fd, _READ_BYTES)
                except BlockingIOError:
                    return
                if root < 0:
                    root = self._open_root()
                    top = os.readlink(b"/proc/self/fd/%d" % root)
                count = 0
                for event in fanotify.parse(data):
                    self._one(event, root, top)
                    count += 1
                if owed is None:
                    return
                owed -= count
        finally:
            if root >= 0:
                os.close(root)

    def _one(self, event: fanotify.Raw, root: int, top: bytes) -> None:
        mask, is_dir = event.mask, bool(event.mask & fanotify.ONDIR)
        if mask & fanotify.Q_OVERFLOW:
            self._paths.clear()
            return self._say(Kind.OVERFLOW, b"", True, reason="the kernel's queue of changes was full")
        if is_dir and mask & (fanotify.RENAME | fanotify.DELETE):
            self._paths.clear()
        paths = [self._path(place, is_dir, root, top) for place in event.places]
        if mask & fanotify.RENAME:
            return self._renamed(paths, is_dir)
        for path in paths:
            for bit, kind in _KINDS:
                if path is not None and mask & bit:
                    self._say(kind, path, is_dir)
            if path is not None and is_dir and mask & fanotify.CREATE:
                # What was in another one of this name was deleted, which nobody can tell any more.
                self._say(Kind.SUBTREE, path, True, reason="a new directory")
        return None

    def _renamed(self, paths: list[bytes | None], is_dir: bool) -> None:
        old, new = paths[0], paths[-1]
        if old is not None and new is not None:
            self._say(Kind.MOVED, new, is_dir, old)
        elif old is not None:
            self._say(Kind.DELETED, old, is_dir)
        elif new is not None and is_dir:
            self._say(Kind.SUBTREE, new, True, reason="moved here from outside")
        elif new is not None:
            self._say(Kind.WRITTEN, new, False)

    def _path(self, place: tuple[bytes, bytes], is_dir: bool, root: int, top: bytes) -> bytes | None:
        """The relative path of a name in a directory; None where that isn't tracked, or isn't any more."""
        handle, name = place
        if handle not in self._paths:
            if len(self._paths) >= _HANDLES:
                self._paths.clear()
            try:
                self._paths[handle] = self._directory(handle, root, top)
            except _TooLong as error:
                if error.args[0] is not None:
                    self._say(Kind.SUBTREE, error.args[0], True, reason="a path is too long to be told")
                return None
        directory = self._paths[handle]
        if directory is None or name == b".":
            return directory
        path = joined(directory, name)
        return None if self._excluded(path, is_dir) else path

    def _directory(self, handle: bytes, root: int, top: bytes) -> bytes | None:
        try:
            fd = fanotify.opened(root, handle)
        except OSError:
            return None  # deleted, of which its parent has an event
        try:
            if os.fstat(fd).st_nlink == 0:
                return None
            try:
                return self._below(os.readlink(b"/proc/self/fd/%d" % fd), top)
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
            raise _TooLong(self._told_part(fd, top))
        finally:
            os.close(fd)

    def _told_part(self, fd: int, top: bytes) -> bytes | None:
        """Of a path that is too long, the directory nearest to it of which the kernel tells the path."""
        at = os.dup(fd)
        try:
            while True:
                outer = os.open(b"..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=at)
                os.close(at)
                at = outer
                with contextlib.suppress(OSError):
                    return self._below(os.readlink(b"/proc/self/fd/%d" % at), top)
        finally:
            os.close(at)

    def _below(self, path: bytes, top: bytes) -> bytes | None:
        """A path relative to the root, if it's there and not in an excluded tree."""
        if not below(path, top.rstrip(b"/")):
            return None
        path = path[len(top.rstrip(b"/")) + 1 :]
        ends = [at for at in range(1, len(path)) if path[at] == 0x2F] + [len(path)]
        if path and any(self._excluded(path[:end], True) for end in ends):
            return None
        return path

    def _open_root(self, *, check: bool = False) -> int:
        try:
            fd = self._root.open()
            if check and _mounted_below(os.readlink(b"/proc/self/fd/%d" % fd)):
                os.close(fd)
                raise RootGone("a file system was mounted below the root, which this mark does not see")
        except RootGone as error:
            if not self._gone:
                self._gone = True
                self._say(Kind.ROOT_GONE, b"", True, reason=str(error))
            raise
        if check:
            os.close(fd)
        return fd

    def _say(self, kind: Kind, path: bytes, is_dir: bool, origin: bytes = b"", reason: str = "") -> None:
        self._out.append(Event(kind, path, is_dir, origin, reason))


def _mounted_below(top: bytes) -> bool:
    """Whether something is mounted below a directory: its events would be those of another file system."""
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        point = line.split(b" ")[4].decode("unicode_escape").encode("latin-1")
        if point != top and below(point, top.rstrip(b"/")):
            return True
    return False
