"""The moments of a migration in which a fault may strike, and how each of them is brought about."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection

from nodes.models import Pair, StoragePool

from .plant import Plant, wait_for
from .rehearsal import Rehearsal

_SETTLE_SECONDS = 300
_REACH_SECONDS = 60
_STEPS = list(StoragePool.Step)


@dataclass(frozen=True)
class Moment:
    """`now` tells it; a fault strikes at any time within `seconds` of it.

    What leads to it is asked for when everything has settled, or, without `settled_before`, at once.
    """

    name: str
    seconds: float
    now: Callable[[Pair, StoragePool], bool]
    ask: Callable[[Rehearsal], None] = lambda rehearsal: None
    settled_before: bool = True


def _step(name: str, seconds: float, step: StoragePool.Step) -> Moment:
    """In a step of the system migration, or past it: there is no way back to it."""
    reached = _STEPS.index(step)
    return Moment(
        name, seconds, lambda pair, pool: pair.phase != "" and _STEPS.index(pool.step) >= reached,
        settled_before=False,
    )  # fmt: skip


def _pause(rehearsal: Rehearsal) -> None:
    rehearsal.plant.pair().ask(Pair.Goal.PAUSED)


def _pause_and_resume(rehearsal: Rehearsal) -> None:
    _pause(rehearsal)
    wait_for(rehearsal.plant, "a pause", lambda: rehearsal.plant.pair().phase == "PAUSED", _REACH_SECONDS)
    rehearsal.plant.pair().ask(Pair.Goal.SYNC)


def _swap(rehearsal: Rehearsal) -> None:
    rehearsal.request_swap()


SET_UP = (
    Moment("preflight", 0.8, lambda pair, pool: True, settled_before=False),
    _step("begin of tracking", 0.2, StoragePool.Step.NEW),
    _step("definitions", 0.3, StoragePool.Step.INSTALLED),
    _step("tables", 0.5, StoragePool.Step.DEFINED),
    _step("indexes", 0.3, StoragePool.Step.COPIED),
    _step("first hand-over", 0.2, StoragePool.Step.INDEXED),
)
LATER = (
    Moment("replication", 3.0, lambda pair, pool: pool.replicating),
    Moment("pause", 2.0, lambda pair, pool: pair.phase == "PAUSED", _pause),
    Moment("hand-over", 0.3, lambda pair, pool: pool.detail == "SYNCHRONIZING", _pause_and_resume),
    Moment("final synchronization", 1.0, lambda pair, pool: pair.phase == "FINAL SYNC", _swap),
    Moment("role swap", 0.12, lambda pair, pool: pair.phase == "SWAPPING", _swap),
    Moment("what follows the last fault", 3.0, lambda pair, pool: True, settled_before=False),
)


def chosen(rounds: int, chance: random.Random) -> Iterator[Moment]:
    """So many moments, each kind as often as every other: a third in the system migration, then the rest."""
    yield from sorted(_often(SET_UP, rounds // 3, chance), key=SET_UP.index)
    yield from _often(LATER, rounds - rounds // 3, chance)


def _often(moments: tuple[Moment, ...], count: int, chance: random.Random) -> list[Moment]:
    found: list[Moment] = []
    while len(found) < count:
        found += chance.sample(moments, len(moments))
    return found[:count]


def reach(moment: Moment, rehearsal: Rehearsal, chance: random.Random) -> None:
    """Bring a moment about and wait for it; raises `TimedOut` where it does not come."""
    plant = rehearsal.plant
    if moment.settled_before:
        wait_for(plant, "everything to settle", lambda: settled(rehearsal), _SETTLE_SECONDS)
    wait_for(plant, f"what leads to: {moment.name}", lambda: _asked(moment, rehearsal), _REACH_SECONDS)
    _until(plant, moment)
    time.sleep(chance.uniform(0, moment.seconds))


def _asked(moment: Moment, rehearsal: Rehearsal) -> bool:
    try:
        moment.ask(rehearsal)
        return True
    except ValidationError:  # not possible in this moment
        return False


def _until(plant: Plant, moment: Moment) -> None:
    """It may last for milliseconds only; one that was missed is over, and the fault strikes all the same."""
    deadline = time.monotonic() + _REACH_SECONDS
    while time.monotonic() < deadline:
        plant.watch()
        try:
            pool = StoragePool.objects.select_related("pair").get(number=1)
            if moment.now(pool.pair, pool):
                return
        except DatabaseError:
            connection.close()
        time.sleep(0.005)


def settled(rehearsal: Rehearsal) -> bool:
    """Whether the pair is replicating; what was asked for last may be a pause: then it is ended."""
    pair = rehearsal.plant.pair()
    if pair.goal == Pair.Goal.PAUSED:
        try:
            pair.ask(Pair.Goal.SYNC)
        except ValidationError:  # a role swap is still running
            return False
    return rehearsal.settled()


def place() -> str:
    """Where the pair and its database stand, for people."""
    try:
        pair = Pair.objects.get()
        pool = pair.pools.get(number=1)
        return f"{pair.phase or 'no phase'} {pool.step} {pool.state} {pool.detail}"
    except DatabaseError:
        connection.close()
        return "an unknown phase"
