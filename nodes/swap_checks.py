"""What a role swap needs before it can take place: each condition with the value seen and the value needed.

`Pair.in_the_way_of_swap` is the first of these that is not met; the page of the cutover shows all of them,
beside what `tracking.swap_outlook` knows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mwaportal import shown

from . import status
from .status import Status

if TYPE_CHECKING:
    from .models import FileRoot, Pair, StoragePool

OK, WARNING, IN_THE_WAY, UNKNOWN = "OK", "WARNING", "IN THE WAY", "UNKNOWN"
_IN_STEP = "ACTIVE REPLICATING"


@dataclass(frozen=True)
class SwapCheck:
    """One condition. `refusal` is a sentence for whoever asks for a swap that it is in the way of.

    `way_out` says what there is to do, on the page of the pair that is called `page`; `since` is when the
    value was seen, None where it is read with the page itself.
    """

    name: str
    seen: str
    needed: str
    verdict: str = OK
    refusal: str = ""
    way_out: str = ""
    page: str = ""
    since: datetime | None = None

    @property
    def outcome(self) -> Status:
        """For an indicator."""
        return status.SWAP_CHECK[self.verdict]

    @property
    def is_ok(self) -> bool:
        """Whether there is nothing to do about it."""
        return self.verdict == OK


def conditions(pair: "Pair") -> Iterator[SwapCheck]:
    """What is in the way of a swap where it is not met; in the order in which a refusal names them."""
    yield _phase(pair)
    yield _goal(pair)
    for pool in pair.pools.all():
        yield _in_step(f"Replication of {pool}", f"pool {pool}", pool, "pair")
        yield _criteria(pool)
        yield _definitions(pool)
        yield _lag(pool)
    for root in pair.file_roots.all():
        yield _in_step(f"Replication of {root.asp_name}", f"file root {root}", root, "files")
        yield _files(root)


def _check(ok: bool, name: str, seen: str, needed: str, refusal: str, way_out: str, page: str) -> SwapCheck:
    if ok:
        return SwapCheck(name, seen, needed)
    return SwapCheck(name, seen, needed, IN_THE_WAY, refusal, way_out, page)


def _phase(pair: "Pair") -> SwapCheck:
    needed = status.PHASE["SYNC"].label
    refusal = f"pair {pair.name} is in phase {pair.get_phase_display()}; a role swap needs {needed}"
    way_out = "Wait until the system migration is complete, or start the pair where it is paused"
    return _check(
        pair.phase == "SYNC", "Phase", pair.get_phase_display(), needed, refusal, way_out,
        "pair" if pair.phase == "PAUSED" else "migration",
    )  # fmt: skip


def _goal(pair: "Pair") -> SwapCheck:
    asked = pair.Goal(pair.goal).label
    refusal = f"{asked} was asked of pair {pair.name}, needed is Synchronize"
    way_out = "Have the pair synchronize: start it, or cancel the pause"
    return _check(
        pair.goal == pair.Goal.SYNC, "Asked for", asked, "Synchronize", refusal, way_out, "pair"
    )  # fmt: skip


def _in_step(name: str, called: str, mirrored: "StoragePool | FileRoot", page: str) -> SwapCheck:
    refusal = f"{called} is {mirrored.standing}; a role swap needs {_IN_STEP}"
    way_out = mirrored.why or "Wait until it is in step again"
    found = _check(mirrored.replicating, name, mirrored.standing, _IN_STEP, refusal, way_out, page)
    return SwapCheck(**{**vars(found), "since": mirrored.since})


def _criteria(pool: "StoragePool") -> SwapCheck:
    busy = pool.criteria_changes.filter(commit_asked=True).exists()
    refusal = f"criteria of pool {pool} are being committed; a role swap needs them settled"
    seen = "being committed" if busy else "settled"
    way_out = "Wait until they are committed; a refused change has to be rolled back"
    return _check(not busy, f"Criteria of {pool}", seen, "settled", refusal, way_out, "criteria")


def _definitions(pool: "StoragePool") -> SwapCheck:
    left = pool.definition_entries.by_hand().count()
    refusal = f"{left} definition changes of pool {pool} are not on the secondary; needed is none"
    way_out = "Have them tried again, carry them by hand and tick them off, or omit them"
    return _check(
        not left, f"Definitions of {pool} left", shown.number(left), "0", refusal, way_out, "definitions"
    )  # fmt: skip


def _lag(pool: "StoragePool") -> SwapCheck:
    lag, limit = pool.lag_bytes, pool.properties.lag_limit_bytes
    needed = f"at most {shown.size(limit)}"
    refusal = f"the lag of pool {pool} is {lag} bytes, allowed are {limit}"
    way_out = "Wait until it has shrunk, have less written, or allow more in the properties"
    found = _check((lag or 0) <= limit, f"Lag of {pool}", shown.size(lag), needed, refusal, way_out, "pair")
    verdict = UNKNOWN if lag is None else found.verdict
    return SwapCheck(**{**vars(found), "verdict": verdict, "since": pool.measured_at})


def _files(root: "FileRoot") -> SwapCheck:
    left = root.changes.left().count()
    refusal = f"{left} files below {root} are not on the secondary; needed is none"
    way_out = "Have them tried again, or omit them"
    return _check(
        not left, f"Files of {root.asp_name} left", shown.number(left), "0", refusal, way_out, "paths"
    )  # fmt: skip
