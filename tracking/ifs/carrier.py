"""Carrying the files of a root and comparing them, wherever the copy is: on this host or on another."""

from collections.abc import Iterable, Sequence
from threading import Event
from typing import Protocol

from .changelist import Entry
from .compare import CaughtUp
from .difference import CompareOptions, TreeResult
from .exclusions import Exclusions
from .local_carrier import LocalCarrier
from .opened import Identity
from .outcome import Carried, Failed
from .place import Place
from .remote_carrier import RemoteCarrier
from .treecopy import Progress, TreeCarried


class Carrier(Protocol):
    """Works on one root, whose ends are opened anew by every call; each of them raises `RootGone`.

    Where the copy is on another host, each raises `NotReached`, too: what was carried by then is whole.
    One carries at a time; others may compare and look meanwhile.
    """

    @property
    def place(self) -> Place:
        """What it works on."""

    @property
    def excluded(self) -> Exclusions:
        """What is left out of the root."""

    def identities(self) -> tuple[Identity, Identity]:
        """Which directories both ends are, each as its own host numbers it."""

    def clean(self) -> list[bytes]:
        """Remove what a crash has left on the copy; returns its paths. To be called before anything else."""

    def rename(self, moved: Sequence[Entry]) -> None:
        """Rename on the copy what was renamed on the source, as far as that can be done."""

    def look(self, entries: Sequence[Entry], stop: Event) -> list[Carried | Failed]:
        """Make the copy of each of these paths what the source has there; the answers are in their order.

        Raises `Stopped` where `stop` is heeded in the middle.
        """

    def join_names(self) -> list[Failed]:
        """Files that have got a further name become one file on the copy, too; returns what failed."""

    def walk(self, path: bytes, progress: Progress | None, stop: Event) -> TreeCarried:
        """The same for a directory and all that is below it, by size and times."""

    def compare_tree(
        self,
        options: CompareOptions | None = None,
        *,
        path: bytes = b"",
        caught_up: CaughtUp | None = None,
        progress: Progress | None = None,
        stop: Event | None = None,
    ) -> TreeResult:
        """Compare a directory and all that is below it; see `compare.compare_trees`."""

    def compare_paths(
        self,
        paths: Sequence[bytes],
        options: CompareOptions | None = None,
        *,
        caught_up: CaughtUp | None = None,
        stop: Event | None = None,
    ) -> TreeResult:
        """Compare these paths only."""

    def dangling(self, paths: Iterable[bytes]) -> list[tuple[bytes, str]]:
        """Which of these do not lead to an object on the copy, each with the reason; no link is followed."""

    def close(self) -> None:
        """Wait for what is under way, and end the connection if there is one."""


def carrier(place: Place, jobs: int = 1, wait_seconds: float = 30.0) -> Carrier:
    """Whoever works on a root; to be closed.

    `jobs` processes do a walk on one host. `wait_seconds`: how long a file that changes while it is read is
    tried again.
    """
    if place.host is None:
        return LocalCarrier(place, jobs, wait_seconds)
    return RemoteCarrier(place, place.host, wait_seconds)
