"""Looking at directories: watching what is there, and bringing the map in line with it.

The kernel gives a directory that is watched already the same number again, so each look also tells whether
it is a new one or one that has moved. A directory is listed only after it is watched: whatever is in it was
there when it was listed, or is in an event that follows.
"""

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .beneath import FLAGS, Root, subdirectories
from .inotify import Inotify, WatchLimit
from .inotify_map import Directory, Map
from .paths import joined
from .unwatched import Unwatched
from .watching import Excluded

_HELD = 100  # descriptors that a descent holds at most
_PAUSE_EVERY = 64  # directories
LIMIT = "the limit of watches is reached (sysctl fs.inotify.max_user_watches)"


@dataclass(slots=True)
class _Frame:
    """A directory on the way down; `names` are those of its directories that are still to be visited."""

    directory: Directory
    path: bytes
    fd: int
    names: list[bytes] = field(default_factory=list)


class Looking:
    """Watches directories of a root, and knows where they are.

    A descent can take long: it calls `pause` now and then. `cannot` is told which part can't be watched.
    """

    def __init__(
        self,
        root: Root,
        excluded: Excluded,
        inotify: Inotify,
        pause: Callable[[], None],
        cannot: Callable[[bytes, str], None],
    ) -> None:
        self._root = root
        self._excluded = excluded
        self._inotify = inotify
        self._pause = pause
        self._tell_cannot = cannot
        self._visited = 0
        self.unwatched = Unwatched()
        fd = root.open()
        try:
            self.map = Map(inotify.watch(fd))
        except WatchLimit as error:
            raise WatchLimit(error.errno, LIMIT) from error
        finally:
            os.close(fd)

    def look(self, parent: Directory, name: bytes, path: bytes) -> bool:
        """Look what is at a name now; whether there is a directory that wasn't known to be there.

        What is in such a directory is watched too when this returns.
        """
        try:
            outer = self._root.open_below(self.map.path(parent) or b"")
        except OSError:
            # The parent has been moved or deleted. An event of that follows, and finds this one again.
            if (known := self.map.child(parent, name)) is not None:
                self.map.displace(known, time.monotonic())
            return False
        try:
            found = self._enter(parent, name, path, outer)
        finally:
            os.close(outer)
        if found is None:
            return False
        directory, fd, changed = found
        try:
            if changed:
                self.descend(directory, fd)
        finally:
            os.close(fd)
        return changed

    def descend(self, top: Directory, fd: int = -1) -> None:
        """Watch what is below a directory, and look again at what is watched there already.

        A directory that moved may have been looked for in vain where it was before. `fd` stays open.
        """
        path = self.map.path(top)
        if path is None:
            return
        frames: list[_Frame] = []
        try:
            start = os.open(b".", FLAGS, dir_fd=fd) if fd >= 0 else self._root.open_below(path)
            frames.append(self._frame(top, path, start))
            while frames:
                frame = frames[-1]
                if frame.names:
                    self._step(frames, frame, frame.names.pop())
                else:
                    _close(frames.pop())
        except OSError as error:
            self._cannot(path, error)
        finally:
            for frame in frames:
                _close(frame)

    def retry(self) -> list[tuple[bytes, str]]:
        """Try again to watch what could not be; returns what now is, with the former reason."""
        watched = []
        for path, reason in self.unwatched.parts().items():
            outer, _, name = path.rpartition(b"/")
            parent: Directory | None = self.map.root
            for step in outer.split(b"/") if outer else ():
                parent = self.map.child(parent, step) if parent else None
            self.unwatched.remove(path)
            if parent is None:
                continue  # it is gone, and an event has said so
            known = self.map.child(parent, name) if path else self.map.root
            if known is not None:
                self.descend(known)
            else:
                self.look(parent, name, path)
            if path not in self.unwatched.parts():
                watched.append((path, reason))
        return watched

    def let_go(self, top: Directory) -> None:
        """Watch a directory that is adrift, and what is in it, no longer."""
        del self.map.adrift[top]
        for directory in self.map.inside(top):
            self.map.by_watch.pop(directory.watch, None)
            self._inotify.forget(directory.watch)

    def _enter(
        self, parent: Directory, name: bytes, path: bytes, outer: int
    ) -> tuple[Directory, int, bool] | None:
        """Watch a directory and place it on the map: with a descriptor of it, and whether it's new there."""
        known = self.map.child(parent, name)
        fd = -1
        try:
            if not self._excluded(path, True):
                fd = os.open(name, FLAGS, dir_fd=outer)
                directory, changed = self._identify(parent, name, path, fd)
                return directory, fd, changed
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            self._cannot(path, error)
        if known is not None:
            self.map.displace(known, time.monotonic())
        return None

    def _identify(self, parent: Directory, name: bytes, path: bytes, fd: int) -> tuple[Directory, bool]:
        watch = self._inotify.watch(fd)
        directory = self.map.by_watch.get(watch)
        if directory is None:
            directory = self.map.by_watch[watch] = Directory(watch)
        elif directory.parent is parent and directory.name == name:
            return directory, False
        elif self._is_there_too(directory, fd):
            raise OSError(errno.EEXIST, f"it is mounted at {self.map.path(directory)!r} too")
        elif self.map.contains(directory, parent):
            raise FileNotFoundError(errno.ENOENT, "the map is older than this; an event of that follows")
        self.map.place(directory, parent, name, time.monotonic())
        self.unwatched.remove(path)
        return directory, True

    def _is_there_too(self, directory: Directory, fd: int) -> bool:
        """Whether a directory is also where the map has it: a bind mount, not one that moves to and fro."""
        place = self.map.path(directory)
        if place is None:
            return False
        try:
            other = self._root.open_below(place)
        except OSError:
            return False
        try:
            return os.path.samestat(os.fstat(fd), os.fstat(other)) and _mount(fd) != _mount(other)
        finally:
            os.close(other)

    def _cannot(self, path: bytes, error: OSError) -> None:
        """A directory that is there cannot be watched: that must be said."""
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return
        reason = LIMIT if isinstance(error, WatchLimit) else error.strerror or type(error).__name__
        part = self.unwatched.add(path, reason)
        if part is not None:
            self._tell_cannot(part, reason)

    def _step(self, frames: list[_Frame], frame: _Frame, name: bytes) -> None:
        if frame.fd < 0:
            try:
                frame.fd = self._root.open_below(frame.path)
            except OSError:
                frame.names.clear()  # moved or deleted meanwhile: an event of that follows
                return
        path = joined(frame.path, name)
        found = self._enter(frame.directory, name, path, frame.fd)
        if found is None:
            return
        directory, fd, _ = found
        frames.append(self._frame(directory, path, fd))
        if len(frames) > _HELD:
            _close(frames[-_HELD])

    def _frame(self, directory: Directory, path: bytes, fd: int) -> _Frame:
        self._visited += 1
        if self._visited % _PAUSE_EVERY == 0:
            self._pause()
        try:
            names = subdirectories(fd)
        except OSError as error:
            self._cannot(path, error)
            names = []
        known = directory.children or {}
        for name in set(known).difference(names):
            self.map.displace(known[name], time.monotonic())
        return _Frame(directory, path, fd, names)


def _close(frame: _Frame) -> None:
    if frame.fd >= 0:
        os.close(frame.fd)
        frame.fd = -1


def _mount(fd: int) -> str:
    """Which mount a descriptor was opened through."""
    lines = Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines()
    return next((line for line in lines if line.startswith("mnt_id:")), "")
