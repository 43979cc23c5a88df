"""While a step takes long: capture lives, the primary's log stays bounded, the figures are fresh."""

import logging
import threading
from types import TracebackType

import psycopg
from django.db import close_old_connections, connection

from nodes.postgres import slot
from nodes.postgres.connect import TimedOut, Unreachable
from tracking.mirror.capture_client import CaptureFailed

from . import capturing, measure, preventing, requests, wallimit
from .poolruntime import PoolRuntime

_log = logging.getLogger("mwa.engine")
_EVERY_SECONDS = 1.0


class Tended:
    """The runtime's sessions belong to this as long as it lasts; with `capture`, so does its capture."""

    def __init__(self, runtime: PoolRuntime, *, capture: bool) -> None:
        self._runtime = runtime
        self._capture = capture
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tend, daemon=True, name=f"tend {runtime.pool.pk}")

    def _tend(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            try:
                close_old_connections()
                self._look()
            except (Unreachable, TimedOut, CaptureFailed, psycopg.Error) as error:
                _log.warning("pool %s: %s", self._runtime.pool, error)
            except Exception:
                _log.exception("pool %s", self._runtime.pool)
        connection.close()

    def _look(self) -> None:
        runtime = self._runtime
        found = slot.find(runtime.primary(), runtime.pool.slot())
        if wallimit.beyond(runtime, found):
            wallimit.give_up(runtime, found)
        elif self._capture and found and not found.lost:
            capturing.ensure(runtime)
        measure.measure(runtime)
        requests.step(runtime)
        if not runtime.pool.replicating:
            preventing.look(runtime)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
