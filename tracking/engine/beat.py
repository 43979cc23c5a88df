"""Beside a compare: how far it is comes to the portal once a second, and that somebody wants it to stop."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from mwaportal import doorbell
from tracking.models import Compare

_log = logging.getLogger("mwa.engine")
_LOOK_SECONDS = 0.2
_WRITE_SECONDS = 1.0


class Beat:
    """While it is entered, `figures()` are kept with the compare as they change, and `halt` is heard.

    `halt` is set when the engine stops, or when somebody stops this compare; `stopped` tells the latter.
    """

    def __init__(
        self, compare: Compare, pair_id: int, figures: Callable[[], dict[str, Any]], stop: threading.Event
    ) -> None:
        self.halt = threading.Event()
        self._compare, self._pair_id, self._figures, self._stop = compare, pair_id, figures, stop
        self._over = threading.Event()
        self._written: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"beat of {compare}")

    @property
    def stopped(self) -> bool:
        """Whether somebody has stopped this compare, and not the engine."""
        return self.halt.is_set() and not self._stop.is_set()

    def __enter__(self) -> "Beat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        not_before = 0.0
        try:
            while not self._over.wait(_LOOK_SECONDS):
                if self._stop.is_set():
                    self.halt.set()
                if time.monotonic() >= not_before:
                    not_before = time.monotonic() + _WRITE_SECONDS
                    self._write()
        finally:
            connection.close()

    def _write(self) -> None:
        mine = type(self._compare).objects.filter(pk=self._compare.pk)
        try:
            if not mine.filter(stopped_by="").exists():
                self.halt.set()
            figures = self._figures()
            mine.update(progress_at=timezone.now(), **figures)
        except (DatabaseError, InterfaceError) as error:  # the next one tells as much
            _log.warning("progress of %s: %s", self._compare, error)
            connection.close()
            return
        if figures != self._written:
            self._written = figures
            doorbell.notify(self._pair_id)
