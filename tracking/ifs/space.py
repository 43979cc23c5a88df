"""How full the file system is that has a root's copy, here or on another host."""

import os
from dataclasses import dataclass
from pathlib import Path

from .host import Connection, Refused
from .watching import RootGone

_ASK = 'cd -P -- "$1" && stat -f -c "%b %a %S" .'
_SECONDS = 10.0


@dataclass(frozen=True)
class Space:
    """Bytes in all, and those that are free for others than root."""

    total_bytes: int
    free_bytes: int


def space_here(directory: Path) -> Space:
    """Of a directory on this host. Raises `RootGone`."""
    try:
        seen = os.statvfs(directory)
    except OSError as error:
        raise RootGone(f"{directory}: {error.strerror}") from error
    return Space(seen.f_blocks * seen.f_frsize, seen.f_bavail * seen.f_frsize)


def space_there(connection: Connection, directory: Path) -> Space:
    """Of a directory on another host. Raises `RootGone`, and `NotReached` after 10 s."""
    try:
        said = connection.run(_ASK, str(directory), seconds=_SECONDS)
    except Refused as error:
        raise RootGone(f"{directory} on {connection.host.host}: {error}") from error
    blocks, free, size = map(int, said.split())
    return Space(blocks * size, free * size)
