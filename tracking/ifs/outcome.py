"""What carrying a path is asked and what it answers; errors in words."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from .paths import shown

Sync = Literal["path", "later"]
What = Literal["created", "content", "metadata", "same", "linked", "replaced", "removed", "excluded"]
UNWRITTEN: tuple[What, ...] = ("same", "excluded")


@dataclass(frozen=True)
class CarryOptions:
    """How a path is carried.

    `wait_seconds`: how long a file that changes while it is read is tried again (SAVACTWAIT). `sync`: each
    object and its directory are on disk when it is done, or all are after `Opened.sync`. `trust_times`: a
    file of the same size and time of modification is the same, which is not so when it was written twice
    within a tick of the kernel's clock, or its times were set: only for a walk that is a safety net, or
    where nothing but attributes can have changed. `large_bytes`: from this size on, only the blocks that
    differ are written.
    """

    wait_seconds: float = 30.0
    sync: Sync = "path"
    trust_times: bool = False
    large_bytes: int = 8 << 20
    block_bytes: int = 128 << 10


@dataclass(frozen=True)
class Carried:
    """The copy is as the source was: what had to be done, and how many bytes of content were written.

    `lacking`: what could not be given to it, with reasons, as an owner without the right to give files away.
    `size` in bytes, of a regular file.
    """

    path: bytes
    type: str
    what: What
    bytes: int = 0
    lacking: tuple[str, ...] = ()
    size: int | None = None


@dataclass(frozen=True)
class Failed:
    """The copy is as it was before. `retryable`: it may go better by itself later.

    `changing`: it was written to all the time that it was read.
    """

    path: bytes
    type: str
    reason: str
    retryable: bool
    changing: bool = False


class Stopped(Exception):
    """It was asked to stop, and has: what was done by then is whole."""


class Changed(Exception):
    """The object became another one while it was looked at: look again."""


RETRYABLE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR,
     errno.EAGAIN, errno.EBUSY, errno.ESTALE, errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.ETIMEDOUT}
)  # fmt: skip


@contextmanager
def on(side: str) -> Iterator[None]:
    """Errors in here are the source's, or the copy's."""
    try:
        yield
    except OSError as error:
        if not hasattr(error, "__notes__"):
            error.add_note(side)
        raise


def failed(path: bytes, kind: str, error: OSError, copy: int) -> Failed:
    """The error in words; `copy` is a descriptor on the copy's file system."""
    side = getattr(error, "__notes__", ["copy"])[0]
    return Failed(path, kind, f"{shown(path)}: {_words(error, side, copy)}", error.errno in RETRYABLE)


def _words(error: OSError, side: str, copy: int) -> str:
    if error.errno == errno.ENOSPC:
        left = os.fstatvfs(copy)
        free = left.f_bavail * left.f_frsize
        return f"no space on the copy: {free:,} bytes and {left.f_favail:,} files are free; needed is more"
    if error.errno == errno.EDQUOT:
        return f"no space on the copy: the quota of uid {os.geteuid()} is used up"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"permission denied on the {side}: uid {os.geteuid()} needs the right"
    if error.errno == errno.EROFS:
        return "the copy's file system is read-only; needed is one that can be written to"
    return f"the {side} says: {error.strerror or error}"
