"""One loop for each pair whose lease this process can get; the sweep finds what no doorbell rang for."""

import logging
import os
import secrets
import socket
import threading
import time

from django.db import close_old_connections, connection

from nodes.models import Pair

from . import totals
from .filehosts import works_here
from .pairloop import LEASE_SECONDS, PairLoop

_log = logging.getLogger("mwa.engine")
_SWEEP_SECONDS = 1.0
_lock = threading.Lock()
_supervisor: "Supervisor | None" = None


class Supervisor(threading.Thread):
    """Starts and watches the loops of this process."""

    def __init__(self) -> None:
        super().__init__(name="engine", daemon=True)
        self._owner = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._loops: dict[int, PairLoop] = {}
        self._bell = threading.Event()
        self._ended = threading.Event()

    def run(self) -> None:
        """The thread's body."""
        while not self._ended.is_set():
            self._bell.clear()
            try:
                close_old_connections()
                self._sweep()
                totals.step()
            except Exception:
                _log.exception("the engine could not look for work")
            self._bell.wait(_SWEEP_SECONDS)
        connection.close()

    def wake(self, pair_id: int | None) -> None:
        """Look at a pair (or at all of them) now."""
        for number, loop in list(self._loops.items()):
            if pair_id in (None, number):
                loop.wake()
        self._bell.set()

    def end(self, seconds: float) -> None:
        """End every loop and give the leases back; a pair that is still at work keeps its own to the end."""
        self._ended.set()
        self._bell.set()
        deadline = time.monotonic() + seconds
        for loop in list(self._loops.values()):
            loop.stop()
        self.join(max(0.1, deadline - time.monotonic()))  # it may just be taking another pair
        for loop in list(self._loops.values()):
            loop.stop()
            loop.join(max(0.1, deadline - time.monotonic()))
        through = [number for number, loop in self._loops.items() if not loop.is_alive()]
        Pair.objects.filter(pk__in=through, lease_owner=self._owner).update(lease_owner="", lease_until=None)
        connection.close()

    def _sweep(self) -> None:
        for number, loop in list(self._loops.items()):
            if not loop.is_alive():
                del self._loops[number]
        for pair in Pair.objects.select_related("source", "copy").exclude(pk__in=list(self._loops)):
            if works_here(pair) and pair.take_lease(self._owner, LEASE_SECONDS):
                self._loops[pair.pk] = loop = PairLoop(pair.pk, self._owner)
                loop.start()


def start() -> None:
    """Start the engine of this process; again and again is fine."""
    global _supervisor
    with _lock:
        if _supervisor is None or not _supervisor.is_alive():
            _supervisor = Supervisor()
            _supervisor.start()


def wake(pair_id: int | None = None) -> None:
    """The doorbell rang."""
    if supervisor := _supervisor:
        supervisor.wake(pair_id)


def stop(seconds: float = 20.0) -> None:
    """End the engine of this process."""
    global _supervisor
    with _lock:
        if _supervisor is not None:
            _supervisor.end(seconds)
            _supervisor = None
