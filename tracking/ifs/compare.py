"""Compare the two trees of a root while they are written to.

A file that is just being written differs for a while. So whatever differs is looked at again, and counts only
where the copy has had its chance: nothing is waiting to be carried there, or the time for it has passed, and
the source has not changed between the two looks.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from threading import Event

from .difference import CompareOptions, Difference, NotCompared, TreeResult
from .entry import STMF, Entry, Link, look
from .opened import Opened, below
from .paths import parted, relative
from .roots import Root
from .sight import Seen, Sight
from .walk import Listed, directories, list_directory

CaughtUp = Callable[[bytes], bool]
Progress = Callable[[int, int], None]

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds
_AT_ONCE = 200
_LARGE = 256 << 10


def compare_trees(
    opened: Opened,
    options: CompareOptions | None = None,
    *,
    path: bytes = b"",
    caught_up: CaughtUp | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
) -> TreeResult:
    """Compare the directory `path` of a root, and all that is below it, with its copy; nothing is written.

    `caught_up(path)` says whether nothing is waiting to be carried to that path; without it the copy is
    taken to have everything after `recheck_seconds`. `progress(objects, bytes)` is called now and then. After
    `stop` the verdict is "not comparable".
    """
    comparison = _Comparison(opened, options or CompareOptions(), caught_up, progress, stop)
    return comparison.run(lambda: comparison.walked(path))


def compare_paths(
    opened: Opened,
    paths: Iterable[bytes | str],
    options: CompareOptions | None = None,
    *,
    caught_up: CaughtUp | None = None,
    stop: Event | None = None,
) -> TreeResult:
    """As `compare_trees`, for these paths only: what has changed since the last compare."""
    comparison = _Comparison(opened, options or CompareOptions(), caught_up, None, stop)
    return comparison.run(lambda: ((relative(path), None, None, True) for path in paths))


def dangling(opened: Opened, paths: Iterable[bytes]) -> list[tuple[bytes, str]]:
    """Which of these paths (see `named`) do not lead to an object on the copy, each with the reason.

    Links are not followed.
    """
    return [(path, reason) for path in paths if (reason := _missing(opened.copy, path))]


def named(root: Root, path: bytes | str) -> bytes:
    """A path as an application writes it down, relative to the root: it may be absolute, on either node."""
    raw = path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path
    for end in (root.source, root.copy):
        top = os.fsencode(end).rstrip(b"/") + b"/"
        if raw.startswith(top):
            return raw[len(top) :]
    return raw


def _missing(copy: int, path: bytes) -> str:
    try:
        directory, name = parted(relative(path))
    except ValueError:
        return "is not below the root"
    try:
        with below(copy, directory) as fd:
            return "" if look(fd, name or b".") else "does not exist on the copy"
    except (FileNotFoundError, NotADirectoryError):
        return "its directory does not exist on the copy"
    except OSError as error:
        return f"cannot be looked at on the copy: {error.strerror}"


_Place = tuple[bytes, int | None, int | None, bool]  # path, directories on both sides, whether it is large


class _Comparison:
    def __init__(
        self,
        opened: Opened,
        options: CompareOptions,
        caught_up: CaughtUp | None,
        progress: Progress | None,
        stop: Event | None,
    ) -> None:
        self.opened, self.options = opened, options
        self.caught_up, self.progress, self.stop = caught_up, progress, stop
        self.sight = Sight(opened, options.content)
        self.result = TreeResult()
        self.suspects: dict[bytes, Seen] = {}
        self.since: dict[bytes, float] = {}  # when the source's version of a suspect was first seen
        self.firsts: tuple[dict[Link, bytes], dict[Link, bytes]] = ({}, {})  # on the source, on the copy
        self.names: dict[bytes, list[bytes]] = {}  # of a file that has several, the first on each side
        self.others: dict[bytes, bytes] = {}
        self.pool = ThreadPoolExecutor(options.jobs, thread_name_prefix="file compare")

    def run(self, places: Callable[[], Iterable[_Place]]) -> TreeResult:
        """All places, then those again that differed."""
        began = time.monotonic()
        with self.pool:
            batch: list[_Place] = []
            for place in places():
                batch.append(place)
                if len(batch) >= _AT_ONCE:
                    self._look(batch)
                    batch = []
                if self._stopped():
                    break
            self._look(batch)
            self._names()
            self._recheck()
        result = self.result
        stopped = self._stopped()
        if result.difference_count:
            result.verdict = "different"
        elif result.not_compared or result.changing or stopped:
            result.verdict = "not comparable"
        if stopped:
            result.not_compared.append(NotCompared(b"", "the compare was stopped"))
        result.seconds = time.monotonic() - began
        return result

    def walked(self, path: bytes) -> Iterator[_Place]:
        """Directory by directory; those of files are compared at once, while both are open."""
        yield path, None, None, False
        with suppress(FileNotFoundError, NotADirectoryError):
            for listed in directories(self.opened.source, self.opened.excluded, path):
                for unreadable in listed.unreadable:
                    self.result.not_compared.append(NotCompared(unreadable.path, unreadable.reason))
                if listed.fd < 0 or listed.unreadable:
                    continue
                try:
                    with below(self.opened.copy, listed.path) as there:
                        self._look(self._places(listed, there))
                except (FileNotFoundError, NotADirectoryError):
                    self._look([(entry.path, listed.fd, None, False) for entry in listed.entries])
                except OSError as error:
                    reason = f"the copy says {error.strerror}"
                    self.result.not_compared.append(NotCompared(listed.path, reason))
                if self._stopped():
                    return

    def _places(self, listed: Listed, there: int) -> list[_Place]:
        known = {entry.path: entry.status.st_size >= _LARGE for entry in listed.entries}
        self._several(listed.entries, 0)
        on_copy = list_directory(there, listed.path, self.opened.excluded)
        self._several(on_copy.entries, 1)
        known |= {entry.path: False for entry in on_copy.entries if entry.path not in known}
        for unreadable in on_copy.unreadable:
            self.result.not_compared.append(NotCompared(unreadable.path, f"on the copy: {unreadable.reason}"))
        return [(path, listed.fd, there, large) for path, large in known.items()]

    def _several(self, entries: list[Entry], side: int) -> None:
        for entry in entries:
            if entry.link is not None and entry.type == STMF:
                self.firsts[side].setdefault(entry.link, entry.path)
                self.names.setdefault(entry.path, [b"", b""])[side] = self.firsts[side][entry.link]

    def _names(self) -> None:
        """Which names are one file on one side, and not on the other."""
        for path, (here, there) in self.names.items():
            if here == there:
                continue
            for other in (here, there):
                if other not in (b"", path) and (found := self.sight.one_file(path, other)):
                    self.others[path] = other
                    self.suspects.setdefault(path, Seen(found, None, None))
        self.names.clear()

    def _again(self, path: bytes) -> Seen:
        seen = self.sight.look(path)
        if seen.difference is None and path in self.others:
            return seen._replace(difference=self.sight.one_file(path, self.others[path]))
        return seen

    def _look(self, places: list[_Place]) -> None:
        # To hand over a small file to another thread takes longer than to read it.
        large = [place for place in places if place[3]]
        small = [place for place in places if not place[3]]
        by_others = zip(large, self.pool.map(self._at, large), strict=True)
        found = chain(by_others, zip(small, map(self._at, small), strict=True))
        for (path, *_), seen in found:
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

    def _at(self, place: _Place) -> Seen:
        path, here, there, _ = place
        if here is None and there is None:
            return self.sight.look(path)
        return self.sight.at(path, parted(path)[1], here, there)

    def _recheck(self) -> None:
        """Until each is known to be equal or to stay different.

        A pause is before the last look, too: who writes all the time is not seen by two looks in a row.
        """
        deadline, pause = time.monotonic() + self.options.recheck_seconds, _SHORTEST_PAUSE
        while self.suspects and not self._stopped():
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            late = time.monotonic() >= deadline
            # Asked before the look: what has been carried by then is seen by it.
            ready = {path: self.caught_up(path) if self.caught_up else late for path in self.suspects}
            paths = list(self.suspects)
            for path, now in zip(paths, self.pool.map(self._again, paths), strict=True):
                self._judge(path, now, ready[path], late)

    def _judge(self, path: bytes, now: Seen, ready: bool, late: bool) -> None:
        before, moment = self.suspects[path], time.monotonic()
        if now.source != before.source or path not in self.since:
            self.since[path] = moment
        quiet = moment - self.since[path] >= min(self.options.quiet_seconds, self.options.recheck_seconds)
        if now.difference is None:
            del self.suspects[path]
        elif isinstance(now.difference, NotCompared):
            if ready or late:
                del self.suspects[path]
                self.result.not_compared.append(now.difference)
        elif ((quiet and ready) or late) and now.source == before.source and now.source != ():  # () is none
            del self.suspects[path]
            self._different(now.difference)
        elif late:
            del self.suspects[path]
            self.result.changing.append(path)
        else:
            self.suspects[path] = now

    def _different(self, difference: Difference) -> None:
        self.result.difference_count += 1
        if len(self.result.differences) < self.options.max_differences:
            self.result.differences.append(difference)

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()
