"""Walking a tree by descriptors: no link is followed, no path is too long, nobody's change is fatal."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from .entry import DIR, Entry, Unreadable, type_of
from .opened import DIRECTORY, open_below
from .paths import joined, parted
from .watching import Excluded

_HELD = 100  # descriptors that a walk holds at most, beside the one it reads
# File systems that are the kernel's own, wherever they are mounted.
_KERNEL = frozenset(
    {
        "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
        "fusectl", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs",
        "tracefs",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """A directory's content: `fd` is open until the walk goes on."""

    path: bytes
    fd: int
    entries: list[Entry] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def walk(top: int, excluded: Excluded, path: bytes = b"") -> Iterator[Entry | Unreadable]:
    """Everything below the directory `path` of the open root `top`, a directory before what is in it.

    What cannot be read is one `Unreadable`, and the rest goes on; what vanishes meanwhile is left out.
    Mounted file systems are entered, but for the kernel's own.
    """
    for listed in directories(top, excluded, path):
        yield from listed.unreadable
        yield from listed.entries


def directories(top: int, excluded: Excluded, path: bytes = b"") -> Iterator[Listed]:
    """As `walk`, a directory at a time. Raises OSError where `path` itself cannot be opened."""
    kernel = kernel_devices()
    stack: list[tuple[bytes, int]] = [(path, open_below(top, path))]
    held = 1
    try:
        while stack:
            at, fd = stack.pop()
            held -= fd >= 0
            try:
                if fd < 0:
                    fd = open_below(top, at)
            except OSError as error:
                if not _gone(error):
                    yield Listed(at, -1, [], [_unreadable(at, error)])
                continue
            try:
                listed = list_directory(fd, at, excluded, kernel)
                yield listed
                for entry in reversed(listed.entries):
                    if entry.type == DIR:
                        inner, failure = _enter(fd, entry.path) if held < _HELD else (-1, None)
                        if failure is not None:
                            yield Listed(entry.path, -1, [], [failure])
                        elif inner >= 0 or held >= _HELD:
                            stack.append((entry.path, inner))
                            held += inner >= 0
            finally:
                os.close(fd)
    finally:
        for _, fd in stack:
            if fd >= 0:
                os.close(fd)


def list_directory(fd: int, path: bytes, excluded: Excluded, kernel: frozenset[int] | None = None) -> Listed:
    """What is in an open directory, in the order of names."""
    listed = Listed(path, fd)
    kernel = kernel_devices() if kernel is None else kernel
    try:
        names = sorted(os.listdir(fd))
    except OSError as error:
        listed.unreadable.append(_unreadable(path, error))
        return listed
    for name in names:
        below = joined(path, os.fsencode(name))
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            listed.unreadable.append(Unreadable(below, "*UNKNOWN", _reason(error)))
            continue
        is_dir = stat.S_ISDIR(status.st_mode)
        if excluded(below, is_dir) or (is_dir and status.st_dev in kernel):
            continue
        listed.entries.append(Entry(below, status))
    return listed


def kernel_devices() -> frozenset[int]:
    """The device numbers of the file systems that are the kernel's own, as they are mounted now."""
    try:
        table = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return frozenset()
    return _kernel_devices(table)


@cache
def _kernel_devices(table: bytes) -> frozenset[int]:
    found = set()
    for line in table.splitlines():
        mount, _, system = line.partition(b" - ")
        if os.fsdecode(system.split(b" ")[0]) in _KERNEL:
            major, minor = mount.split(b" ")[2].split(b":")
            found.add(os.makedev(int(major), int(minor)))
    return frozenset(found)


def _enter(fd: int, path: bytes) -> tuple[int, Unreadable | None]:
    try:
        return os.open(parted(path)[1], DIRECTORY, dir_fd=fd), None
    except OSError as error:
        return -1, None if _gone(error) else _unreadable(path, error)


def _gone(error: OSError) -> bool:
    return isinstance(error, FileNotFoundError | NotADirectoryError)


def _unreadable(path: bytes, error: OSError) -> Unreadable:
    return Unreadable(path, type_of(stat.S_IFDIR), _reason(error))


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"permission denied: uid {os.geteuid()} may not read it"
    return error.strerror or str(error)
