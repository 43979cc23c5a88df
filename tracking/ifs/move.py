"""Renaming on the copy what was renamed on the source, so that a large file or tree is not carried again."""

import os
import stat

from .entry import look
from .opened import Opened, below
from .paths import parted


def move(opened: Opened, origin: bytes, path: bytes) -> bool:
    """Whether the copy has it under its new name now; that it is the same is for `carry` to see afterwards.

    Only where the source has nothing under the former name any more, and the copy nothing under the new one.
    """
    try:
        with (
            below(opened.source, parted(path)[0]) as here,
            below(opened.copy, parted(origin)[0]) as former,
            below(opened.copy, parted(path)[0]) as there,
        ):
            if look(there, parted(path)[1]) is not None or _there(opened.source, origin):
                return False
            source, copy = look(here, parted(path)[1]), look(former, parted(origin)[1])
            if source is None or copy is None or not _alike(source, copy):
                return False
            os.rename(parted(origin)[1], parted(path)[1], src_dir_fd=former, dst_dir_fd=there)
            return True
    except OSError:
        return False


def _there(top: int, path: bytes) -> bool:
    try:
        with below(top, parted(path)[0]) as fd:
            return look(fd, parted(path)[1]) is not None
    except (FileNotFoundError, NotADirectoryError):
        return False


def _alike(source: os.stat_result, copy: os.stat_result) -> bool:
    """Of one type, and if a file, of one size and time, with one name."""
    if stat.S_IFMT(source.st_mode) != stat.S_IFMT(copy.st_mode):
        return False
    if stat.S_ISDIR(source.st_mode):
        return True
    same = (source.st_size, source.st_mtime_ns) == (copy.st_size, copy.st_mtime_ns)
    return stat.S_ISREG(source.st_mode) and same and source.st_nlink == copy.st_nlink == 1
