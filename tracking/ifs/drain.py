"""Carrying what stands on a root's list, a batch at a time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from nodes.postgres.connect import Connection

from . import history
from .carry import carry
from .changelist import Entry, FileList, Owed
from .history import Migrated
from .links import Links
from .move import move
from .opened import Identity, Opened
from .outcome import Carried, CarryOptions, Failed
from .paths import parted
from .roots import Root
from .treecopy import Progress, TreeCarried, carry_tree
from .watching import below

_AT_ONCE = 256
_FILES_AT_ONCE = 16  # each waits for the disk twice, and the disk does several in one go
_LATER_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)


@dataclass(frozen=True)
class Place:
    """What is carried: a root by its number on the list, its ends, and what they were when tracking began."""

    number: int
    root: Root
    forbidden: Sequence[Path] = ()
    known: tuple[Identity | None, Identity | None] = (None, None)

    def opened(self) -> Opened:
        """Both ends; raises `RootGone`."""
        return Opened(self.root, self.forbidden, self.known)


@dataclass
class Batch:
    """What became of the entries of a batch: looked at one by one, or walked with all that is below them."""

    carried: list[Carried] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    walked: list[tuple[Entry, TreeCarried]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.carried or self.failed or self.walked)


class Drain:
    """Takes from the list of a root and carries; one at a time for each root.

    While a walk, which `jobs` processes do, is under way nothing else is carried, so that it cannot take back
    what is newer.
    """

    def __init__(self, portal: Connection, place: Place, job: str, jobs: int, wait_seconds: float) -> None:
        self._portal = portal
        self._place = place
        self._list = FileList(portal, place.number, job)
        self._jobs = jobs
        self._wait_seconds = wait_seconds
        self._links = Links()
        self._pool = ThreadPoolExecutor(_FILES_AT_ONCE, thread_name_prefix="carry")

    def owed(self) -> Owed:
        """How much is left."""
        return self._list.owed()

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown(cancel_futures=True)

    def batch(self, stop: Event, progress: Progress | None = None, *, first: bool = False) -> Batch:
        """Carry what is due, if anything is; what `stop` interrupts stays on the list.

        `first`: the first copy, whose files are not in the history one by one. Raises `RootGone`, and psycopg
        errors where the portal's database is away.
        """
        entries = self._list.take(_AT_ONCE)
        result = Batch()
        self._move(entries)
        if looks := [entry for entry in entries if not entry.walk]:
            self._look(looks, result)
        walks = sorted((entry for entry in entries if entry.walk), key=lambda entry: len(entry.path))
        while walks and not stop.is_set():
            walks = self._walk(walks, result, stop, progress, first)
        if walks:
            self._list.hand_back(walks)
        return result

    def _other_names(self, opened: Opened) -> list[Carried | Failed]:
        """Of files that have got a further name: they become one file on the copy, too."""
        options = CarryOptions(wait_seconds=self._wait_seconds)
        return [carry(opened, path, options, self._links) for path in self._links.find_unknown(opened)]

    def _move(self, entries: list[Entry]) -> None:
        """First what was renamed: soon its former name is taken off the copy."""
        moved = [entry for entry in entries if entry.moved_from and not entry.content]
        if moved:
            with self._place.opened() as opened:
                for entry in moved:
                    if move(opened, entry.moved_from, entry.path):
                        carry(opened, parted(entry.moved_from)[0])  # its time of change

    def _look(self, entries: list[Entry], result: Batch) -> None:
        with self._place.opened() as opened:
            outcomes = list(self._pool.map(lambda entry: self._carry(opened, entry), entries))
            failed = [each for each in self._other_names(opened) if isinstance(each, Failed)]
        self._list.add_failed(failed, _LATER_SECONDS[0])
        done = []
        for entry, outcome in zip(entries, outcomes, strict=True):
            if isinstance(outcome, Failed):
                self._list.put_back(entry, outcome, _later(entry, outcome))
                result.failed.append(outcome)
            else:
                done.append((entry, outcome))
                result.carried.append(outcome)
        with self._portal.transaction():
            history.note(self._portal, self._place.number, [_migrated(*each) for each in done])
            self._list.done([entry for entry, _ in done])

    def _carry(self, opened: Opened, entry: Entry) -> Carried | Failed:
        options = CarryOptions(wait_seconds=self._wait_seconds, trust_times=not entry.content)
        return carry(opened, entry.path, options, self._links)

    def _walk(
        self, walks: list[Entry], result: Batch, stop: Event, progress: Progress | None, first: bool
    ) -> list[Entry]:
        """The first walk, and with it those that lie below it; returns the others."""
        place, entry = self._place, walks[0]
        tree = carry_tree(
            place.root, place.forbidden, CarryOptions(self._wait_seconds, trust_times=True), path=entry.path,
            known=place.known, links=self._links, jobs=self._jobs, progress=progress, stop=stop,
        )  # fmt: skip
        result.walked.append((entry, tree))
        if not tree.complete:
            return walks
        covered = [each for each in walks if below(each.path, entry.path)]
        self._list.add_failed(tree.failed, _LATER_SECONDS[2])
        with self._portal.transaction():
            if not first:
                history.note(self._portal, place.number, [_migrated(entry, each) for each in tree.written])
            self._list.done(covered)
        return [each for each in walks if each not in covered]


def _migrated(entry: Entry, carried: Carried) -> Migrated:
    return Migrated(carried.path, carried.type, entry.tracked_at, entry.started_at, carried.size)


def _later(entry: Entry, failed: Failed) -> float | None:
    return _LATER_SECONDS[min(entry.tries, len(_LATER_SECONDS)) - 1] if failed.retryable else None
