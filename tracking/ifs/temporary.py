"""Names beside a target while it is made: recognized after a crash, and locked while they are in use."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_NAME = re.compile(rb"\.mwa-ifs-[0-9a-f]{16}(\.undo)?\Z")
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def is_temporary(name: bytes) -> bool:
    """Whether a name (without its directory) is one of ours. Such names are never tracked."""
    return _NAME.match(name) is not None


def new_name() -> bytes:
    """One that nobody has."""
    return b".mwa-ifs-" + os.urandom(8).hex().encode()


@contextmanager
def named(directory: int) -> Iterator[bytes]:
    """A free name in a directory; whatever has it in the end is removed."""
    name = new_name()
    try:
        yield name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)


@contextmanager
def created(directory: int) -> Iterator[tuple[bytes, int]]:
    """An empty file under such a name, and its descriptor; removed in the end unless renamed.

    The lock tells `clear` of another process that somebody is writing it.
    """
    with named(directory) as name:
        fd = os.open(name, _FLAGS, 0o600, dir_fd=directory)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield name, fd
        finally:
            os.close(fd)


def clear(directory: int, name: bytes) -> bool:
    """Remove what a crash has left under such a name; False where it is in use, or is gone."""
    with suppress(OSError):
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(fd)
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)
        return True
    return False
