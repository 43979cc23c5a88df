"""The reconcile loop of one pair, under a lease: read what is wanted and what is, do the next small thing."""

import logging
import threading
import time

from django.db import close_old_connections, connection

from mwaportal import doorbell
from nodes.models import Pair
from tracking.models import set_phase

from . import cutover, measure, removal, setup, synchronize
from .poolruntime import PoolRuntime
from .proof import Compares
from .say import say
from .setup import SetupFailed

_log = logging.getLogger("mwa.engine")
LEASE_SECONDS = 10.0
_TICK_SECONDS = 0.5
_AFTER_ERROR_SECONDS = 2.0


class PairLoop(threading.Thread):
    """Reconciles one pair until it is removed, the lease is lost, or it is told to stop."""

    def __init__(self, pair_id: int, owner: str) -> None:
        super().__init__(name=f"pair {pair_id}", daemon=True)
        self.pair_id = pair_id
        self._owner = owner
        self._bell = threading.Event()
        self._ending = threading.Event()
        self._runtimes: dict[int, PoolRuntime] = {}
        self._compares = Compares()

    def wake(self) -> None:
        """Look now."""
        self._bell.set()

    def stop(self) -> None:
        """End after the step that is running; long steps end early."""
        self._ending.set()
        self._bell.set()

    def run(self) -> None:
        """The thread's body."""
        renewing = threading.Thread(target=self._renew, daemon=True, name=f"lease {self.pair_id}")
        renewing.start()
        try:
            self._loop()
        finally:
            self._ending.set()
            self._compares.stop()
            for runtime in self._runtimes.values():
                runtime.close()
            connection.close()

    def _loop(self) -> None:
        while not self._ending.is_set():
            self._bell.clear()
            pause = _TICK_SECONDS
            try:
                close_old_connections()
                pair = Pair.objects.filter(pk=self.pair_id).first()
                if pair is None:
                    return
                self._reconcile(pair, self._pools(pair))
            except Exception as error:
                # Whatever it was, the next look at the facts decides what to do about it.
                _log.exception("pair %s", self.pair_id)
                self._complain(error)
                pause = _AFTER_ERROR_SECONDS
            self._bell.wait(pause)

    def _pools(self, pair: Pair) -> list[PoolRuntime]:
        found = []
        for pool in pair.pools.all():
            pool.pair = pair
            runtime = self._runtimes.setdefault(pool.pk, PoolRuntime(pool))
            runtime.pool = pool
            found.append(runtime)
        return found

    def _reconcile(self, pair: Pair, runtimes: list[PoolRuntime]) -> None:
        if pair.goal == Pair.Goal.REMOVED:
            if removal.step(runtimes):
                self._ending.set()
            return
        if not runtimes or (pair.phase == "" and pair.goal == ""):
            return
        if pair.stage == "SYSTEM MIGRATION":
            self._migrate(pair, runtimes)
            return
        cutover.recover(pair, runtimes)
        if cutover.take_up(pair, runtimes):
            return
        for runtime in runtimes:
            synchronize.step(runtime)
        self._measure(runtimes)
        self._compares.step(runtimes)
        self._show_phase(pair, runtimes)

    def _migrate(self, pair: Pair, runtimes: list[PoolRuntime]) -> None:
        if pair.phase == "":
            try:
                setup.check(runtimes)
            except SetupFailed as error:
                if not error.node_away:
                    Pair.objects.filter(pk=pair.pk).update(goal="")
                set_phase(pair, "", "E", str(error))
                say(pair, str(error), "PREFLGHT")
                return
            set_phase(pair, "SETUP", "A")
        for runtime in runtimes:
            if runtime.pool.step == "MIRRORED":
                synchronize.step(runtime)
            else:
                setup.step(runtime, self._ending)
                break
        self._measure(runtimes)
        if pair.phase_detail == "E":
            set_phase(pair, pair.phase, "A")  # what was in the way is over
        if all(runtime.pool.step == "MIRRORED" for runtime in runtimes):
            set_phase(pair, "SYNC", "A")
            say(pair, "The system migration is complete; changes are being synchronized")

    def _measure(self, runtimes: list[PoolRuntime]) -> None:
        for runtime in runtimes:
            if not runtime.failing_for("primary") and runtime.pool.step:
                measure.measure(runtime)

    def _show_phase(self, pair: Pair, runtimes: list[PoolRuntime]) -> None:
        paused = all(runtime.pool.reason == 212 for runtime in runtimes)
        if pair.goal == "PAUSED" and paused:
            set_phase(pair, "PAUSED", "I")
        elif pair.goal == "SYNC":
            set_phase(pair, "SYNC", "A")

    def _renew(self) -> None:
        """Keep the lease while the loop is busy; losing it ends the loop."""
        held_until = time.monotonic() + LEASE_SECONDS
        while not self._ending.wait(LEASE_SECONDS / 4):
            try:
                close_old_connections()
                pair = Pair.objects.filter(pk=self.pair_id).first()
                if pair is None or pair.goal == Pair.Goal.REMOVED:
                    self.wake()
                if pair is None or pair.take_lease(self._owner, LEASE_SECONDS):
                    held_until = time.monotonic() + LEASE_SECONDS
                else:
                    _log.warning("pair %s: the lease was taken by somebody else", self.pair_id)
                    self.stop()
            except Exception:
                _log.exception("pair %s: the lease could not be renewed", self.pair_id)
                if time.monotonic() > held_until:
                    self.stop()
        connection.close()

    def _complain(self, error: Exception) -> None:
        try:
            pair = Pair.objects.get(pk=self.pair_id)
            text = f"{type(error).__name__}: {error}".strip()
            set_phase(pair, pair.phase, "E", text)
            say(pair, text, "ERROR")
            doorbell.notify(pair.pk)
        except Exception:
            _log.exception("pair %s: nobody could be told", self.pair_id)
