"""Which names of the source are the same file."""

import threading

from .entry import Link


class Links:
    """The names of files that have several, as far as they were seen; `lock` is held while they are made."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._names: dict[Link, dict[bytes, None]] = {}

    def add(self, link: Link, path: bytes) -> None:
        """A name was seen."""
        self._names.setdefault(link, {})[path] = None

    def others(self, link: Link, path: bytes) -> list[bytes]:
        """The other names, the first one seen first."""
        return [name for name in self._names.get(link, ()) if name != path]

    def forget(self, link: Link, path: bytes) -> None:
        """A name is not this file's any more."""
        names = self._names.get(link, {})
        names.pop(path, None)
        if not names:
            self._names.pop(link, None)
