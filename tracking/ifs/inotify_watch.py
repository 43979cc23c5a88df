"""A file root watched directory by directory.

An event says which name to look at; what is there is decided by looking (`inotify_look.py`). So events that
are older than what has been seen do no harm.
"""

import contextlib
import time
from collections import deque

from . import inotify
from .beneath import Root
from .inotify import CREATE, DELETE, ISDIR, MOVED_FROM, MOVED_TO, Inotify
from .inotify_look import Looking
from .inotify_map import Directory
from .paths import joined
from .watching import Event, Excluded, Kind, RootGone

_BACKLOG_BYTES = 256 << 20
_PAIR_SECONDS = 0.1  # between the two halves of a rename
_ADRIFT_SECONDS = 2.0
_ROOT_SECONDS = 1.0
_RETRY_SECONDS = 30.0
_NAMES = CREATE | DELETE | MOVED_FROM | MOVED_TO
_KINDS = (
    (inotify.CLOSE_WRITE, Kind.WRITTEN),
    (inotify.CREATE, Kind.CREATED),
    (inotify.DELETE, Kind.DELETED),
    (inotify.MODIFY, Kind.MODIFIED),
    (inotify.ATTRIB, Kind.ATTRIBUTES),
)


class InotifyWatch:
    """Watches a root with inotify. See `watching.Watch`."""

    way = "inotify"

    def __init__(self, root: bytes, excluded: Excluded) -> None:
        self._root = Root(root)
        self._excluded = excluded
        self._inotify = Inotify()
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._moves: dict[int, tuple[bytes, bool, float]] = {}
        self._out: list[Event] = []
        self._gone = False
        self._root_seen = self._retried = time.monotonic()
        try:
            self._looking = Looking(self._root, excluded, self._inotify, self._pump, self._cannot)
        except BaseException:
            self._inotify.close()
            raise
        self._map = self._looking.map

    def start(self) -> list[Event]:
        """Watch every directory; returns what could not be watched."""
        self._looking.descend(self._map.root)
        return self._take_out()

    def events(self, seconds: float, wake: int) -> list[Event]:
        """What has happened; waits for at most `seconds`, and not when `wake` can be read."""
        if not self._backlog:
            self._inotify.wait(min(seconds, _PAIR_SECONDS) if self._moves else seconds, wake)
            self._pump()
        self._work()
        self._tick()
        return self._take_out()

    def drain(self) -> list[Event]:
        """Everything whose system call had returned when this was called. Raises `RootGone`.

        The kernel queues an event before the call that caused it returns, and its queue is in order: so the
        bytes that it holds now are everything, however much comes behind them.
        """
        self._look_at_root()
        owed = self._inotify.queued() + self._backlog_bytes
        while owed > 0 and not self._gone:
            self._pump()
            done = self._work()
            if not done:
                break
            owed -= done
        self._end_moves(time.monotonic())
        return self._take_out()

    def directories(self) -> int:
        """How many directories are watched."""
        return len(self._map.by_watch)

    def unwatched(self) -> dict[bytes, str]:
        """Which parts cannot be watched, and why."""
        return self._looking.unwatched.parts()

    def close(self) -> None:
        """Let go of all watches."""
        self._inotify.close()

    def _take_out(self) -> list[Event]:
        out, self._out = self._out, []
        return out

    def _say(self, kind: Kind, path: bytes, is_dir: bool, origin: bytes = b"", reason: str = "") -> None:
        self._out.append(Event(kind, path, is_dir, origin, reason))

    def _cannot(self, path: bytes, reason: str) -> None:
        self._say(Kind.UNWATCHED, path, True, reason=reason)

    def _pump(self) -> None:
        """Empty the kernel's queue into memory, where there is more room."""
        while data := self._inotify.read():
            if self._backlog_bytes > _BACKLOG_BYTES:
                self._backlog.clear()
                self._backlog_bytes = 0
                data = inotify.OVERFLOWED  # what the kernel does, too
            self._backlog.append(data)
            self._backlog_bytes += len(data)

    def _work(self) -> int:
        """Go through what has been read; returns how many bytes that was."""
        done = 0
        while self._backlog and not self._gone:
            data = self._backlog.popleft()
            self._backlog_bytes -= len(data)
            done += len(data)
            for watch, mask, cookie, name in inotify.parse(data):
                self._one(watch, mask, cookie, name)
                if self._gone:
                    break
        return done

    def _one(self, watch: int, mask: int, cookie: int, name: bytes) -> None:
        if mask & inotify.Q_OVERFLOW:
            self._overflowed()
        elif mask & inotify.IGNORED:
            self._map.lost(watch, time.monotonic())
        elif directory := self._map.by_watch.get(watch):
            if not name:
                self._of_itself(directory, mask)
            elif (place := self._map.path(directory)) is not None:
                path, is_dir = joined(place, name), bool(mask & ISDIR)
                if not self._excluded(path, is_dir):
                    self._of_a_name(directory, name, path, is_dir, mask, cookie)

    def _of_a_name(
        self, directory: Directory, name: bytes, path: bytes, is_dir: bool, mask: int, cookie: int
    ) -> None:
        fresh = bool(is_dir and mask & _NAMES) and self._looking.look(directory, name, path)
        if mask & MOVED_FROM:
            self._moves[cookie] = (path, is_dir, time.monotonic())
        elif mask & MOVED_TO:
            return self._moved_to(path, is_dir, cookie)
        elif not fresh or not mask & CREATE:
            for bit, kind in _KINDS:
                if mask & bit:
                    self._say(kind, path, is_dir)
        if fresh:
            self._say(Kind.SUBTREE, path, True, reason="a new directory")
        return None

    def _moved_to(self, path: bytes, is_dir: bool, cookie: int) -> None:
        origin, _, _ = self._moves.pop(cookie, (b"", False, 0.0))
        if origin:
            self._say(Kind.MOVED, path, is_dir, origin)
        elif is_dir:
            self._say(Kind.SUBTREE, path, True, reason="moved here from outside")
        else:
            self._say(Kind.WRITTEN, path, False)

    def _of_itself(self, directory: Directory, mask: int) -> None:
        """An event of the watched directory itself; what matters here of all but the root is an unmount."""
        if directory is self._map.root:
            for bit, what in _ENDS:
                if mask & bit:
                    self._root_gone(f"the root was {what}")
            if mask & inotify.ATTRIB:
                self._say(Kind.ATTRIBUTES, b"", True)
        elif mask & inotify.UNMOUNT:
            parent, name, path = directory.parent, directory.name, self._map.path(directory)
            if parent is not None and path is not None:
                self._map.displace(directory, time.monotonic())
                self._looking.look(parent, name, path)
                self._say(Kind.SUBTREE, path, True, reason="a file system was unmounted here")

    def _overflowed(self) -> None:
        """Changes were lost, of names of directories too: look at all of them again."""
        self._moves.clear()
        self._looking.descend(self._map.root)
        self._say(Kind.OVERFLOW, b"", True, reason="the kernel's queue of changes was full")

    def _tick(self) -> None:
        """What has its time: halves of renames, watches nobody needs, the root, unwatched parts."""
        now = time.monotonic()
        self._end_moves(now - _PAIR_SECONDS)
        if self._backlog or self._gone:
            return
        for directory, since in list(self._map.adrift.items()):
            if since < now - _ADRIFT_SECONDS:
                self._looking.let_go(directory)
        if now - self._root_seen > _ROOT_SECONDS:
            self._root_seen = now
            with contextlib.suppress(RootGone):
                self._look_at_root()
        if now - self._retried > _RETRY_SECONDS:
            self._retried = now
            for path, reason in self._looking.retry():
                self._say(Kind.SUBTREE, path, True, reason=f"watched again; before: {reason}")

    def _end_moves(self, before: float) -> None:
        """What was moved, and did not arrive below the root in time, is gone from it."""
        for cookie, (path, is_dir, since) in list(self._moves.items()):
            if since <= before:
                del self._moves[cookie]
                self._say(Kind.DELETED, path, is_dir)

    def _look_at_root(self) -> None:
        """A directory above the root can be renamed, of which the root itself has no event."""
        try:
            self._root.check()
        except RootGone as error:
            self._root_gone(str(error))
            raise

    def _root_gone(self, reason: str) -> None:
        if not self._gone:
            self._gone = True
            self._say(Kind.ROOT_GONE, b"", True, reason=reason)


_ENDS = (
    (inotify.DELETE_SELF, "deleted"),
    (inotify.MOVE_SELF, "moved"),
    (inotify.UNMOUNT, "unmounted"),
)
