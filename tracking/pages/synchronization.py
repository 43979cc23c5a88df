"""Synchronization phases: the hand-overs of each pool, who is in their way, and what a resync has to do."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, Sum, TextField, Value
from django.db.models.functions import Concat

from mwaportal.shown import duration
from nodes import status
from nodes.models import StoragePool
from nodes.postgres import lsn
from nodes.status import Status
from tracking import hindrances
from tracking.hindrances import Job
from tracking.models import HandOver, HandOverPhase, NodeJobs, NodeRequest, TrackedTable
from tracking.models.requests import in_the_way_of_control_point
from tracking.progress_tables import HandOverTable

from .view import PairView

_EARLIER = 20


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    waiting = hindrances.waiting_pools(view.pool_list)
    jobs, unread = hindrances.seen(view.pair, waiting)
    latest, earlier = _runs(view.pools)
    control_points = NodeRequest.objects.filter(pool__in=view.pools, kind=NodeRequest.Kind.CONTROL_POINT)
    asked = {each.pool_id: each for each in control_points.order_by("pool_id", "-id").distinct("pool_id")}
    return {
        "hands": [_hand(view, pool, latest.get(pool.pk), asked.get(pool.pk)) for pool in view.pool_list],
        "waiting_pools": waiting,
        "hindrances": hindrances.hindrances(view.pair, waiting, view.now),
        "jobs": [job for job in jobs if not _shown_as_waited_for(job)],
        "unread": unread,
        "resync": _resync(view),
        "earlier_table": HandOverTable(view.with_pool(earlier), exclude=view.nameless),
    }


@dataclass(frozen=True)
class PhaseRow:
    """A phase of a hand-over, whether it has begun or not."""

    part: str
    label: str
    message: str
    stands: Status
    phase: HandOverPhase | None
    seconds: float | None
    remark: str

    @property
    def took(self) -> str:
        """Most of them take milliseconds."""
        if self.seconds is None:
            return ""
        if self.seconds < 1:
            return f"{self.seconds * 1000:.0f} ms"
        return f"{self.seconds:.1f} s" if self.seconds < 60 else duration(self.seconds)


@dataclass(frozen=True)
class Hand:
    """A pool with its latest hand-over; `refusal` is why no control point can be forced now."""

    pool: StoragePool
    run: HandOver | None
    stands: Status | None
    rows: list[PhaseRow]
    waits: list[Job]
    refusal: str
    asked: NodeRequest | None


def _runs(pools: Collection[int]) -> tuple[dict[int, HandOver], list[HandOver]]:
    """The latest of each pool, and those before it."""
    found = HandOver.objects.filter(pool__in=pools).prefetch_related("phases")
    latest = {run.pool_id: run for run in found.order_by("pool_id", "-id").distinct("pool")}
    return latest, list(found.exclude(pk__in=[run.pk for run in latest.values()])[:_EARLIER])


def _hand(view: PairView, pool: StoragePool, run: HandOver | None, asked: NodeRequest | None) -> Hand:
    swapping = view.swap is not None and view.swap.state in status.BUSY_SWAP
    refusal = in_the_way_of_control_point(pool, swapping=swapping)
    if run is None:
        return Hand(pool, None, None, [], [], refusal, asked)
    running = run.ended_at is None
    lost = running and not (view.pair.attended and pool.detail == "SYNCHRONIZING")
    stands = (
        Status("", "Unknown: no engine works on it", "unknown") if lost else status.HAND_OVER[run.outcome]
    )
    rows = _phases(run, stands, view.now)
    node = str(view.pair.primary)
    waits = [Job(pool, NodeJobs.Role.PRIMARY, node, each) for each in run.waiting if not lost]
    return Hand(pool, run, stands, rows, waits, refusal, asked)


def _phases(run: HandOver, stands: Status, now: datetime) -> list[PhaseRow]:
    begun = {phase.part: phase for phase in run.phases.all()}
    last = max(begun, default="")
    rows = []
    for part, label in status.HAND_OVER_PHASE.choices:
        phase = begun.get(part)
        until = phase and (phase.ended_at or (now if stands.kind == "in-progress" else None))
        rows.append(
            PhaseRow(
                part, label, status.HAND_OVER_MESSAGES.get(part, ""), _standing(part, phase, stands, last),
                phase, (until - phase.began_at).total_seconds() if phase and until else None,
                _remark(run, part, phase),
            )
        )  # fmt: skip
    return rows


def _standing(part: str, phase: HandOverPhase | None, stands: Status, last: str) -> Status:
    if phase is None:
        if part < last:
            return Status("", "Nothing to wait for", "succeeded")
        return Status("", "Not begun", "not-started")
    if phase.ended_at:
        return Status("", "Ended", "succeeded")
    return Status("", "Under way" if stands.kind == "in-progress" else stands.label, stands.kind)


def _remark(run: HandOver, part: str, phase: HandOverPhase | None) -> str:
    if phase is None:
        return ""
    if part == "1.2" and phase.waited:
        return f"{phase.waited:,} transaction{'' if phase.waited == 1 else 's'} at a time, at most"
    if part == "1.3" and run.position is not None:
        return f"Z is {lsn.render(run.position)}"
    if (part == "2" and phase.ended_at) or (part == "0" and run.position is None):
        return f"{run.rows:,} rows in {run.rounds:,} round{'' if run.rounds == 1 else 's'}"
    return ""


def _shown_as_waited_for(job: Job) -> bool:
    """With its hand-over, and not once more."""
    return job.pool.detail == "SYNCHRONIZING" and job.role == NodeJobs.Role.PRIMARY


@dataclass(frozen=True)
class Resync:
    """What the secondary of a pool is owed, and since when the first of it."""

    pool: StoragePool
    tables: int
    changes: int
    keys: int
    whole: int
    since: datetime | None


def _resync(view: PairView) -> list[Resync]:
    name = Concat("schema_name", Value("."), "table_name", output_field=TextField())
    found = TrackedTable.objects.filter(Q(changes__gt=0) | Q(whole_reason__gt=""), pool__in=view.pools)
    sums = found.order_by().values("pool_id").annotate(
        tables=Count(name, distinct=True), sum_changes=Sum("changes"), sum_keys=Sum("keys"),
        whole=Count(name, filter=Q(whole_reason__gt=""), distinct=True), since=Min("first_tracked_at"),
    )  # fmt: skip
    by_pool = {each["pool_id"]: each for each in sums}
    nothing = {"tables": 0, "sum_changes": 0, "sum_keys": 0, "whole": 0, "since": None}
    rows = []
    for pool in view.pool_list:
        of = by_pool.get(pool.pk, nothing)
        counts = (of["tables"], int(of["sum_changes"]), int(of["sum_keys"]), of["whole"])
        rows.append(Resync(pool, *counts, of["since"]))
    return rows
