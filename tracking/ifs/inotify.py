"""inotify(7) itself: a queue of raw events of directories.

Own code, because no kept library delivers every event. watchdog 7.1 (`observers/inotify.py`) answers
IN_Q_OVERFLOW with a line in its log and new watches but tells its user nothing, and passes over in silence
directories below the root that can't be watched (ENOSPC, EACCES). watchfiles 1.3 (`src/lib.rs`) takes from
Rust's notify only what has a path, which an overflow has not, fails on names that are not UTF-8, and keeps no
pairs of renames. Both name directories by whole paths, which end at 4,096 bytes.
"""

import ctypes
import errno
import fcntl
import os
import select
import struct
import termios
from collections.abc import Iterator

MODIFY, ATTRIB, CLOSE_WRITE = 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, CREATE, DELETE = 0x40, 0x80, 0x100, 0x200
DELETE_SELF, MOVE_SELF = 0x400, 0x800
UNMOUNT, Q_OVERFLOW, IGNORED = 0x2000, 0x4000, 0x8000
ISDIR = 0x40000000
_ONLYDIR, _EXCL_UNLINK = 0x01000000, 0x04000000
_MASK = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
_HEADER = struct.Struct("iIII")
_READ_BYTES = 1 << 18
OVERFLOWED = _HEADER.pack(-1, Q_OVERFLOW, 0, 0)

Raw = tuple[int, int, int, bytes]  # watch, mask, cookie, name in the watched directory

_libc = ctypes.CDLL(None, use_errno=True)
_libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
_libc.inotify_rm_watch.argtypes = (ctypes.c_int, ctypes.c_int)


class WatchLimit(OSError):
    """fs.inotify.max_user_watches is reached, or the kernel has no memory for one more."""


class Inotify:
    """One instance: watches are numbers, events come in the order in which they happened."""

    def __init__(self) -> None:
        self.fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            number = ctypes.get_errno()
            if number == errno.EMFILE:
                raise OSError(number, "no inotify instance is left (sysctl fs.inotify.max_user_instances)")
            raise OSError(number, os.strerror(number))

    def watch(self, directory: int) -> int:
        """Watch the directory that a descriptor is open on; the same number again for the same directory.

        By descriptor, so that it is this one even if its name is somebody else's by now.
        """
        found: int = _libc.inotify_add_watch(
            self.fd, b"/proc/self/fd/%d" % directory, _MASK | _ONLYDIR | _EXCL_UNLINK
        )
        if found >= 0:
            return found
        number = ctypes.get_errno()
        if number in (errno.ENOSPC, errno.ENOMEM):
            raise WatchLimit(number, os.strerror(number))
        raise OSError(number, os.strerror(number))

    def forget(self, watch: int) -> None:
        """Stop watching; the directory may be gone already."""
        _libc.inotify_rm_watch(self.fd, watch)

    def wait(self, seconds: float, *others: int) -> None:
        """Until there are events, or one of `others` can be read, or the time is over."""
        poll = select.poll()
        for fd in (self.fd, *others):
            poll.register(fd, select.POLLIN)
        poll.poll(seconds * 1000)

    def queued(self) -> int:
        """How many bytes of events are in the kernel's queue."""
        answer = fcntl.ioctl(self.fd, termios.FIONREAD, struct.pack("i", 0))
        return int(struct.unpack("i", answer)[0])

    def read(self) -> bytes:
        """Some of the queue; empty if there is nothing."""
        try:
            return os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Let go of all watches."""
        os.close(self.fd)


def parse(data: bytes) -> Iterator[Raw]:
    """The events of what `read` has returned."""
    position, end, header = 0, len(data), _HEADER.size
    while position < end:
        watch, mask, cookie, length = _HEADER.unpack_from(data, position)
        position += header
        yield watch, mask, cookie, data[position : position + length].rstrip(b"\0") if length else b""
        position += length
