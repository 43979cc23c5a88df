"""The role swap that was not chosen (docs/decisions/0004), built to be measured beside the one that was.

The pool stays ACTIVE: the apply worker goes on. For some seconds commits of the primary wait for it, so that
it is behind by almost nothing; then come the fence, a mark in the stream, and the little that it has left.

What is proved: the stream has been read to the mark, and the last transaction that the worker applied was
committed before the fence; so no row of a published table was written behind it. Capture proves the same for
the other swap. What is not proved: that the rows written last are equal. Nobody has listed which they are.
Nor does it look for changed definitions, as the other one does.
"""

import time
from dataclasses import dataclass

from nodes.postgres import catalog, lsn, sequences, slot, synchronous
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.fence import maintenance_conninfo
from nodes.postgres.synchronous import Guard
from tracking.mirror import subscription, way_back
from tracking.mirror.fenced import FencedSwap

_GATE_BYTES = 2**20  # as where a pair is synchronous by choice: with more the first commits would wait long
_GATE_SECONDS = 60.0
_CALM_BYTES = 2**18  # what four writers have under way at any moment
_CALM_SECONDS = 1.0
_SYNCHRONOUS_SECONDS = 20.0
LAG = "select pg_current_wal_lsn() - confirmed_flush_lsn from pg_replication_slots where slot_name = %s"


@dataclass
class SynchronousSwap(FencedSwap):
    """One pool whose roles are exchanged; its methods are those of `PoolSwap`, called in the same order.

    A measurement, not a way to go: a failure ends the bench, and nothing is put back but the setting.
    """

    def prepare(self) -> None:
        """Everything that takes time: sessions, and the way back beside the stream that goes on."""
        route = self.route
        self._primary = connect(route.primary_conninfo, "swap")
        self._secondary = connect(route.secondary_conninfo, "swap")
        with self._step("way back prepared"):
            way_back.prepare(route, self.reverse_slot, self._primary, self._secondary)
        self._sequences = catalog.sequences(self._primary)  # the same ones on both nodes of the bench
        self._make_fence(set())
        # From another database, where the fence does not end it.
        self._guard = Guard(
            maintenance_conninfo(route.primary_conninfo, self.database), route.slot,
            seconds=self.budget_seconds,
        )  # fmt: skip

    def approach(self) -> None:
        """The lag gate; then commits wait for the secondary, until it has not been behind for a while."""
        with self._step("lag gate"):
            wait_until(
                lambda: self._lag() <= _GATE_BYTES, f"a lag of {_GATE_BYTES} bytes", seconds=_GATE_SECONDS
            )
        with self._step("synchronous") as step:
            subscription.set_synchronous(self._secondary, self.route.slot, True)
            synchronous.turn_on(self._primary, self.route.slot)
            self._wait_until_calm()
            way_back.position(self._secondary, self.reverse_slot)  # so that the last time is quick
            step.text = f"{self._lag()} bytes behind"

    def drain(self) -> None:
        """Carry the sequences while the worker reads to the mark, see what it applied last, and stop it."""
        with self._step("drain") as step:
            mark = self._fence.mark()
            values = sequences.read(self._primary, self._sequences)
            sequences.put(self._secondary, values)
            step.text = f"{len(values)} sequences set"
            wait_until(
                lambda: self._confirmed() >= mark, f"the secondary to reach {lsn.render(mark)}",
                seconds=self.budget_seconds, every=0.001,
            )  # fmt: skip
        with self._step("proof from the stream"):
            self._refuse_rows_behind_the_fence(self._applied())
        with self._step("stream stopped"):
            subscription.stop(self._secondary, self.route.slot)

    def commit(self) -> None:
        """The reverse stream's position, and the guard away."""
        with self._step("reverse stream positioned"):
            way_back.position(self._secondary, self.reverse_slot)
        super().commit()

    def finish(self) -> None:
        """The old primary becomes the secondary, and nothing is left of the stream to the new one."""
        super().finish()
        subscription.drop(self._secondary, self.route.slot)

    def close(self) -> None:
        """Commits of this node wait for nobody any more; close every session."""
        synchronous.turn_off(self._primary, self.route.slot)
        self._guard.close()
        self._primary.close()
        self._secondary.close()

    def _wait_until_calm(self) -> None:
        since = time.monotonic()

        def calm() -> bool:
            nonlocal since
            if self._lag() > _CALM_BYTES:
                since = time.monotonic()
            return time.monotonic() - since >= _CALM_SECONDS

        wait_until(calm, f"a lag below {_CALM_BYTES} bytes for a while", seconds=_SYNCHRONOUS_SECONDS)

    def _lag(self) -> int:
        return int(one(self._primary, LAG, (self.route.slot,)))

    def _confirmed(self) -> int:
        found = slot.find(self._primary, self.route.slot)
        assert found is not None
        return found.confirmed

    def _applied(self) -> int:
        found = subscription.find(self._secondary, self.route.slot)
        assert found is not None
        return found.applied
