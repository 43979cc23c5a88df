"""Both ends of a root whose copy is on another host: the source, open here, and the way there."""

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from types import TracebackType

from .exclusions import Exclusions
from .host import Connection, Refused
from .opened import Identity, identity, open_end
from .paths import parted, shown
from .roots import Root, exclusions
from .rsync import Ran, metadata, push
from .temporary import is_temporary, new_name
from .watching import RootGone

_IDENTITY = 'cd -P -- "$1" && stat -c "%d %i" .'
_SYNC = 'cd -P -- "$1" && { sync -f . 2>/dev/null || sync; }'


class Sending:
    """A root with its source open. `known`: as in `Opened`, of the copy as its own host numbers it.

    `forbidden` are paths on this host that are never touched, `forbidden_there` those on the other. Raises
    `RootGone` and `NotReached`.
    """

    def __init__(
        self,
        root: Root,
        connection: Connection,
        forbidden: Sequence[Path] = (),
        forbidden_there: Sequence[Path] = (),
        known: tuple[Identity | None, Identity | None] = (None, None),
    ) -> None:
        self.root, self.connection = root, connection
        self.here, self.there = os.fsencode(root.source), os.fsencode(root.copy)
        self.excluded = left_out(root, forbidden, forbidden_there)
        self.copy = self._identity(known[1])
        self.source = open_end(root.source, known[0])

    def identities(self) -> tuple[Identity, Identity]:
        """Of both ends, to be kept and given as `known` later."""
        return identity(self.source), self.copy

    def options(self, *more: str, durable: bool = False) -> list[str]:
        """Of rsync. A directory of the copy goes with what is in it, unless something may be left out."""
        force = ["--force"] if self.excluded.plain else []
        return [*metadata(self.connection, durable), *force, *more]

    def push_named(self, options: Sequence[str], names: Sequence[bytes], stop: Event | None = None) -> Ran:
        """These paths, the directories that lead to them, and the root: itself, without its content."""
        # With ./ before a name, the root is one of the directories that lead to it.
        below = [name for name in names if name] or [new_name()]
        return push(self.connection, options, self.here, self.there, [b"./" + below[0], *below[1:]], stop)

    def stays(self, path: bytes, is_dir: bool) -> bool:
        """Whether it is left out; temporary names are, but go with their directory."""
        return self.excluded(path, is_dir) and not is_temporary(parted(path)[1])

    def sync(self) -> None:
        """Everything that was written to the copy's file system is on disk when this returns."""
        try:
            self.connection.run(_SYNC, str(self.root.copy))
        except Refused as error:
            raise OSError(f"the copy's file system could not be synced: {error}") from error

    def __enter__(self) -> "Sending":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.source)

    def _identity(self, known: Identity | None) -> Identity:
        name = f"{shown(self.there)} on {self.connection.host.host}"
        try:
            device, inode = self.connection.run(_IDENTITY, str(self.root.copy)).split()
        except Refused as error:
            raise RootGone(f"{name}: {error}; needed is a directory") from error
        found = Identity(int(device), int(inode))
        if known is not None and found != known:
            raise RootGone(
                f"{name} is another directory than when tracking began: device and inode are "
                f"{found.device}, {found.inode}; needed are {known.device}, {known.inode}"
            )
        return found


def left_out(root: Root, forbidden: Sequence[Path], there: Sequence[Path]) -> Exclusions:
    """By patterns, and what lies below an end of what is never touched on its host.

    The copy's path means nothing on this host, so its trees are told by their names.
    """
    here = exclusions(Root(root.source, root.source, root.exclusions), forbidden)
    inside = {os.fsencode(path.relative_to(root.copy)) for path in there if path.is_relative_to(root.copy)}
    return here.and_trees(inside - {b"."})
