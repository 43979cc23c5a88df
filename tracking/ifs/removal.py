"""Removing what the source has not any more: by descriptors, whatever the tree is meanwhile."""

import os
import stat
from contextlib import suppress

from .opened import DIRECTORY, open_below
from .paths import joined, parted
from .temporary import is_temporary
from .watching import Excluded


def remove(top: int, path: bytes, excluded: Excluded) -> bool:
    """Remove an object below the open root `top`, a directory with what is in it.

    What is left out of the root stays, and with it the directories it is in. Returns whether all is gone;
    raises OSError where something cannot be removed.
    """
    stack: list[tuple[bytes, bool]] = [(path, False)]
    while stack:
        at, emptied = stack.pop()
        directory, name = parted(at)
        try:
            parent = open_below(top, directory)
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            if emptied:
                with suppress(FileNotFoundError):
                    _remove_directory(parent, name)
            elif _is_directory(parent, name):
                stack.append((at, True))
                stack += [(below, False) for below in _clear(parent, at, excluded)]
            else:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=parent)
        finally:
            os.close(parent)
    return not _exists(top, path)


def _clear(parent: int, path: bytes, excluded: Excluded) -> list[bytes]:
    """Remove the files of a directory; returns the directories in it."""
    inner = []
    try:
        fd = os.open(parted(path)[1], DIRECTORY, dir_fd=parent)
    except (FileNotFoundError, NotADirectoryError):
        return []
    try:
        for name in map(os.fsencode, os.listdir(fd)):
            below = joined(path, name)
            is_dir = _is_directory(fd, name)
            if _stays(below, is_dir, excluded):
                continue
            if is_dir:
                inner.append(below)
            else:
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=fd)
    finally:
        os.close(fd)
    return inner


def _remove_directory(parent: int, name: bytes) -> None:
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError:
        # Not empty: what is left out is in it, or somebody has made something meanwhile.
        fd = os.open(name, DIRECTORY, dir_fd=parent)
        try:
            if not os.listdir(fd):
                raise
        finally:
            os.close(fd)


def _stays(path: bytes, is_dir: bool, excluded: Excluded) -> bool:
    # Temporary names are left out of a root, but go with their directory.
    return excluded(path, is_dir) and not is_temporary(parted(path)[1])


def _is_directory(directory: int, name: bytes) -> bool:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode)


def _exists(top: int, path: bytes) -> bool:
    directory, name = parted(path)
    try:
        parent = open_below(top, directory)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
        return True
    except FileNotFoundError:
        return False
    finally:
        os.close(parent)
