"""What a file holds, from one descriptor to another: shared, copied by the kernel, with its holes."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from . import temporary

_FICLONE = 0x40049409  # ioctl_ficlone(2)
_AT_ONCE = 64 << 20
_SMALL = 128 << 10
_NOT_SHARED = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.ETXTBSY}
)
_NOT_BY_KERNEL = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
_unshared: set[tuple[int, int]] = set()  # pairs of devices that have said so
_sharing: dict[int, bool] = {}


def wait_for_write(fd: int, size: int) -> None:
    """Wait until a write that is being carried out has ended, on the file systems that lock a file for it.

    The time of modification is set when a write begins. So one that had begun before a look at the times,
    and goes on while the file is read, would not be noticed by another look.
    """
    if size:
        with suppress(OSError):
            os.lseek(fd, 0, os.SEEK_DATA)


def copy(source: int, target: int, status: os.stat_result) -> int:
    """Make an empty file hold what the source holds; returns the bytes that were copied.

    Where the file system can share blocks, nothing is. A source that grows or shrinks meanwhile is for the
    caller to notice, by a look that is later than this and `status`.
    """
    size = status.st_size
    wait_for_write(source, size)
    if size <= _SMALL and not _sparse(status):
        return _small(source, target, size)
    if share(source, target, status):
        return 0
    copied = sum(
        _range(source, target, start, end)
        for start, end in (data_ranges(source, size) if _sparse(status) else [(0, size)])
    )
    os.ftruncate(target, size)
    return copied


def can_share(directory: int) -> bool:
    """Whether files of the directory's file system can share blocks with each other; tried once."""
    device = os.fstat(directory).st_dev
    if device not in _sharing:
        with temporary.created(directory) as (_, one), temporary.created(directory) as (_, other):
            _sharing[device] = share(one, other, os.fstat(one))
    return _sharing[device]


def share(source: int, target: int, status: os.stat_result) -> bool:
    """Let the target share all blocks of the source (a reflink), if their file system can."""
    devices = (status.st_dev, os.fstat(target).st_dev)
    if devices in _unshared:
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
        return True
    except OSError as error:
        if error.errno not in _NOT_SHARED:
            raise
        if error.errno in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV):
            _unshared.add(devices)
        return False


def data_ranges(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Where there is data, as (start, end); between them are holes."""
    position = 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a hole up to the end
                return
            yield position, size  # the file system does not know
            return
        position = min(os.lseek(fd, start, os.SEEK_HOLE), size)
        if start < position:
            yield start, position
        if position <= start:
            return


def read_at(fd: int, length: int, position: int) -> bytes:
    """So many bytes, fewer only at the end of the file."""
    first = os.pread(fd, length, position)
    if len(first) in (0, length):
        return first
    parts = [first]
    while missing := length - sum(map(len, parts)):
        part = os.pread(fd, missing, position + length - missing)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def write_at(fd: int, data: bytes, position: int) -> None:
    """All of it."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, position)
        view, position = view[written:], position + written


def _sparse(status: os.stat_result) -> bool:
    return status.st_blocks * 512 < status.st_size


def _small(source: int, target: int, size: int) -> int:
    data = os.pread(source, size, 0) if size else b""
    write_at(target, data, 0)
    return len(data)


def _range(source: int, target: int, start: int, end: int) -> int:
    """Copy a range; less where the source ends before it."""
    position = start
    ways = chain((_by_kernel, _by_sendfile), iter(lambda: _by_hand, None))
    way = next(ways)
    while position < end:
        try:
            copied = way(source, target, position, min(end - position, _AT_ONCE))
        except OSError as error:
            if way is _by_hand or error.errno not in _NOT_BY_KERNEL:
                raise
            way = next(ways)
            continue
        if not copied:
            # Some file systems say 0 where they mean that they cannot.
            if way is _by_hand:
                break
            way = next(ways)
        position += copied
    return position - start


def _by_kernel(source: int, target: int, position: int, length: int) -> int:
    return os.copy_file_range(source, target, length, position, position)


def _by_sendfile(source: int, target: int, position: int, length: int) -> int:
    os.lseek(target, position, os.SEEK_SET)
    return os.sendfile(target, source, position, length)


def _by_hand(source: int, target: int, position: int, length: int) -> int:
    data = os.pread(source, min(length, 1 << 20), position)
    write_at(target, data, position)
    return len(data)
