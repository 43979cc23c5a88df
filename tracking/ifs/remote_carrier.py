"""Carrying and comparing a root whose copy is on another host, over one connection."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from threading import Event

from . import far_paths, remote_compare
from .changelist import Entry
from .compare import CaughtUp
from .difference import CompareOptions, TreeResult
from .exclusions import Exclusions
from .host import Connection, Host
from .links import Links
from .opened import Identity
from .outcome import Carried, CarryOptions, Failed
from .place import Place
from .remote_carry import carry_paths
from .remote_tree import carry_tree
from .sending import Sending, left_out
from .treecopy import Progress, TreeCarried


class RemoteCarrier:
    """See `carrier.Carrier`."""

    def __init__(self, place: Place, host: Host, wait_seconds: float) -> None:
        self.place = place
        self._wait_seconds = wait_seconds
        self._links = Links()
        self._connection = Connection(host)

    @cached_property
    def excluded(self) -> Exclusions:
        """What is left out of the root."""
        return left_out(self.place.root, self.place.forbidden, self.place.forbidden_there)

    def identities(self) -> tuple[Identity, Identity]:
        """Of both ends."""
        with self._sending() as sending:
            return sending.identities()

    def clean(self) -> list[bytes]:
        """Nothing: what an rsync that was killed there has left is an extra name for the next walk."""
        return []

    def rename(self, moved: Sequence[Entry]) -> None:
        """Not done: it comes under its new name, and goes under the former one."""

    def look(self, entries: Sequence[Entry], stop: Event) -> list[Carried | Failed]:
        """Many names at a time; those whose content cannot have changed are not read."""
        found: dict[bytes, Carried | Failed] = {}
        for content in (True, False):
            paths = [entry.path for entry in entries if entry.content == content]
            found |= dict(zip(paths, self._carry(paths, not content, stop), strict=True))
        return [found[entry.path] for entry in entries]

    def join_names(self) -> list[Failed]:
        """Of files that have got a further name: they become one file on the copy, too."""
        if not self._links.incomplete:
            return []
        with self._sending() as sending:
            paths = self._links.find_unknown(sending)
        return [each for each in self._carry(paths, False, None) if isinstance(each, Failed)]

    def walk(self, path: bytes, progress: Progress | None, stop: Event) -> TreeCarried:
        """By batches of names."""
        place, options = self.place, CarryOptions(self._wait_seconds, trust_times=True)
        return carry_tree(
            place.root, self._connection, place.forbidden, options, forbidden_there=place.forbidden_there,
            path=path, known=place.known, links=self._links, progress=progress, stop=stop,
        )  # fmt: skip

    def compare_tree(
        self,
        options: CompareOptions | None = None,
        *,
        path: bytes = b"",
        caught_up: CaughtUp | None = None,
        progress: Progress | None = None,
        stop: Event | None = None,
    ) -> TreeResult:
        """A directory and all that is below it."""
        place = self.place
        return remote_compare.compare_tree(
            place.root, self._connection, options, forbidden=place.forbidden,
            forbidden_there=place.forbidden_there, known=place.known, path=path, caught_up=caught_up,
            progress=progress, stop=stop,
        )  # fmt: skip

    def compare_paths(
        self,
        paths: Sequence[bytes],
        options: CompareOptions | None = None,
        *,
        caught_up: CaughtUp | None = None,
        stop: Event | None = None,
    ) -> TreeResult:
        """These only."""
        place = self.place
        return remote_compare.compare_paths(
            place.root, self._connection, paths, options, forbidden=place.forbidden,
            forbidden_there=place.forbidden_there, known=place.known, caught_up=caught_up, stop=stop,
        )  # fmt: skip

    def dangling(self, paths: Iterable[bytes]) -> list[tuple[bytes, str]]:
        """Which do not lead to an object on the copy."""
        with self._sending() as sending:
            return far_paths.dangling(sending, paths)

    def close(self) -> None:
        """End the connection, and forget the key."""
        self._connection.close()

    def _carry(self, paths: Sequence[bytes], trust_times: bool, stop: Event | None) -> list[Carried | Failed]:
        if not paths:
            return []
        place, options = self.place, CarryOptions(self._wait_seconds, trust_times=trust_times)
        return carry_paths(
            place.root, self._connection, paths, options, forbidden=place.forbidden,
            forbidden_there=place.forbidden_there, known=place.known, links=self._links, stop=stop,
        )  # fmt: skip

    def _sending(self) -> Sending:
        place = self.place
        return Sending(place.root, self._connection, place.forbidden, place.forbidden_there, place.known)
