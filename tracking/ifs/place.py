"""Where the files of a root are carried from and to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .host import Host
from .opened import Identity
from .roots import Root

Known = tuple[Identity | None, Identity | None]


@dataclass(frozen=True)
class Place:
    """What is carried: a root by its number on the list, its ends, and what they were when tracking began.

    `host` has the copy; None: this one. `forbidden` are paths on this host that are never touched,
    `forbidden_there` those on the other.
    """

    number: int
    root: Root
    forbidden: Sequence[Path] = ()
    known: Known = (None, None)
    host: Host | None = None
    forbidden_there: Sequence[Path] = ()
