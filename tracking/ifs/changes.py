"""Many changes of a path become one entry, which is due when its writer seems to be through."""

from collections.abc import Iterator
from dataclasses import dataclass

from .watching import Event, Kind

_WALKED = (Kind.SUBTREE, Kind.OVERFLOW, Kind.UNWATCHED)
_CONTENT = (Kind.CREATED, Kind.WRITTEN, Kind.MODIFIED)


@dataclass(slots=True)
class Change:
    """One path to be looked at, or, with `walk`, everything below it.

    `content`: its data may have changed, even if size and times don't tell. `moved_from`: the copy has it
    there, as it was before `content`.
    """

    path: bytes
    since: float
    walk: bool = False
    content: bool = False
    moved_from: bytes = b""
    reason: str = ""
    changes: int = 0


class Changes:
    """What has changed and isn't listed yet. Times are those of `time.monotonic`.

    A file that is closed after writing is due at once. One that was just made, or whose attributes changed,
    is given `settle` seconds, for it is often being written; one that is written to and stays open,
    `open_seconds`.
    """

    def __init__(self, settle: float = 0.1, open_seconds: float = 1.0) -> None:
        self._settle = settle
        self._open_seconds = open_seconds
        self._ready: dict[bytes, Change] = {}
        self._soon: dict[bytes, Change] = {}
        self._open: dict[bytes, Change] = {}

    def __len__(self) -> int:
        return len(self._ready) + len(self._soon) + len(self._open)

    def add(self, event: Event, now: float) -> None:
        """Fold an event into its path's entry."""
        if event.kind is Kind.MOVED:
            return self._move(event, now)
        change = self._entry(event.path, now)
        change.content |= event.kind in _CONTENT and not event.is_dir
        if event.kind in _WALKED:
            change.walk, change.reason = True, event.reason
        if event.kind in (Kind.CREATED, Kind.DELETED):
            change.moved_from = b""
        if event.kind is Kind.MODIFIED:
            self._put(self._open, change)
        elif event.kind in (Kind.CREATED, Kind.ATTRIBUTES) and not event.is_dir:
            self._put(self._soon, change)
        else:
            self._put(self._ready, change)
        return None

    def due(self, now: float) -> list[Change]:
        """Take out what is due by now, in the order in which it was first changed or came due."""
        for waiting, seconds in ((self._soon, self._settle), (self._open, self._open_seconds)):
            for change in list(_older(waiting, now - seconds)):
                del waiting[change.path]
                self._ready[change.path] = change
        taken, self._ready = list(self._ready.values()), {}
        return taken

    def everything(self) -> list[Change]:
        """Take out everything, due or not."""
        return self.due(float("inf"))

    def next_due(self) -> float:
        """When something is due; infinity if there is nothing."""
        if self._ready:
            return 0.0
        first = [
            next(iter(waiting.values())).since + seconds
            for waiting, seconds in ((self._soon, self._settle), (self._open, self._open_seconds))
            if waiting
        ]
        return min(first, default=float("inf"))

    def _entry(self, path: bytes, now: float) -> Change:
        change = self._ready.get(path) or self._soon.get(path) or self._open.get(path) or Change(path, now)
        change.changes += 1
        return change

    def _put(self, where: dict[bytes, Change], change: Change) -> None:
        """Into `where`, if it isn't ready already. Written to is more than made, and less than closed."""
        path = change.path
        if path in self._ready or (where is self._soon and path in self._open):
            return
        self._soon.pop(path, None)
        if where is self._ready:
            self._open.pop(path, None)
        where.setdefault(path, change)

    def _move(self, event: Event, now: float) -> None:
        """The new name first: so the copy still has the old one when it is carried.

        The copy has it as it was only if nothing else is owed of the old name.
        """
        if event.is_dir:
            for waiting in (self._soon, self._open):  # what is in it is listed by its old name not later
                self._ready |= waiting
                waiting.clear()
        known = event.origin in self._ready or event.origin in self._soon or event.origin in self._open
        change = self._entry(event.path, now)
        change.walk |= event.is_dir
        change.reason = change.reason or ("moved" if event.is_dir else "")
        change.content |= known and not event.is_dir
        change.moved_from = b"" if known else event.origin
        self._put(self._ready, change)
        self._put(self._ready, self._entry(event.origin, now))


def _older(waiting: dict[bytes, Change], than: float) -> Iterator[Change]:
    for change in waiting.values():
        if change.since > than:
            return
        yield change
