"""An object below a root: its type in IBM's words, and what is known of it without reading it."""

import os
import stat
from dataclasses import dataclass

# The types of IBM i's integrated file system.
STMF, DIR, SYMLNK, FIFO, CHRSF, SOCKET, BLKSF = (
    "*STMF", "*DIR", "*SYMLNK", "*FIFO", "*CHRSF", "*SOCKET", "*BLKSF",
)  # fmt: skip
_TYPES = {
    stat.S_IFREG: STMF, stat.S_IFDIR: DIR, stat.S_IFLNK: SYMLNK, stat.S_IFIFO: FIFO,
    stat.S_IFCHR: CHRSF, stat.S_IFSOCK: SOCKET, stat.S_IFBLK: BLKSF,
}  # fmt: skip
INELIGIBLE = {SOCKET: "a socket belongs to its process", BLKSF: "a block device belongs to its host"}
CARRIED_TYPES = tuple(kind for kind in _TYPES.values() if kind not in INELIGIBLE)

Link = tuple[int, int]


def type_of(mode: int) -> str:
    """The type, of a mode as stat(2) has it."""
    return _TYPES.get(stat.S_IFMT(mode), "*UNKNOWN")


@dataclass(frozen=True, slots=True)
class Entry:
    """An object at a path; `status` is that of the object itself, never of what a link points to."""

    path: bytes
    status: os.stat_result

    @property
    def type(self) -> str:
        """In IBM's words."""
        return type_of(self.status.st_mode)

    @property
    def link(self) -> Link | None:
        """(device, inode) of a file that has several names; else None."""
        return link_of(self.status)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that cannot be looked at, with all that is below it, and why."""

    path: bytes
    type: str
    reason: str


def link_of(status: os.stat_result) -> Link | None:
    """(device, inode) of a file that has several names; else None."""
    several = status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode)
    return (status.st_dev, status.st_ino) if several else None


def look(directory: int, name: bytes) -> os.stat_result | None:
    """The status of a name in a directory; None where there is no such name."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None
