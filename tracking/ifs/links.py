"""Which names of the source are the same file."""

import threading
from typing import Protocol

from .entry import Entry, Link
from .walk import walk
from .watching import Excluded


class Source(Protocol):
    """The open source of a root, and what is left out of it."""

    @property
    def source(self) -> int: ...
    @property
    def excluded(self) -> Excluded: ...


class Links:
    """The names of files that have several, as far as they were seen.

    `lock` is held while they are made, and while a directory is changed that forbids it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._names: dict[Link, dict[bytes, None]] = {}
        self._counts: dict[Link, int] = {}  # how many names it had when it was last seen
        self._searched: dict[Link, int] = {}  # and when all its names were looked for

    def add(self, link: Link, path: bytes, count: int = 0) -> None:
        """A name was seen, of `count` that the file has anywhere."""
        self._names.setdefault(link, {})[path] = None
        self._counts[link] = count

    def others(self, link: Link, path: bytes) -> list[bytes]:
        """The other names, the first one seen first."""
        return [name for name in self._names.get(link, ()) if name != path]

    def forget(self, link: Link, path: bytes) -> None:
        """A name is not this file's any more."""
        names = self._names.get(link, {})
        names.pop(path, None)
        if not names:
            for known in (self._names, self._counts, self._searched):
                known.pop(link, None)

    @property
    def incomplete(self) -> bool:
        """Whether there are files with more names than are known, which have not been looked for."""
        return bool(self._wanted())

    def find_unknown(self, opened: Source) -> list[bytes]:
        """All names in the root of files that have more than are known; no event tells of the older ones.

        One walk for all of them, and none again for names that are elsewhere.
        """
        wanted = self._wanted()
        if not wanted:
            return []
        found = []
        for entry in walk(opened.source, opened.excluded):
            if isinstance(entry, Entry) and entry.link in wanted:
                found.append((entry.link, entry.path))
        with self.lock:
            for link, path in found:
                self._names.setdefault(link, {})[path] = None
            self._searched |= wanted
        return [path for _, path in found]

    def _wanted(self) -> dict[Link, int]:
        with self.lock:
            return {
                link: count
                for link, count in self._counts.items()
                if count > len(self._names[link]) and self._searched.get(link) != count
            }
