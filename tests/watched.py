"""What the tests of watching share: a model of the copy, which knows only what it was told to look at."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracking.ifs.fanotify_watch import FanotifyWatch
from tracking.ifs.inotify_watch import InotifyWatch
from tracking.ifs.watching import Event, Kind, Watch

State = tuple[str, int, str]
WALKED = (Kind.SUBTREE, Kind.OVERFLOW, Kind.UNWATCHED)


def nothing_excluded(path: bytes, is_dir: bool) -> bool:
    """No exclusions."""
    return False


def available() -> list[type]:
    """The ways of watching that work here."""
    with tempfile.TemporaryDirectory() as root:
        try:
            FanotifyWatch(os.fsencode(root), nothing_excluded).close()
        except OSError:
            return [InotifyWatch]
    return [InotifyWatch, FanotifyWatch]


@contextmanager
def watching(root: Path, excluded=nothing_excluded, way=InotifyWatch) -> Iterator[Watch]:
    """A watch that has begun."""
    watch = way(os.fsencode(root), excluded)
    try:
        watch.start()
        yield watch
    finally:
        watch.close()


def happened(watch: Watch, seconds: float = 0.0) -> list[Event]:
    """All events of what has been done so far; with `seconds`, at least one, or none came in that time."""
    found = watch.drain()
    if seconds and not found:
        found = watch.events(seconds, select_never())
    return found


def said(events: list[Event]) -> list[tuple[str, bytes]]:
    """Kinds and paths, each once, in order."""
    return list(dict.fromkeys((event.kind.name, event.path) for event in events))


def select_never() -> int:
    """A descriptor that can never be read."""
    return _NEVER[0]


_NEVER = os.pipe()


def state(path: bytes) -> State | None:
    """What is at a path: kind, mode, and content or target. Behind a link there is nothing."""
    try:
        if os.path.realpath(os.path.dirname(path)) != os.path.dirname(path):
            return None
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return "link", 0, os.fsdecode(os.readlink(path))
        if stat.S_ISREG(found.st_mode):
            return "file", found.st_mode, Path(os.fsdecode(path)).read_text()
        return "directory", found.st_mode, ""
    except OSError:
        return None


def tree(top: bytes) -> dict[bytes, State]:
    """Everything below a directory by relative path."""
    found: dict[bytes, State] = {}
    for at, directories, files in os.walk(top):
        for name in directories + files:
            path = os.path.join(at, name)
            if (what := state(path)) is not None:
                found[os.path.relpath(path, top)] = what
    return found


class Copy:
    """What the copy would hold, had only those paths been carried that were handed out."""

    def __init__(self, root: Path) -> None:
        self.root = os.fsencode(root)
        self.holds: dict[bytes, State] = {}
        self.walk(b"")

    def look(self, path: bytes) -> None:
        """Carry one path as it is now; what isn't there any more goes with all that was in it."""
        what = state(os.path.join(self.root, path)) if path else ("directory", 0, "")
        if what is None or what[0] != "directory":
            self._drop(path)
        if what is not None and path:
            self.holds[path] = what
            parent = os.path.dirname(path)
            while parent and parent not in self.holds:
                if (outer := state(os.path.join(self.root, parent))) is not None:
                    self.holds[parent] = outer
                parent = os.path.dirname(parent)

    def walk(self, path: bytes) -> None:
        """Carry everything below a path."""
        self._drop(path)
        self.look(path)
        top = os.path.join(self.root, path) if path else self.root
        if not os.path.islink(top):
            for inner, what in tree(top).items():
                self.holds[os.path.join(path, inner) if path else inner] = what

    def take(self, events: list[Event]) -> None:
        """Do what events ask for, not before now."""
        for event in events:
            if event.kind is Kind.MOVED:
                self.look(event.origin)
            if event.kind in WALKED or (event.kind is Kind.MOVED and event.is_dir):
                self.walk(event.path)
            else:
                self.look(event.path)

    def _drop(self, path: bytes) -> None:
        if path and self.holds.get(path, ("nothing",))[0] != "directory":
            self.holds.pop(path, None)
            return
        for held in [held for held in self.holds if not path or held == path or held.startswith(path + b"/")]:
            del self.holds[held]
