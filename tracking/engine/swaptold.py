"""The steps of a role swap while it runs: beside it, so that nobody waits longer because they are shown."""

import logging
import threading
from types import TracebackType

from django.db import DatabaseError, InterfaceError, connection

from mwaportal import doorbell
from nodes.models import SwapRequest
from tracking.mirror.swap import PoolSwap

_log = logging.getLogger("mwa.engine")
_EVERY_SECONDS = 0.25


class Told:
    """While it is entered, the steps so far are kept with the request as they happen.

    Its end is not waited for: what it writes late is written only while the swap is RUNNING, and whoever ends
    the swap writes all steps.
    """

    def __init__(self, request: SwapRequest, swaps: list[PoolSwap]) -> None:
        self._request, self._swaps = request, swaps
        self._over = threading.Event()
        self._told: list[dict[str, object]] = []

    def __enter__(self) -> "Told":
        threading.Thread(target=self._run, daemon=True, name=f"steps of {self._request}").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()

    def _run(self) -> None:
        try:
            while not self._over.wait(_EVERY_SECONDS):
                self._tell()
        except (DatabaseError, InterfaceError) as error:
            _log.warning("steps of %s: %s", self._request, error)  # they are written when it ends
        finally:
            connection.close()

    def _tell(self) -> None:
        steps = so_far(self._swaps)
        if steps == self._told or self._over.is_set():
            return
        mine = {"pk": self._request.pk, "state": "RUNNING", "started_at": self._request.started_at}
        SwapRequest.objects.filter(**mine).update(steps=steps)
        self._told = steps
        doorbell.notify(self._request.pair_id)


def so_far(swaps: list[PoolSwap]) -> list[dict[str, object]]:
    """The steps that were begun; one that goes on has no time yet."""
    return [
        {
            "database": swap.database,
            "name": step.name,
            "ms": step.ms,
            "text": step.text,
            **({} if step.ms else {"under_way": True}),
        }
        for swap in list(swaps)
        for step in list(swap.steps)
    ]
