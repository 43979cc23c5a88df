"""fanotify(7) itself: one mark for a whole file system, events with the handle of a directory and a name.

Linux 5.17 or later (FAN_RENAME), and the rights of an administrator (CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH).
"""

import ctypes
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MODIFY, ATTRIB, CLOSE_WRITE, CREATE, DELETE = 0x2, 0x4, 0x8, 0x100, 0x200
Q_OVERFLOW, RENAME, ONDIR = 0x4000, 0x10000000, 0x40000000
EVENT_BYTES = 24  # what FIONREAD counts of each event
_MASK = MODIFY | ATTRIB | CLOSE_WRITE | CREATE | DELETE | RENAME | ONDIR
_INIT = 0x1 | 0x2 | 0x10 | 0x400 | 0x800  # CLOEXEC, NONBLOCK, UNLIMITED_QUEUE, REPORT_DIR_FID, REPORT_NAME
_MARK = 0x1 | 0x100  # ADD, FILESYSTEM
_EVENT = struct.Struct("IBBHQii")
_INFO = struct.Struct("BBH8sIi")  # type, pad, length, file system, bytes and type of the handle
_NAMED, _OLD, _NEW = 2, 10, 12
_AT_EMPTY_PATH = 0x1000
_HANDLE_BYTES = 128

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Raw:
    """One event: `places` are pairs of a directory's handle and a name; of a rename, the old and the new."""

    mask: int
    places: tuple[tuple[bytes, bytes], ...]


def begin(directory: int) -> int:
    """A queue of what happens on the file system of an open directory. Raises OSError where that can't be."""
    fd: int = _check(_libc.fanotify_init(_INIT, os.O_RDONLY))
    try:
        path = b"/proc/self/fd/%d" % directory
        _check(_libc.fanotify_mark(fd, _MARK, ctypes.c_uint64(_MASK), -1, path))
        os.close(opened(directory, handle(directory)))
    except BaseException:
        os.close(fd)
        raise
    return fd


def handle(fd: int) -> bytes:
    """The handle of an open directory, as events have it: its type, and its bytes."""
    buffer = ctypes.create_string_buffer(struct.pack("Ii", _HANDLE_BYTES, 0), 8 + _HANDLE_BYTES)
    mount = ctypes.c_int()
    _check(_libc.name_to_handle_at(fd, b"", buffer, ctypes.byref(mount), _AT_EMPTY_PATH))
    size, kind = struct.unpack_from("Ii", buffer.raw)
    return struct.pack("i", kind) + buffer.raw[8 : 8 + size]


def opened(beside: int, of: bytes) -> int:
    """A descriptor of what a handle stands for, seen through the mount that `beside` is on; it names only."""
    buffer = struct.pack("I", len(of) - 4) + of
    return _check(_libc.open_by_handle_at(beside, buffer, os.O_PATH | os.O_CLOEXEC))


def parse(data: bytes) -> Iterator[Raw]:
    """The events of what was read from the queue."""
    position = 0
    while position < len(data):
        length, _, _, start, mask, _, _ = _EVENT.unpack_from(data, position)
        places: dict[int, tuple[bytes, bytes]] = {}
        at, end = position + start, position + length
        while at < end:
            kind, _, size, _, handle_size, handle_type = _INFO.unpack_from(data, at)
            if kind in (_NAMED, _OLD, _NEW):
                body = at + _INFO.size
                name = data[body + handle_size : at + size].partition(b"\0")[0]
                places[kind] = (struct.pack("i", handle_type) + data[body : body + handle_size], name)
            at += size
        yield Raw(mask, tuple(places[kind] for kind in sorted(places)))
        position = end


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
