"""Carrying and comparing a root whose ends are both on this host."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Event

from . import compare
from .carry import carry
from .changelist import Entry
from .clean import clean
from .compare import CaughtUp
from .difference import CompareOptions, TreeResult
from .exclusions import Exclusions
from .links import Links
from .move import move
from .opened import Identity, Opened
from .outcome import Carried, CarryOptions, Failed
from .paths import parted
from .place import Place
from .roots import exclusions
from .treecopy import Progress, TreeCarried, carry_tree

_FILES_AT_ONCE = 8  # each waits for the disk twice, and the disk does several in one go


class LocalCarrier:
    """See `carrier.Carrier`."""

    def __init__(self, place: Place, jobs: int, wait_seconds: float) -> None:
        self.place = place
        self._jobs, self._wait_seconds = jobs, wait_seconds
        self._links = Links()
        self._pool = ThreadPoolExecutor(_FILES_AT_ONCE, thread_name_prefix="carry")

    @cached_property
    def excluded(self) -> Exclusions:
        """What is left out of the root."""
        return exclusions(self.place.root, self.place.forbidden)

    def identities(self) -> tuple[Identity, Identity]:
        """Of both ends."""
        with self._opened() as opened:
            return opened.identities()

    def clean(self) -> list[bytes]:
        """Remove what a crash has left on the copy."""
        with self._opened() as opened:
            return clean(opened)

    def rename(self, moved: Sequence[Entry]) -> None:
        """So that a large file or tree is not carried again."""
        with self._opened() as opened:
            for entry in moved:
                if move(opened, entry.moved_from, entry.path):
                    carry(opened, parted(entry.moved_from)[0])  # its time of change

    def look(self, entries: Sequence[Entry], stop: Event) -> list[Carried | Failed]:
        """Several at once; none is broken off."""
        with self._opened() as opened:
            return list(self._pool.map(lambda entry: self._carry(opened, entry), entries))

    def join_names(self) -> list[Failed]:
        """Of files that have got a further name: they become one file on the copy, too."""
        if not self._links.incomplete:
            return []
        options = CarryOptions(wait_seconds=self._wait_seconds)
        with self._opened() as opened:
            found = [carry(opened, path, options, self._links) for path in self._links.find_unknown(opened)]
        return [each for each in found if isinstance(each, Failed)]

    def walk(self, path: bytes, progress: Progress | None, stop: Event) -> TreeCarried:
        """By several processes."""
        return carry_tree(
            self.place.root, self.place.forbidden, CarryOptions(self._wait_seconds, trust_times=True),
            path=path, known=self.place.known, links=self._links, jobs=self._jobs, progress=progress,
            stop=stop,
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
        with self._opened() as opened:
            return compare.compare_trees(
                opened, options, path=path, caught_up=caught_up, progress=progress, stop=stop
            )

    def compare_paths(
        self,
        paths: Sequence[bytes],
        options: CompareOptions | None = None,
        *,
        caught_up: CaughtUp | None = None,
        stop: Event | None = None,
    ) -> TreeResult:
        """These only."""
        with self._opened() as opened:
            return compare.compare_paths(opened, paths, options, caught_up=caught_up, stop=stop)

    def dangling(self, paths: Iterable[bytes]) -> list[tuple[bytes, str]]:
        """Which do not lead to an object on the copy."""
        with self._opened() as opened:
            return compare.dangling(opened, paths)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown(cancel_futures=True)

    def _opened(self) -> Opened:
        return Opened(self.place.root, self.place.forbidden, self.place.known)

    def _carry(self, opened: Opened, entry: Entry) -> Carried | Failed:
        options = CarryOptions(wait_seconds=self._wait_seconds, trust_times=not entry.content)
        return carry(opened, entry.path, options, self._links)
