"""Which parts of a large file differ from an earlier copy of it, and writing just those."""

import ctypes
import os
from collections.abc import Iterator

from .content import data_ranges, read_at, wait_for_write, write_at

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_PUNCH_HOLE = 3  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
_READ = 1 << 20

Range = tuple[int, int]


def differing(
    source: int, size: int, copy: int, copy_size: int, block: int, limit: int | None = None
) -> list[Range] | None:
    """Where the first `size` bytes of the source differ from the copy, in whole blocks, side by side joined.

    What lies behind the end of the copy differs wherever the source has data. None: more than `limit` bytes
    do, so far.
    """
    wait_for_write(source, size)
    found: list[Range] = []
    total = 0
    for start, end in _differing(source, size, copy, copy_size, block):
        total += end - start
        if limit is not None and total > limit:
            return None
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def bring(source: int, target: int, ranges: list[Range], size: int) -> int:
    """Make the target equal to the source in these ranges, and of this size; returns the bytes written."""
    written = 0
    os.ftruncate(target, size)
    for start, end in ranges:
        position = start
        while position < end:
            data = read_at(source, min(_READ, end - position), position)
            if not data:
                break
            if data.count(0) == len(data) and _punch(target, position, len(data)):
                position += len(data)
                continue
            write_at(target, data, position)
            written += len(data)
            position += len(data)
    return written


def _differing(source: int, size: int, copy: int, copy_size: int, block: int) -> Iterator[Range]:
    common = min(size, copy_size)
    for start, end in _joined([*data_ranges(source, common), *data_ranges(copy, common)], block, common):
        position = start
        while position < end:
            length = min(_READ // block * block or block, end - position)
            here, there = read_at(source, length, position), read_at(copy, length, position)
            if here != there:
                for offset in range(0, length, block):
                    if here[offset : offset + block] != there[offset : offset + block]:
                        yield position + offset, min(position + offset + block, position + length)
            position += length
    if size > common:
        for start, end in data_ranges(source, size):
            if end > common:
                yield max(start, common), end


def _joined(ranges: list[Range], block: int, size: int) -> list[Range]:
    """In order and without overlaps, beginning at whole blocks."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        start -= start % block
        end = min(-(-end // block) * block, size)
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _punch(fd: int, position: int, length: int) -> bool:
    return int(_fallocate(fd, _PUNCH_HOLE, position, length)) == 0
