"""Both ends of a root, opened: every name below is reached from there, and no link is ever followed."""

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from .exclusions import Exclusions
from .paths import shown
from .roots import Root, exclusions
from .watching import RootGone

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_syncfs = ctypes.CDLL(None, use_errno=True).syncfs


class Identity(NamedTuple):
    """Which directory a path led to."""

    device: int
    inode: int


class Opened:
    """A root with a descriptor for each end, to be closed soon: held, it keeps a file system mounted.

    `known` are the identities that the ends had when tracking began: a file system that is not mounted any
    more looks like a tree from which everything has been deleted. Raises `RootGone`.
    """

    def __init__(
        self,
        root: Root,
        forbidden: Sequence[Path] = (),
        known: tuple[Identity | None, Identity | None] = (None, None),
    ) -> None:
        self.root = root
        self.excluded: Exclusions = exclusions(root, forbidden)
        self.source = open_end(root.source, known[0])
        try:
            self.copy = open_end(root.copy, known[1])
        except BaseException:
            os.close(self.source)
            raise

    def identities(self) -> tuple[Identity, Identity]:
        """Of both ends, to be kept and given as `known` later."""
        return identity(self.source), identity(self.copy)

    def sync(self) -> None:
        """Everything that was written to the copy's file system is on disk when this returns."""
        sync(self.copy)

    def close(self) -> None:
        """Close both ends."""
        os.close(self.source)
        os.close(self.copy)

    def __enter__(self) -> "Opened":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def identity(fd: int) -> Identity:
    """Of an open directory."""
    status = os.fstat(fd)
    return Identity(status.st_dev, status.st_ino)


def sync(fd: int) -> None:
    """Write the file system of a descriptor to disk. Raises OSError, also for earlier failures of it."""
    if _syncfs(fd):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def open_below(top: int, path: bytes) -> int:
    """A descriptor of the directory `path` below `top`, opened part by part.

    OSError where there is none (FileNotFoundError), or a link or another object is in the way
    (NotADirectoryError).
    """
    fd = os.open(b".", DIRECTORY, dir_fd=top)
    for name in path.split(b"/") if path else ():
        try:
            inner = os.open(name, DIRECTORY, dir_fd=fd)
        finally:
            os.close(fd)
        fd = inner
    return fd


@contextmanager
def below(top: int, path: bytes) -> Iterator[int]:
    """As `open_below`, closed in the end."""
    fd = open_below(top, path)
    try:
        yield fd
    finally:
        os.close(fd)


def open_end(path: Path, known: Identity | None) -> int:
    """A descriptor of one end of a root. Raises `RootGone`, also where it is not the one that is known."""
    name = shown(os.fsencode(path))
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise RootGone(f"{name}: {error.strerror}; needed is a directory that can be read") from error
    if known is not None and identity(fd) != known:
        found = identity(fd)
        os.close(fd)
        raise RootGone(
            f"{name} is another directory than when tracking began: device and inode are "
            f"{found.device}, {found.inode}; needed are {known.device}, {known.inode}"
        )
    return fd
