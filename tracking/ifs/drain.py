"""Carrying what stands on a root's list, a batch at a time."""

from dataclasses import dataclass, field
from threading import Event

from nodes.postgres.connect import Connection

from . import history
from .carrier import carrier
from .changelist import Entry, FileList, Owed
from .history import Migrated
from .outcome import Carried, Failed, Stopped
from .place import Place
from .treecopy import Progress, TreeCarried
from .watching import below

_AT_ONCE = 256
_QUICK_SECONDS = 2.0  # a file that is written to all the time must not keep the others from being carried
_LATER_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)


@dataclass
class Batch:
    """What became of the entries of a batch: looked at one by one, or walked with all that is below them."""

    carried: list[Carried] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    walked: list[tuple[Entry, TreeCarried]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.carried or self.failed or self.walked)


class Drain:
    """Takes from the list of a root and carries; one at a time for each root. `jobs`: see `carrier`.

    While a walk is under way nothing else is carried, so that it cannot take back what is newer. A file that
    is being written to is tried again for `wait_seconds` (SAVACTWAIT).
    """

    def __init__(self, portal: Connection, place: Place, job: str, jobs: int, wait_seconds: float) -> None:
        self._portal = portal
        self._number = place.number
        self._list = FileList(portal, place.number, job)
        self._wait_seconds = wait_seconds
        self._quick_seconds = min(_QUICK_SECONDS, wait_seconds)
        self.carrier = carrier(place, jobs, self._quick_seconds)

    def owed(self) -> Owed:
        """How much is left."""
        return self._list.owed()

    def close(self) -> None:
        """Wait for what is under way."""
        self.carrier.close()

    def batch(self, stop: Event, progress: Progress | None = None, *, first: bool = False) -> Batch:
        """Carry what is due, if anything is; what `stop` interrupts stays on the list.

        `first`: the first copy, whose files are not in the history one by one. Raises `RootGone`, and
        `NotReached` where the copy's host is away, and psycopg errors where the portal's database is.
        """
        entries = self._list.take(_AT_ONCE)
        result = Batch()
        if moved := [entry for entry in entries if entry.moved_from and not entry.content]:
            self.carrier.rename(moved)  # first: soon its former name is taken off the copy
        walks = sorted((entry for entry in entries if entry.walk), key=lambda entry: len(entry.path))
        if looks := [entry for entry in entries if not entry.walk]:
            try:
                self._look(looks, result, stop)
            except Stopped:
                self._list.hand_back(looks)
        while walks and not stop.is_set():
            walks = self._walk(walks, result, stop, progress, first)
        if walks:
            self._list.hand_back(walks)
        return result

    def _look(self, entries: list[Entry], result: Batch, stop: Event) -> None:
        outcomes = self.carrier.look(entries, stop)
        self._list.add_failed(self.carrier.join_names(), _LATER_SECONDS[0])
        done = []
        for entry, outcome in zip(entries, outcomes, strict=True):
            if isinstance(outcome, Failed):
                self._put_back(entry, outcome)
                result.failed.append(outcome)
            else:
                done.append((entry, outcome))
                result.carried.append(outcome)
        with self._portal.transaction():
            history.note(self._portal, self._number, [_migrated(*each) for each in done])
            self._list.done([entry for entry, _ in done])

    def _put_back(self, entry: Entry, failed: Failed) -> None:
        """One that is written to has failed when SAVACTWAIT is over; told by its tries, not by a clock."""
        waited = entry.tries * (self._quick_seconds + _LATER_SECONDS[0])
        if failed.changing and waited < self._wait_seconds:
            self._list.try_later(entry, _LATER_SECONDS[0])
        else:
            self._list.put_back(entry, failed, _later(entry, failed))

    def _walk(
        self, walks: list[Entry], result: Batch, stop: Event, progress: Progress | None, first: bool
    ) -> list[Entry]:
        """The first walk, and with it those that lie below it; returns the others."""
        entry = walks[0]
        tree = self.carrier.walk(entry.path, progress, stop)
        result.walked.append((entry, tree))
        if not tree.complete:
            return walks
        covered = [each for each in walks if below(each.path, entry.path)]
        self._list.add_failed(tree.failed, _LATER_SECONDS[2])
        with self._portal.transaction():
            if not first:
                history.note(self._portal, self._number, [_migrated(entry, each) for each in tree.written])
            self._list.done(covered)
        return [each for each in walks if each not in covered]


def _migrated(entry: Entry, carried: Carried) -> Migrated:
    return Migrated(carried.path, carried.type, entry.tracked_at, entry.started_at, carried.size)


def _later(entry: Entry, failed: Failed) -> float | None:
    return _LATER_SECONDS[min(entry.tries, len(_LATER_SECONDS)) - 1] if failed.retryable else None
