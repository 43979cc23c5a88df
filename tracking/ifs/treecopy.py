"""Carrying a whole tree: the first copy, and the walk that is a safety net when changes were lost.

Directories are made here, files by several processes, many at a time; then the names of files that have
several, then the metadata of the directories, from the innermost on, then one sync of the file system.
"""

import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from .carry import carry
from .entry import DIR, Entry
from .hands import Hands
from .links import Links
from .opened import Identity, Opened, below
from .outcome import UNWRITTEN, Carried, CarryOptions, Failed
from .paths import joined, parted
from .roots import Root
from .walk import Listed, directories

_NAMES_AT_ONCE = 200

Progress = Callable[[int, int], None]


@dataclass
class TreeCarried:
    """What carrying a tree has done.

    `objects` were looked at, `bytes` of content written; `written` had to be made or changed, directories
    aside. `conflicts` were on the copy and not on the source, and have been removed. `lacking`: see
    `Carried`. `complete` is False after `stop`.
    """

    conflicts: list[bytes] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    lacking: list[Carried] = field(default_factory=list)
    written: list[Carried] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0
    complete: bool = True


def carry_tree(
    root: Root,
    forbidden: Sequence[Path] = (),
    options: CarryOptions | None = None,
    *,
    path: bytes = b"",
    known: tuple[Identity | None, Identity | None] = (None, None),
    links: Links | None = None,
    jobs: int = 0,
    progress: Progress | None = None,
    stop: Event | None = None,
    durable: bool = True,
) -> TreeCarried:
    """Make the copy of the directory `path` of a root, and all that is below it, what the source is.

    Files that are there already, with the same size and time, are not read; ask for more by `options`. All
    is on disk when this returns, unless `durable` is False and the caller syncs. `jobs` processes copy the
    files (0: one for each CPU). `progress(objects, bytes)` is called now and then. Raises `RootGone`,
    `HandLost` where a process was killed, and OSError where the copy can't be synced; everything else is in
    `failed`, and the rest goes on.
    """
    options = replace(options or CarryOptions(trust_times=True), sync="later")
    with Opened(root, forbidden, known) as opened:
        known = opened.identities()
        job = (os.getpid(), root, tuple(forbidden), known, options)
        with Hands(opened, job, jobs or os.cpu_count() or 1) as hands:
            tree = _Tree(opened, options, Links() if links is None else links, hands, progress, stop)
            tree.run(path)
        if durable:
            opened.sync()
    return tree.done


class _Tree:
    def __init__(
        self,
        opened: Opened,
        options: CarryOptions,
        links: Links,
        hands: Hands,
        progress: Progress | None,
        stop: Event | None,
    ) -> None:
        self.opened, self.options, self.links, self.hands = opened, options, links, hands
        self.progress, self.stop = progress, stop
        self.done = TreeCarried()

    def run(self, path: bytes) -> None:
        """All of it, in the order that is told above."""
        self._one(path)
        made: list[bytes] = []
        with suppress(FileNotFoundError, NotADirectoryError):  # it has become something else: done by `_one`
            for listed in directories(self.opened.source, self.opened.excluded, path):
                self._directory(listed, made)
                if self._stopped():
                    return
        for batch in self.hands.finish():
            self.done.objects += batch.objects
            self.done.bytes += batch.bytes
            self.done.failed += batch.failed
            self.done.lacking += batch.lacking
            self.done.written += batch.written
            for several in batch.several:
                self._one(several)
            self._tell()
            if self._stopped():
                return
        for directory in reversed(made):
            self._one(directory)
        self._one(path)
        self._tell()

    def _directory(self, listed: Listed, made: list[bytes]) -> None:
        for unreadable in listed.unreadable:
            reason = f"{unreadable.reason}; needed is the right to, on the source"
            self.done.failed.append(Failed(unreadable.path, unreadable.type, reason, False))
        if listed.fd < 0 or listed.unreadable:
            return
        try:
            with below(self.opened.copy, listed.path) as there:
                self._extra(listed, set(map(os.fsencode, os.listdir(there))))
                for entry in listed.entries:
                    if entry.type == DIR:
                        made.append(entry.path)
                        self._make(there, entry)
        except (FileNotFoundError, NotADirectoryError):
            self._one(listed.path)  # the copy is being changed by somebody: what is below fails by itself
        names = [parted(entry.path)[1] for entry in listed.entries if entry.type != DIR]
        for first in range(0, len(names), _NAMES_AT_ONCE):
            self.hands.give(listed.path, names[first : first + _NAMES_AT_ONCE])

    def _make(self, there: int, entry: Entry) -> None:
        name = parted(entry.path)[1]
        try:
            os.mkdir(name, 0o700, dir_fd=there)
        except FileExistsError:
            with suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=there, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    return
            self._one(entry.path)
        except OSError:
            self._one(entry.path)  # which says what is wrong

    def _extra(self, listed: Listed, there: set[bytes]) -> None:
        """What the copy has and the source has not, or not any more."""
        if not there:
            return
        for name in there.difference(parted(entry.path)[1] for entry in listed.entries):
            path = joined(listed.path, name)
            outcome = carry(self.opened, path, self.options, self.links)
            if isinstance(outcome, Failed):
                self.done.failed.append(outcome)
            elif outcome.what == "removed":
                self.done.conflicts.append(path)

    def _one(self, path: bytes) -> None:
        outcome = carry(self.opened, path, self.options, self.links)
        if isinstance(outcome, Failed):
            self.done.failed.append(outcome)
            return
        self.done.objects += outcome.type != DIR
        self.done.bytes += outcome.bytes
        if outcome.type != DIR and outcome.what not in UNWRITTEN:
            self.done.written.append(outcome)
        if outcome.lacking:
            self.done.lacking.append(outcome)

    def _tell(self) -> None:
        if self.progress:
            self.progress(self.done.objects, self.done.bytes)

    def _stopped(self) -> bool:
        if self.stop is not None and self.stop.is_set():
            self.done.complete = False
            return True
        return False
