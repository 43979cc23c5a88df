"""What every way of exchanging the roles of one pool shares: its fence, its steps, the opening."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nodes.postgres import blocked, lsn
from nodes.postgres.connect import Connection
from nodes.postgres.fence import Fence, FenceBroken

from . import way_back
from .handover import Route

_GUARD_MARGIN_SECONDS = 3.0


@dataclass
class Step:
    """One step of a swap, as it is shown: its name, how long it took, what it found."""

    name: str
    ms: float
    text: str = ""


@dataclass
class FencedSwap:
    """One pool whose roles are exchanged within `budget_seconds`, from the fence to the opening."""

    route: Route
    database: str
    reverse_slot: str
    budget_seconds: float
    steps: list[Step] = field(default_factory=list, init=False)
    _primary: Connection = field(init=False, repr=False)
    _secondary: Connection = field(init=False, repr=False)
    _fence: Fence = field(init=False, repr=False)
    _fenced_at: int = field(default=0, init=False)

    @property
    def primary(self) -> Connection:
        """Our session on the primary, which the fence spares."""
        return self._primary

    def close_primary(self) -> None:
        """The fence: from here on clients wait."""
        with self._step("fence"):
            self._fenced_at = self._fence.close(seconds=self.budget_seconds / 2)

    def commit(self) -> None:
        """The guard away, after the decision; raises `FenceBroken` where it is too late."""
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

    def _make_fence(self, keep: set[int]) -> None:
        """Ready to be closed; `keep` are sessions of ours on the primary that it spares."""
        self._fence = Fence(
            self.route.primary_conninfo, self.database, self._primary, keep,
            seconds=self.budget_seconds + _GUARD_MARGIN_SECONDS,
        )  # fmt: skip

    def _refuse_rows_behind_the_fence(self, last: int) -> None:
        """`last` is the position of the last commit that touched a row."""
        if last > self._fenced_at:
            raise FenceBroken(
                f"a row was written at {lsn.render(last)}, after the fence at {lsn.render(self._fenced_at)}"
            )

    @contextmanager
    def _step(self, name: str) -> Iterator[Step]:
        step, began = Step(name, 0.0), time.monotonic()
        self.steps.append(step)
        try:
            yield step
        finally:
            step.ms = round((time.monotonic() - began) * 1000, 1)
