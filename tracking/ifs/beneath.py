"""Opening directories below a root name by name: no link is followed, no path is too long."""

import os
from collections.abc import Iterator

from .paths import joined
from .watching import Excluded, RootGone

FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HELD = 100  # descriptors that a walk holds at most


class Root:
    """A root by its path, and what it was when it was first opened."""

    def __init__(self, path: bytes) -> None:
        self.path = path
        fd = self._open()
        try:
            status = os.fstat(fd)
        finally:
            os.close(fd)
        self.device, self.inode = status.st_dev, status.st_ino

    def open(self) -> int:
        """A descriptor of the root; raises `RootGone` unless it is still the same directory.

        None is held: that would keep the administrator from unmounting the file system.
        """
        fd = self._open()
        status = os.fstat(fd)
        if (status.st_dev, status.st_ino) != (self.device, self.inode):
            os.close(fd)
            raise RootGone(f"{os.fsdecode(self.path)!r} is another directory than when tracking began")
        return fd

    def check(self) -> None:
        """Raise `RootGone` unless it is still the same directory."""
        os.close(self.open())

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise RootGone(f"{os.fsdecode(self.path)!r}: {error.strerror}") from error

    def open_below(self, path: bytes) -> int:
        """A descriptor of a directory below it; OSError where there is none, or a link is in the way."""
        fd = self.open()
        for name in path.split(b"/") if path else ():
            try:
                inner = os.open(name, FLAGS, dir_fd=fd)
            finally:
                os.close(fd)
            fd = inner
        return fd


def subdirectories(fd: int) -> list[bytes]:
    """The names of the directories in a directory; a link to one is none."""
    with os.scandir(fd) as entries:
        return [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]


def directories(root: Root, excluded: Excluded, top: bytes = b"") -> Iterator[bytes]:
    """The paths of all directories below (and with) `top`, parents first; unreadable ones without content."""
    stack: list[tuple[bytes, int]] = [(top, -1)]
    held = 0
    try:
        while stack:
            path, fd = stack.pop()
            held -= fd >= 0
            try:
                inner = os.open(path.rpartition(b"/")[2], FLAGS, dir_fd=fd) if fd >= 0 else -1
                if inner < 0:
                    inner = root.open_below(path)
            except OSError as error:
                if isinstance(error, PermissionError):
                    yield path
                continue
            finally:
                if fd >= 0:
                    os.close(fd)
            try:
                yield path
                for name in subdirectories(inner):
                    below = joined(path, name)
                    if not excluded(below, True):
                        keep = held < _HELD
                        stack.append((below, os.dup(inner) if keep else -1))
                        held += keep
            finally:
                os.close(inner)
    finally:
        for _, fd in stack:
            if fd >= 0:
                os.close(fd)
