"""The reconcile loop of one pair, under a lease: read what is wanted and what is, do the next small thing.

What concerns one pool alone is done by its own thread (`poolsteps`); what concerns all of them is done here
while none of those is at work.
"""

import logging
import threading
import time

from django.db import close_old_connections, connection

from mwaportal import doorbell
from nodes.models import Pair, StoragePool
from tracking.models import set_phase

from . import criteria_list, cutover, jobs, outcome, removal, setup, synchronize
from .compares import Compares
from .filehosts import works_here
from .files import Files
from .health import Health
from .inventories import Inventories
from .others import Others
from .poolruntime import PoolRuntime
from .poolsteps import PoolSteps
from .preflights import Preflights
from .say import say, took
from .setup import SetupFailed

_log = logging.getLogger("mwa.engine")
LEASE_SECONDS = 10.0
_TICK_SECONDS = 0.5
_AFTER_ERROR_SECONDS = 2.0
_DRAIN_SECONDS = 15.0
_INDEXED = frozenset({StoragePool.Step.INDEXED, StoragePool.Step.MIRRORED})


class PairLoop(threading.Thread):
    """Reconciles one pair until it is removed, the lease is lost, or it is told to stop.

    Or until the primary's files are on another host: then it gives the lease back to whoever is there.
    """

    def __init__(self, pair_id: int, owner: str) -> None:
        super().__init__(name=f"pair {pair_id}", daemon=True)
        self.pair_id = pair_id
        self._owner = owner
        self._ours = {"pair": pair_id}  # whose lines these are, for the flight recorder
        self._bell = threading.Event()
        self._ending = threading.Event()
        self._halt = threading.Event()  # what takes long ends early
        self._is_elsewhere = False
        self._pools: dict[int, PoolSteps] = {}
        self._compares = Compares()
        self._others = Others()
        self._inventories = Inventories()
        self._preflights = Preflights(owner)
        self._files = Files(pair_id, owner)
        self._health = Health(pair_id)

    def wake(self) -> None:
        """Look now."""
        self._bell.set()
        self._files.wake()

    def stop(self) -> None:
        """End after the steps that are under way; long ones end early."""
        self._ending.set()
        self._halt.set()
        self._bell.set()

    def run(self) -> None:
        """The thread's body."""
        renewing = threading.Thread(target=self._renew, daemon=True, name=f"lease {self.pair_id}")
        renewing.start()
        jobs.forget(self.pair_id)
        self._health.start()
        try:
            self._loop()
        finally:
            self.stop()
            self._health.stop()
            self._compares.stop()
            self._others.stop()
            self._inventories.stop()
            through = self._files.stop()
            for steps in self._pools.values():
                steps.end(_DRAIN_SECONDS)
            self._health.join(_DRAIN_SECONDS)
            if self._is_elsewhere and through:
                self._give_back(renewing)
            connection.close()

    def _loop(self) -> None:
        while not self._ending.is_set():
            self._bell.clear()
            pause = _TICK_SECONDS
            try:
                close_old_connections()
                pair = Pair.objects.select_related("source", "copy").filter(pk=self.pair_id).first()
                if pair is None:
                    return
                if not works_here(pair):
                    self._is_elsewhere = True
                    return
                self._preflights.step(pair)
                self._reconcile(pair, self._steps_of(pair))
            except Exception as error:
                # Whatever it was, the next look at the facts decides what to do about it.
                _log.exception("pair %s", self.pair_id, extra=self._ours)
                self._complain(error)
                pause = _AFTER_ERROR_SECONDS
            self._bell.wait(pause)

    def _steps_of(self, pair: Pair) -> list[PoolSteps]:
        """A pool that is at work goes on with what it has read; the others are given what is true now."""
        found = []
        for pool in pair.pools.all():
            pool.pair = pair
            if pool.pk not in self._pools:
                self._pools[pool.pk] = PoolSteps(PoolRuntime(pool, self._owner), self.wake)
            steps = self._pools[pool.pk]
            if not steps.busy:
                steps.runtime.pool = pool
            found.append(steps)
        self._end_those_gone({steps.runtime.pool.pk for steps in found})
        return found

    def _end_those_gone(self, there: set[int]) -> None:
        """Of databases that somebody has taken out of the pair before it was started."""
        for number in self._pools.keys() - there:
            if not self._pools[number].busy:
                self._pools.pop(number).end(_DRAIN_SECONDS)

    def _reconcile(self, pair: Pair, pools: list[PoolSteps]) -> None:
        if pair.goal == Pair.Goal.REMOVED:
            self._remove(pair, pools)
        elif not pools or (pair.phase == "" and pair.goal == ""):
            for steps in pools:
                if steps.runtime.pool.criteria_asked:
                    steps.begin(criteria_list.look_ahead)
        elif pair.stage == "SYSTEM MIGRATION":
            self._migrate(pair, pools)
        else:
            self._synchronize(pair, pools)

    def _remove(self, pair: Pair, pools: list[PoolSteps]) -> None:
        told, busy = self._halt.is_set(), [steps.runtime for steps in pools if steps.busy]
        self._halt.set()
        self._compares.stop()
        self._others.stop()
        self._inventories.stop()
        self._files.stop()
        if not busy:
            if removal.step(pair, [steps.runtime for steps in pools]):
                self._ending.set()
        elif told:
            removal.interrupt(busy)

    def _migrate(self, pair: Pair, pools: list[PoolSteps]) -> None:
        if pair.phase == "" and not self._checked(pair, [steps.runtime for steps in pools]):
            return
        self._files.step()
        self._inventories.step([steps.runtime for steps in pools])
        reached = {steps.runtime.pool.step for steps in pools}
        complete = (
            reached == {StoragePool.Step.MIRRORED} and not pair.file_roots.filter(copied_at=None).exists()
        )
        self._show(pair, "SYNC" if complete else "FINAL SETUP" if reached <= _INDEXED else "SETUP", pools)
        if complete:
            say(pair, "The system migration is complete; changes are being synchronized")
        for steps in pools:
            mirrored = steps.runtime.pool.step == StoragePool.Step.MIRRORED
            steps.begin(synchronize.step if mirrored else self._set_up)

    def _set_up(self, runtime: PoolRuntime) -> bool:
        before, began = runtime.pool.step, time.monotonic()
        setup.step(runtime, self._halt)
        if runtime.pool.step != before:
            took(began, f"Step {runtime.pool.get_step_display()} is done", runtime.pool)
        return runtime.pool.step != before

    def _checked(self, pair: Pair, runtimes: list[PoolRuntime]) -> bool:
        try:
            setup.check(runtimes)
        except SetupFailed as error:
            if not error.node_away:
                Pair.objects.filter(pk=pair.pk).update(goal="")
            set_phase(pair, "", "E", str(error))
            say(pair, str(error), "PREFLGHT")
            return False
        return True

    def _synchronize(self, pair: Pair, pools: list[PoolSteps]) -> None:
        runtimes = [steps.runtime for steps in pools]
        idle = not any(steps.busy for steps in pools)
        if idle:
            outcome.recover(pair, runtimes)
        self._files.step()
        if request := cutover.ready(pair):
            if idle and self._files.in_step(pair):  # else no further step is begun until they are
                with jobs.under_way(pair.pk, self._owner, "SWAP"):
                    cutover.run(pair, request, runtimes, self._files)
            return
        for steps in pools:
            steps.begin(synchronize.step)
        self._compares.ask_when_due(pair)
        self._compares.step(runtimes)
        self._others.step(runtimes)
        self._inventories.step(runtimes)
        paused = all(runtime.pool.reason == 212 for runtime in runtimes)
        paused &= not pair.file_roots.exclude(reason=212).exists()
        if pair.goal == Pair.Goal.PAUSED and paused:
            self._show(pair, "PAUSED", pools, "I")
        elif pair.goal == Pair.Goal.PAUSED:
            self._show(pair, pair.phase, pools)
        elif pair.goal == Pair.Goal.SYNC:
            self._show(pair, "SYNC", pools)

    def _show(self, pair: Pair, phase: str, pools: list[PoolSteps], detail: str = "A") -> None:
        """The pair's phase, and what is wrong in any of its pools."""
        wrong = [f"{steps.runtime.pool}: {steps.trouble}" for steps in pools if steps.trouble]
        set_phase(pair, phase, "E" if wrong else detail, "; ".join(wrong))

    def _renew(self) -> None:
        """Keep the lease while the loop is busy; losing it ends the loop."""
        held_until = time.monotonic() + LEASE_SECONDS
        while not self._ending.wait(LEASE_SECONDS / 4):
            try:
                close_old_connections()
                asked_at = time.monotonic()
                pair = Pair.objects.filter(pk=self.pair_id).first()
                if pair is None or pair.take_lease(self._owner, LEASE_SECONDS):
                    held_until = asked_at + LEASE_SECONDS
                else:
                    _log.warning(
                        "pair %s: the lease was taken by somebody else", self.pair_id, extra=self._ours
                    )
                    self.stop()
            except Exception:
                _log.exception("pair %s: the lease could not be renewed", self.pair_id, extra=self._ours)
                if time.monotonic() > held_until:
                    self.stop()
        connection.close()

    def _give_back(self, renewing: threading.Thread) -> None:
        """Let the engine that is where the files are have the pair at once."""
        renewing.join(LEASE_SECONDS)  # else it could take the lease once more
        if not renewing.is_alive():
            mine = Pair.objects.filter(pk=self.pair_id, lease_owner=self._owner)
            mine.update(lease_owner="", lease_until=None)

    def _complain(self, error: Exception) -> None:
        try:
            pair = Pair.objects.get(pk=self.pair_id)
            text = f"{type(error).__name__}: {error}".strip()
            set_phase(pair, pair.phase, "E", text)
            say(pair, text, "ERROR")
            doorbell.notify(pair.pk)
        except Exception:
            _log.exception("pair %s: nobody could be told", self.pair_id, extra=self._ours)
