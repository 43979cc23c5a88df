"""Work beside a loop of the engine: one thing at a time in a thread of its own, and when it is due again."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection


class Beside:
    """A thread for one thing at a time; `halt` tells what runs in it to come to an end."""

    def __init__(self) -> None:
        self.halt = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, work: Callable[..., None], *args: object) -> None:
        """Do it; the session on the portal's database ends with it."""
        self._thread = threading.Thread(target=self._run, args=(work, args), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Have it come to an end, and wait up to 10 s for that."""
        self.halt.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self, work: Callable[..., None], args: tuple[object, ...]) -> None:
        try:
            work(*args)
        finally:
            connection.close()


class Pace:
    """When something is due: `every` so many seconds, or later, so that it takes 1/`share` of the time."""

    def __init__(self, every: float, share: int, *, first: float = 0.0) -> None:
        self._every, self._share = every, share
        self._not_before = time.monotonic() + first

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._not_before

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One time; the next is counted from its end, however it ends."""
        began = time.monotonic()
        try:
            yield
        finally:
            now = time.monotonic()
            self._not_before = now + max(self._every, self._share * (now - began))
