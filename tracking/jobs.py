"""What a pair's engine is doing now, with the figures that are known: its own rows, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from mwaportal.shown import size
from nodes import status
from nodes.models import FileRoot, Pair, StoragePool
from nodes.status import Status

from . import progress
from .models import CompareResult, FileCompare, Job

Mirrored = StoragePool | FileRoot
_STOPPED = "was under way when its engine ended; the next engine begins it again"


@dataclass(frozen=True)
class Work:
    """One thing that is under way; `figures` says how far it is, empty where nobody knows."""

    what: Status
    about: Mirrored | None  # None: the pair as a whole
    since: datetime | None
    figures: str

    @property
    def key(self) -> str:
        """For an element's id."""
        kind = {StoragePool: "pool", FileRoot: "root"}.get(type(self.about), "pair")
        return f"{kind}-{self.about.pk if self.about else 0}-{self.what.value.lower().replace(' ', '-')}"


def under_way(
    pair: Pair, pools: Sequence[StoragePool], roots: Sequence[FileRoot], now: datetime
) -> list[Work]:
    """Everything that is under way, in the order of pools and roots. `roots` come with their counts.

    Rows of an engine that does not work on the pair any more are not what it is doing: they are shown as
    what has stopped.
    """
    by_key: dict[tuple[str, int], Mirrored] = {("pool", pool.pk): pool for pool in pools}
    by_key |= {("root", root.pk): root for root in roots}
    comparing = _compared(pools)
    found: list[Work | None] = []
    for job in pair.jobs.all():
        about = by_key.get(("pool", job.pool_id) if job.pool_id else ("root", job.root_id or 0))
        if pair.attended and job.owner == pair.lease_owner:
            found.append(Work(job.about, about, job.began_at, _figures(job, about, comparing, now)))
        else:
            found.append(Work(_stopped(job), about, job.began_at, _STOPPED))
    if pair.attended:
        found += [work for root in roots for work in _of_files(root)]
        at_work = {id(work.about) for work in found if work.what.value != "CAPTURE"}
        found += [_at_rest(each, now) for each in (*pools, *roots) if id(each) not in at_work]
    order = {id(each): number for number, each in enumerate((*pools, *roots))}
    return sorted(filter(None, found), key=lambda work: order.get(id(work.about), -1))


def _at_rest(each: Mirrored, now: datetime) -> Work | None:
    """What goes on without a job of its own: the stream, or waiting for the next attempt."""
    if each.replicating and isinstance(each, StoragePool):
        lag = "lag unknown" if each.lag_bytes is None else f"lag {size(each.lag_bytes)}"
        measured = f", measured at {each.measured_at:%H:%M:%S}" if each.measured_at else ""
        return Work(status.JOB["STREAM"], each, each.since, lag + measured)
    if each.detail == "SUSPENDED" and each.retry_at and each.retry_at > now:
        again = f"{each.reason} {each.why}; tried again at {each.retry_at:%H:%M:%S}"
        return Work(status.JOB["WAIT"], each, each.since, again)
    return None


def _stopped(job: Job) -> Status:
    return Status(job.kind, job.about.label, "caution-minor")


def _compared(pools: Sequence[StoragePool]) -> dict[int, int]:
    """By pool: tables that the compare which is under way has been through."""
    running = CompareResult.objects.filter(run__pool__in=pools, run__ended_at=None).order_by()
    return dict(running.values_list("run__pool").annotate(Count("id")))


def _figures(job: Job, about: Mirrored | None, comparing: dict[int, int], now: datetime) -> str:
    if isinstance(about, StoragePool):
        if job.kind == "COPY":
            return _copying(about, now)
        if job.kind == "CAPTURE":
            return _captured(about)
        if job.kind == "RESYNC":
            return _last_said(job, about)
        if job.kind == "COMPARE":
            return f"{comparing.get(about.pk, 0):,} tables compared so far"
    if isinstance(about, FileRoot):
        return _of_root(job, about)
    return ""


def _copying(pool: StoragePool, now: datetime) -> str:
    found = progress.summary([pool.pk], now)
    if found is None:
        return ""
    through = sum(count for state, count in found.counts if state.terminal)
    return f"{found.percent} % of the rows, {through:,} of {found.tables:,} tables"


def _captured(pool: StoragePool) -> str:
    if pool.measured_at is None:
        return "not measured yet"
    return (
        f"{pool.tracked_changes:,} changes of {pool.tracked_rows:,} rows on the list,"
        f" measured at {pool.measured_at:%H:%M:%S}"
    )


def _last_said(job: Job, pool: StoragePool) -> str:
    said = pool.messages.filter(at__gte=job.began_at).first()
    return f"{said} (at {said.at:%H:%M:%S})" if said else ""


def _of_root(job: Job, root: Any) -> str:
    if job.kind == "COPY FILES":
        return f"{root.files_copied:,} objects so far"
    watch = getattr(root, "watch", None)
    if watch is None:
        return "not watching yet"
    unwatched = f", {watch.unwatched:,} not watched and walked instead" if watch.unwatched else ""
    return f"{watch.directories:,} directories by {watch.way}{unwatched}"


def _of_files(root: Any) -> list[Work]:
    """What a root's loop does with what is listed; it keeps no row for it."""
    found = []
    if root.copied_at and (root.state, root.detail) == ("ACTIVE", "SYNCHRONIZING"):
        owed = f"{root.owed:,} owed"
        found.append(Work(status.JOB["CARRY FILES"], root, root.since, owed))
    compare = FileCompare.objects.filter(root=root, ended_at=None, started_at__isnull=False).first()
    if compare is not None and root.replicating:
        found.append(Work(status.JOB["CMP FILES"], root, compare.started_at, ""))
    return found
