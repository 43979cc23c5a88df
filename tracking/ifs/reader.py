"""Reading a watch in a thread of its own: the kernel's queue is short, and a commit can take long."""

import os
import threading
import time

from .changes import Change, Changes
from .watching import Event, Kind, RootGone, Watch

_WAIT_SECONDS = 0.25
_MOST = 1_000_000  # paths in memory, while the portal's database is away


class Reader:
    """Folds what a watch tells. `news` can be read when there is something new for the one who lists."""

    def __init__(self, watch: Watch, settle_seconds: float, open_seconds: float) -> None:
        self._watch = watch
        self._changes = Changes(settle_seconds, open_seconds)
        self._lock = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._asked = self._answered = 0
        self._end = False
        self._error: BaseException | None = None
        self.started = False
        self.directories = 0
        self.unwatched: dict[bytes, str] = {}
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def begin(self) -> None:
        """Set the watches, and read from then on."""
        self._thread.start()

    def end(self) -> None:
        """Read what there is, and no more."""
        self._end = True
        os.eventfd_write(self._wake, 1)
        if self._thread.is_alive():
            self._thread.join(10)

    def check(self) -> None:
        """Raise what has ended the reading."""
        _empty(self.news)
        if self._error is not None:
            raise self._error

    def drain(self) -> None:
        """Ask for everything that has happened up to now."""
        self._asked += 1
        os.eventfd_write(self._wake, 1)

    def drained(self) -> bool:
        """Whether it's all here that was asked for."""
        return self._answered == self._asked

    def due(self) -> list[Change]:
        """Take what is due."""
        with self._lock:
            return self._changes.due(time.monotonic())

    def everything(self) -> list[Change]:
        """Take all, due or not."""
        with self._lock:
            return self._changes.everything()

    def next_due(self) -> float:
        """When something is due, by `time.monotonic`."""
        with self._lock:
            return self._changes.next_due()

    def _run(self) -> None:
        try:
            self._take(self._watch.start())
            self.started = True
            os.eventfd_write(self.news, 1)
            while not self._end:
                _empty(self._wake)
                asked = self._asked
                if asked != self._answered:
                    self._take(self._watch.drain())
                    self._answered = asked
                    os.eventfd_write(self.news, 1)
                else:
                    self._take(self._watch.events(_WAIT_SECONDS, self._wake))
            self._take(self._watch.drain())
        except BaseException as error:
            self._error = error
            os.eventfd_write(self.news, 1)
        finally:
            self._watch.close()

    def _take(self, events: list[Event]) -> None:
        """Fold; what becomes due earlier than anything that waits is news."""
        self.directories = self._watch.directories()
        if self.unwatched or any(event.kind is Kind.UNWATCHED for event in events):
            self.unwatched = self._watch.unwatched()
        if not events:
            return
        now = time.monotonic()
        with self._lock:
            before = self._changes.next_due()
            for event in events:
                if event.kind is Kind.ROOT_GONE:
                    raise RootGone(event.reason)
                self._changes.add(event, now)
            if len(self._changes) > _MOST:
                self._changes.everything()
                lost = "too many changes while the portal's database was away"
                self._changes.add(Event(Kind.OVERFLOW, b"", True, reason=lost), now)
            earlier = self._changes.next_due() < before
        if earlier:
            os.eventfd_write(self.news, 1)


def _empty(fd: int) -> None:
    try:
        os.eventfd_read(fd)
    except BlockingIOError:
        return
