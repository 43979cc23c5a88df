"""Carrying a whole tree to another host: the first copy, and the walk that is a safety net.

rsync is given the names that our own walk has found, and never walks the source to carry: so what is left out
is decided in one place, by patterns whose meaning rsync's filters have only nearly (`!` within an excluded
directory, `**`, names that are not UTF-8), and a batch is small enough to be stopped, counted and told about.
Extra names on the copy are what a dry run of rsync --delete says, less what is left out; each is looked for
on the source again, and then carried like any path that is gone.

In this order: directories, so that no link stands for one of them; extra names, which may be in the way or
fill the disk; other objects; files that have several names, all names of one in one batch.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event

from .entry import DIR, Entry, Unreadable
from .far import extras, removable, shared_below
from .host import Connection
from .links import Links
from .opened import Identity
from .outcome import UNWRITTEN, CarryOptions, Failed, Stopped
from .remote_batch import Batch
from .roots import Root
from .sending import Sending
from .treecopy import Progress, TreeCarried
from .walk import walk
from .watching import below

_NAMES = 4000
_BYTES = 256 << 20


def carry_tree(
    root: Root,
    connection: Connection,
    forbidden: Sequence[Path] = (),
    options: CarryOptions | None = None,
    *,
    forbidden_there: Sequence[Path] = (),
    path: bytes = b"",
    known: tuple[Identity | None, Identity | None] = (None, None),
    links: Links | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
    durable: bool = True,
) -> TreeCarried:
    """Make the copy of the directory `path` of a root, and all that is below it, what the source is.

    As `treecopy.carry_tree`, to another host: `complete` is False after `stop`, which also ends the rsync
    that is running. Raises `RootGone`, OSError where the copy can't be synced, and `NotReached`: what was
    carried by then is whole, and the same call does the rest.
    """
    options = replace(options or CarryOptions(trust_times=True), sync="later")
    with Sending(root, connection, forbidden, forbidden_there, known) as sending:
        tree = _Tree(sending, options, Links() if links is None else links, progress, stop)
        try:
            tree.run(path)
        except Stopped:
            tree.done.complete = False
        if durable:
            sending.sync()
    return tree.done


class _Tree:
    def __init__(
        self,
        sending: Sending,
        options: CarryOptions,
        links: Links,
        progress: Progress | None,
        stop: Event | None,
    ) -> None:
        self.sending, self.options, self.links = sending, options, links
        self.progress, self.stop = progress, stop
        self.done = TreeCarried()
        self.unreadable: set[bytes] = set()
        self.shared = shared_below(sending, path=b"")

    def run(self, path: bytes) -> None:
        """All of it, in the order that is told above."""
        self._carry([path])
        with suppress(FileNotFoundError, NotADirectoryError):  # it has become something else: done above
            for batch in _batches(entry for entry in self._walk(path) if entry.type == DIR):
                self._carry([entry.path for entry in batch])
            self._extra(path)
            several: list[Entry] = []
            for batch in _batches(self._files(path, several)):
                self._carry([entry.path for entry in batch])
            for batch in _groups(several):
                self._carry([entry.path for entry in batch])
        self._carry([path])

    def _walk(self, path: bytes) -> Iterator[Entry]:
        for found in walk(self.sending.source, self.sending.excluded, path):
            if isinstance(found, Entry):
                yield found
            elif found.path not in self.unreadable:
                self.unreadable.add(found.path)
                self.done.failed.append(_failed(found))

    def _files(self, path: bytes, several: list[Entry]) -> Iterator[Entry]:
        for entry in self._walk(path):
            if entry.link is not None:
                self.links.add(entry.link, entry.path, entry.status.st_nlink)
                several.append(entry)
            elif entry.type != DIR:
                yield entry

    def _extra(self, path: bytes) -> None:
        """What the copy has and the source has not, or not any more."""
        found = [(item.path, item.is_dir) for item in extras(self.sending, path, self.stop)]
        tops, kept = removable(found, self.sending)
        wanted = [one for one in sorted([*tops, *kept]) if not self._within_unreadable(one)]
        outermost = [one for one in wanted if not _inside(one, set(wanted))]
        for first in range(0, len(outermost), _NAMES):
            self._carry(outermost[first : first + _NAMES], conflicts=True)

    def _within_unreadable(self, path: bytes) -> bool:
        return any(below(path, directory) for directory in self.unreadable)

    def _carry(self, paths: Sequence[bytes], conflicts: bool = False) -> None:
        if self.stop is not None and self.stop.is_set():
            raise Stopped
        batch = Batch(self.sending, self.options, self.links, self.stop, shared=self.shared)
        for outcome in batch.carry(paths):
            if isinstance(outcome, Failed):
                self.done.failed.append(outcome)
                continue
            if conflicts and outcome.what == "removed":
                self.done.conflicts.append(outcome.path)
            self.done.objects += outcome.type != DIR and not conflicts
            self.done.bytes += outcome.bytes
            if outcome.type != DIR and outcome.what not in UNWRITTEN and not conflicts:
                self.done.written.append(outcome)
            if outcome.lacking:
                self.done.lacking.append(outcome)
        if self.progress:
            self.progress(self.done.objects, self.done.bytes)


def _failed(found: Unreadable) -> Failed:
    return Failed(found.path, found.type, f"{found.reason}; needed is the right to, on the source", False)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Of at most so many names and, but for the last one's, bytes."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += entry.status.st_size if entry.type != DIR else 0
        if len(batch) >= _NAMES or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _groups(entries: list[Entry]) -> Iterator[list[Entry]]:
    """All names of a file in one batch."""
    batch: list[Entry] = []
    for entry in sorted(entries, key=lambda entry: (entry.link or (0, 0), entry.path)):
        if len(batch) >= _NAMES and entry.link != batch[-1].link:
            yield batch
            batch = []
        batch.append(entry)
    if batch:
        yield batch


def _inside(path: bytes, others: set[bytes]) -> bool:
    while path := path.rpartition(b"/")[0]:
        if path in others:
            return True
    return False
