"""The role swap that was not chosen (docs/decisions/0004), built to be measured beside the one that was.

The pool stays ACTIVE: the apply worker goes on. For some seconds commits of the primary wait for it, so that
it is behind by almost nothing; then come the fence, a mark in the stream, and the little that it has left.

What is proved: the stream has been read to the mark, and the last transaction that the worker applied was
committed before the fence; so no row of a published table was written behind it. Capture proves the same for
the other swap. What is not proved: that the rows written last are equal. Nobody has listed which they are.
Nor does it look for changed definitions, as the other one does.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg.conninfo import make_conninfo

from nodes.postgres import blocked, catalog, install, lsn, sequences, slot, synchronous
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.fence import Fence, FenceBroken, maintenance_conninfo
from nodes.postgres.synchronous import Guard
from tracking.mirror import subscription, way_back
from tracking.mirror.handover import Route
from tracking.mirror.swap import Step

_GUARD_MARGIN_SECONDS = 3.0
_GATE_BYTES = 2**20  # as where a pair is synchronous by choice: with more the first commits would wait long
_GATE_SECONDS = 60.0
_CALM_BYTES = 2**18  # what four writers have under way at any moment
_CALM_SECONDS = 1.0
_SYNCHRONOUS_SECONDS = 20.0
LAG = "select pg_current_wal_lsn() - confirmed_flush_lsn from pg_replication_slots where slot_name = %s"


@dataclass
class SynchronousSwap:
    """One pool whose roles are exchanged; its methods are those of `PoolSwap`, called in the same order.

    A measurement, not a way to go: a failure ends the bench, and nothing is put back but the setting.
    """

    route: Route
    database: str
    reverse_slot: str
    budget_seconds: float
    steps: list[Step] = field(default_factory=list)

    def prepare(self) -> None:
        """Everything that takes time: sessions, and the way back beside the stream that goes on."""
        route = self.route
        self._primary = connect(route.primary_conninfo, "swap")
        self._secondary = connect(route.secondary_conninfo, "swap")
        with self._step("way back prepared"):
            self._prepare_way_back()
        self._sequences = catalog.sequences(self._primary)  # the same ones on both nodes of the bench
        self._fence = Fence(
            route.primary_conninfo, self.database, self._primary, set(),
            seconds=self.budget_seconds + _GUARD_MARGIN_SECONDS,
        )  # fmt: skip
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

    def close_primary(self) -> None:
        """The fence: from here on clients wait."""
        with self._step("fence"):
            self._fenced_at = self._fence.close(seconds=self.budget_seconds / 2)

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
            self._refuse_rows_behind_the_fence()
        with self._step("stream stopped"):
            subscription.stop(self._secondary, self.route.slot)

    def commit(self) -> None:
        """The reverse stream's position, and the guard away: the last step before the decision."""
        with self._step("reverse stream positioned"):
            way_back.position(self._secondary, self.reverse_slot)
        left = self._fence.seconds_left() - _GUARD_MARGIN_SECONDS
        if left < 0:
            raise FenceBroken(f"the swap took {-left:.1f} s longer than its {self.budget_seconds:g} s")
        self._fence.disarm()

    def open_secondary(self) -> None:
        """The secondary takes writes: it is the primary now."""
        with self._step("open"):
            blocked.unblock(self._secondary, self._secondary.info.dbname)

    def finish(self) -> None:
        """The old primary becomes the blocked secondary of the reverse stream."""
        with self._step("reverse stream started"):
            way_back.follow(self.route, self.database, self.reverse_slot)
        self._fence.release()
        subscription.drop(self._secondary, self.route.slot)

    def close(self) -> None:
        """Commits of this node wait for nobody any more; close every session."""
        synchronous.turn_off(self._primary, self.route.slot)
        self._guard.close()
        self._primary.close()
        self._secondary.close()

    @contextmanager
    def _step(self, name: str) -> Iterator[Step]:
        step, began = Step(name, 0.0), time.monotonic()
        self.steps.append(step)
        yield step
        step.ms = round((time.monotonic() - began) * 1000, 1)

    def _prepare_way_back(self) -> None:
        install.install(self._secondary)
        install.publish(self._secondary, catalog.tables(self._secondary))
        made = slot.create(self._secondary, self.reverse_slot, seconds=10)
        subscription.start_at(
            self._primary, self.reverse_slot, make_conninfo(self.route.secondary_conninfo),
            self.route.publication, made.confirmed, enable=False,
        )  # fmt: skip

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

    def _refuse_rows_behind_the_fence(self) -> None:
        found = subscription.find(self._secondary, self.route.slot)
        assert found is not None
        if found.applied > self._fenced_at:
            raise FenceBroken(
                f"a row was written at {lsn.render(found.applied)}, after the fence"
                f" at {lsn.render(self._fenced_at)}"
            )
