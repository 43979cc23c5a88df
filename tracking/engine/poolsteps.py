"""The steps of one pool, one after the other in a thread of its own.

So what takes long in one pool of a pair does not delay the others, and what fails in it does not disturb
them: a failure is said, and the step is tried again after a pause that grows.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections, connection

from .poolruntime import PoolRuntime
from .say import say, took

_log = logging.getLogger("mwa.engine")
_BACKOFF_SECONDS = (2, 2, 5, 10)

Step = Callable[[PoolRuntime], bool | None]  # True: there is a next one right away


class PoolSteps(threading.Thread):
    """Carries out the steps of a pool; `trouble` is why the last one failed, empty where it did not."""

    def __init__(self, runtime: PoolRuntime, more: Callable[[], None]) -> None:
        super().__init__(name=f"pool {runtime.pool.pk}", daemon=True)
        self.runtime = runtime
        self.trouble = ""
        self._more = more
        self._step: Step | None = None
        self._asked = threading.Event()
        self._ended = False
        self._failures = 0
        self._not_before = 0.0
        self.start()

    @property
    def busy(self) -> bool:
        """Whether a step is under way; the runtime is the step's own until it has ended."""
        return self._asked.is_set()

    def begin(self, step: Step) -> None:
        """Have a step done; not while another is under way, nor too soon after one that failed."""
        if not self.busy and time.monotonic() >= self._not_before:
            self._step = step
            self._asked.set()

    def end(self, seconds: float) -> None:
        """End after the step that is under way; one that lasts longer loses its sessions."""
        self._ended = True
        if not self.busy:
            self._asked.set()
        self.join(seconds)
        self.runtime.close()

    def run(self) -> None:
        """The thread's body."""
        while not self._ended:
            self._asked.wait()
            if self._step and not self._ended:
                more = self._carry_out(self._step)
                self._asked.clear()
                if more:
                    self._more()
        connection.close()

    def _carry_out(self, step: Step) -> bool:
        try:
            close_old_connections()
            began = time.monotonic()
            more = bool(step(self.runtime))
            took(
                began,
                f"step {step.__module__.rpartition('.')[2]}.{step.__name__}",
                self.runtime.pool,
                detail=True,
            )
            self.trouble, self._failures = "", 0
            return more
        except Exception as error:
            self._failed(error)
            return False

    def _failed(self, error: Exception) -> None:
        # Whatever it was, the next look at the facts decides what to do about it.
        _log.exception("pool %s of pair %s", self.runtime.pool, self.runtime.pool.pair)
        self._not_before = time.monotonic() + _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._failures += 1
        self.trouble = f"{type(error).__name__}: {error}".strip()
        try:
            say(self.runtime.pool.pair, self.trouble, "ERROR", self.runtime.pool)
        except Exception:
            _log.exception("nobody could be told")
