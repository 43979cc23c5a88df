"""What was asked for and is not in force yet: who has asked, and what each pool and root is still at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nodes.models import FileRoot, Pair, StoragePool
from tracking.jobs import Work
from tracking.pages.view import PairView

_NOT_WAITED_FOR = frozenset({"CAPTURE", "TRACK FILES", "STREAM", "WAIT"})  # they go on in a pause


@dataclass(frozen=True)
class Drain:
    """A pool or a root: whether it has come to where it was asked to, and what it is still at."""

    about: StoragePool | FileRoot
    reached: bool
    working: list[Work]


@dataclass(frozen=True)
class Pending:
    """A request."""

    label: str
    by: str
    since: datetime | None
    drains: list[Drain]

    @property
    def left(self) -> int:
        """How many have not come there yet."""
        return sum(not drain.reached for drain in self.drains)


def pending(view: PairView, working: Sequence[Work]) -> Pending | None:
    """The request that is not in force yet; None where there is none."""
    pair = view.pair
    if not pair.pending_phase:
        return None
    drains = [
        Drain(
            each, _reached(pair, each),
            [work for work in working if work.about is each and work.what.value not in _NOT_WAITED_FOR],
        )
        for each in view.mirrored
    ]  # fmt: skip
    return Pending(pair.get_goal_display(), pair.asked_by, pair.asked_at, drains)


def _reached(pair: Pair, each: StoragePool | FileRoot) -> bool:
    if pair.goal == Pair.Goal.PAUSED:
        return each.detail == "SUSPENDED" and each.reason == 212
    if pair.goal == Pair.Goal.REMOVED:
        return each.state == "NOT MIRRORED"
    return each.replicating
