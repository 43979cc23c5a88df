"""What several rooms need at the same moment is read once for all of them."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

LONGEST_SECONDS = 1.0


class Memo:
    """Values by key, each with the time at which its reading began; used from several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._read: dict[Hashable, tuple[float, Any]] = {}

    def get(self, key: Hashable, since: float, read: Callable[[], Any]) -> Any:
        """The value, not read before `since` (of time.monotonic) and at most a second old; else it is read.

        Whoever comes while it is being read waits for that.
        """
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            began, value = self._read.get(key, (float("-inf"), None))
            if began < max(since, time.monotonic() - LONGEST_SECONDS):
                began = time.monotonic()
                value = read()
                self._read[key] = began, value
            return value

    def forget(self, key: Hashable) -> None:
        """Nobody needs it any more."""
        with self._guard:
            self._locks.pop(key, None)
            self._read.pop(key, None)
