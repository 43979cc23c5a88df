"""What is to be done so that the copy of a path is what the source has there."""

import os
import stat
from dataclasses import dataclass
from typing import Literal

from . import content
from .entry import INELIGIBLE, STMF, look, type_of
from .opened import open_below
from .outcome import Changed, on
from .paths import parted
from .regular import open_source
from .sending import Sending

Do = Literal["bring", "remove", "leave", "refuse"]
ABSENT = "*NONE"
_LOOKS = 10


@dataclass(frozen=True)
class Aim:
    """`target` is what rsync is told: the path, or the first part of it that is no directory on the source.

    So nothing is ever removed below a name that the source has not as a directory: on the copy, that name
    could be a link to somewhere else. `status` is the target's; None: the source has it not.
    """

    path: bytes
    target: bytes
    status: os.stat_result | None
    do: Do

    @property
    def type(self) -> str:
        """Of what the source has at the path."""
        return type_of(self.status.st_mode) if self.status and self.target == self.path else ABSENT

    @property
    def version(self) -> tuple[int, ...]:
        """Another one: the source has changed. What is in a directory is told by itself."""
        now = self.status
        if now is None:
            return ()
        if stat.S_ISDIR(now.st_mode):
            return (now.st_mode, now.st_uid, now.st_gid)
        return (now.st_ino, now.st_mode, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


def aim(sending: Sending, path: bytes, settled: bool = False) -> Aim:
    """Look at the source. `settled`: a write to a file that is under way comes to its end first.

    Raises OSError.
    """
    for _ in range(_LOOKS):
        try:
            return _aim(sending, path, settled)
        except Changed:
            continue
    with on("source"):
        raise BlockingIOError(f"it was another object each of the {_LOOKS} times that it was looked at")


def _aim(sending: Sending, path: bytes, settled: bool) -> Aim:
    if not path:
        return Aim(path, path, os.fstat(sending.source), "bring")
    target, status = _first(sending, path, settled)
    mode = status.st_mode if status else 0
    if sending.excluded(path, stat.S_ISDIR(mode)) or sending.excluded(target, stat.S_ISDIR(mode)):
        return Aim(path, target, status, "leave")
    if status is None:
        return Aim(path, target, None, "remove")
    ineligible = type_of(mode) in (*INELIGIBLE, type_of(0))
    return Aim(path, target, status, "refuse" if ineligible else "bring")


def _first(sending: Sending, path: bytes, settled: bool) -> tuple[bytes, os.stat_result | None]:
    """The path, or the first part of it that is no directory."""
    directory, name = parted(path)
    with on("source"):
        try:
            fd = open_below(sending.source, directory)
        except (FileNotFoundError, NotADirectoryError):
            first, status = _first(sending, directory, settled)
            if status is not None and stat.S_ISDIR(status.st_mode):
                raise Changed from None
            return first, status
        try:
            status = look(fd, name)
            if settled and status is not None and type_of(status.st_mode) == STMF and status.st_size:
                _settle(fd, name, status.st_size)
            return path, status
        finally:
            os.close(fd)


def _settle(directory: int, name: bytes, size: int) -> None:
    fd = open_source(directory, name)
    try:
        content.wait_for_write(fd, size)
    finally:
        os.close(fd)
