"""Compare the two trees of a root whose copy is on another host, while they are written to.

As `compare` does it: whatever differs is looked at again, and counts only where the copy has had its chance
and the source has not changed between two looks.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from .compare import CaughtUp, Progress
from .difference import CompareOptions, Difference, NotCompared, TreeResult
from .entry import DIR, Unreadable
from .far import extras
from .host import Connection
from .opened import Identity
from .outcome import Stopped
from .paths import parted, relative
from .remote_sight import RemoteSight
from .roots import Root
from .sending import Sending
from .sight import Seen
from .walk import walk
from .watching import below

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds
_NAMES = 4000
_BYTES = 1 << 30


def compare_tree(
    root: Root,
    connection: Connection,
    options: CompareOptions | None = None,
    *,
    forbidden: Sequence[Path] = (),
    forbidden_there: Sequence[Path] = (),
    known: tuple[Identity | None, Identity | None] = (None, None),
    path: bytes = b"",
    caught_up: CaughtUp | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
) -> TreeResult:
    """Compare the directory `path` of a root, and all that is below it, with its copy; nothing is written.

    See `compare.compare_trees`. Raises `RootGone` and `NotReached`.
    """
    with Sending(root, connection, forbidden, forbidden_there, known) as sending:
        comparison = _Comparison(sending, options or CompareOptions(), caught_up, progress, stop)
        return comparison.run(path=path)


def compare_paths(
    root: Root,
    connection: Connection,
    paths: Iterable[bytes | str],
    options: CompareOptions | None = None,
    *,
    forbidden: Sequence[Path] = (),
    forbidden_there: Sequence[Path] = (),
    known: tuple[Identity | None, Identity | None] = (None, None),
    caught_up: CaughtUp | None = None,
    stop: Event | None = None,
) -> TreeResult:
    """As `compare_tree`, for these paths only: what has changed since the last compare."""
    with Sending(root, connection, forbidden, forbidden_there, known) as sending:
        comparison = _Comparison(sending, options or CompareOptions(), caught_up, None, stop)
        return comparison.run(paths=[relative(path) for path in paths])


@dataclass
class _Comparison:
    sending: Sending
    options: CompareOptions
    caught_up: CaughtUp | None
    progress: Progress | None
    stop: Event | None
    result: TreeResult = field(default_factory=TreeResult)
    suspects: dict[bytes, Seen] = field(default_factory=dict)
    since: dict[bytes, float] = field(default_factory=dict)  # as in `compare`
    unreadable: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.sight = RemoteSight(self.sending, self.options.content, self.stop)

    def run(self, path: bytes | None = None, paths: Sequence[bytes] = ()) -> TreeResult:
        """A directory and all below it, or these paths; then those again that differed."""
        began = time.monotonic()
        stopped = False
        try:
            batches = _batches((each, 0) for each in paths) if path is None else _batches(self._walked(path))
            for batch in batches:
                self._look(batch)
            if path is not None:
                self._look(self._extra(path))
            self._recheck()
        except Stopped:
            stopped = True
            self.result.not_compared.append(NotCompared(b"", "the compare was stopped"))
        result = self.result
        if result.difference_count:
            result.verdict = "different"
        elif result.not_compared or result.changing or stopped:
            result.verdict = "not comparable"
        result.seconds = time.monotonic() - began
        return result

    def _walked(self, path: bytes) -> Iterator[tuple[bytes, int]]:
        """Paths and their sizes, a directory before what is in it."""
        yield path, 0
        with suppress(FileNotFoundError, NotADirectoryError):
            for found in walk(self.sending.source, self.sending.excluded, path):
                if isinstance(found, Unreadable):
                    self.unreadable.add(found.path)
                    self.result.not_compared.append(NotCompared(found.path, found.reason))
                else:
                    yield found.path, 0 if found.type == DIR else found.status.st_size

    def _extra(self, path: bytes) -> list[bytes]:
        """What is on the copy only; of a directory that is, not what is in it."""
        if path in self.sight.no_directories:
            return []
        found = extras(self.sending, path, self.stop)
        names = {item.path for item in found if not self.sending.excluded(item.path, item.is_dir)}
        return [one for one in sorted(names) if parted(one)[0] not in names and self._can_be_extra(one)]

    def _can_be_extra(self, path: bytes) -> bool:
        """Not what rsync has seen through a link, nor where the source could not be read."""
        lost = any(below(path, directory) for directory in self.sight.no_directories)
        return not lost and not any(below(path, directory) for directory in self.unreadable)

    def _look(self, paths: Sequence[bytes]) -> None:
        self._check_stop()
        for path, seen in self.sight.look(paths).items():
            self.result.objects_compared += 1
            self.result.bytes_compared += seen.bytes
            if seen.difference is None:
                continue
            if len(self.suspects) < 2 * self.options.max_differences:
                self.suspects[path] = seen
            else:
                self.result.difference_count += 1
        if self.progress:
            self.progress(self.result.objects_compared, self.result.bytes_compared)

    def _recheck(self) -> None:
        """Until each is known to be equal or to stay different."""
        deadline, pause = time.monotonic() + self.options.recheck_seconds, _SHORTEST_PAUSE
        while self.suspects:
            self._check_stop()
            time.sleep(pause)  # before the last look, too (see `compare`)
            pause = min(pause * 2, _LONGEST_PAUSE)
            late = time.monotonic() >= deadline
            # Asked before the look: what has been carried by then is seen by it.
            ready = {path: self.caught_up(path) if self.caught_up else late for path in self.suspects}
            for path, now in self.sight.look(sorted(self.suspects)).items():
                self._judge(path, now, ready[path], late)

    def _judge(self, path: bytes, now: Seen, ready: bool, late: bool) -> None:
        before, moment = self.suspects.pop(path), time.monotonic()
        if now.source != before.source or path not in self.since:
            self.since[path] = moment
        quiet = moment - self.since[path] >= min(self.options.quiet_seconds, self.options.recheck_seconds)
        if now.difference is None:
            return
        if isinstance(now.difference, NotCompared):
            if ready or late:
                self.result.not_compared.append(now.difference)
                return
        elif ((quiet and ready) or late) and now.source == before.source and now.source != ():  # () is none
            self._different(now.difference)
            return
        elif late:
            self.result.changing.append(path)
            return
        self.suspects[path] = now

    def _different(self, difference: Difference) -> None:
        self.result.difference_count += 1
        if len(self.result.differences) < self.options.max_differences:
            self.result.differences.append(difference)

    def _check_stop(self) -> None:
        if self.stop is not None and self.stop.is_set():
            raise Stopped


def _batches(found: Iterable[tuple[bytes, int]]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for path, length in found:
        batch.append(path)
        size += length
        if len(batch) >= _NAMES or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
