"""What keeps pools from resuming, on either node: reasons, and the jobs that the engine has seen there."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from nodes import status
from nodes.models import Pair, StoragePool

from .models import DefinitionEntry, NodeJobs

_DEFINITIONS = 20
_AWAY = (226, 266)


@dataclass(frozen=True)
class Job:
    """A transaction on a node, as the engine has last seen it there."""

    pool: StoragePool
    role: str
    node: str
    given: dict[str, Any]

    @property
    def began(self) -> datetime | None:
        """When its transaction began, by its node's clock."""
        return datetime.fromisoformat(self.given["began"]) if self.given["began"] else None

    @property
    def who(self) -> str:
        """As a person would call it."""
        if self.given["pid"] is None:
            return f"prepared transaction '{self.given['query']}'"
        return f"pid {self.given['pid']} ({self.given['user']}, {self.given['application'] or 'no name'})"

    @property
    def warning(self) -> str:
        """What its end means."""
        return (
            f"{self.who} works in database {self.given['database']} on {self.node}, in a transaction that"
            f" began at {self.began:%d %b %H:%M:%S} UTC. Its one session is ended: the transaction is rolled"
            " back, and the application gets an error. No other session is touched."
        )

    @property
    def session(self) -> str:
        """Which session, for whoever asks to have it ended; empty for a prepared transaction."""
        pid, began = self.given["pid"], self.given["session_began"]
        return f"{self.role} {pid} {began}" if pid is not None and began else ""

    @property
    def key(self) -> str:
        """An id for its element, the same as long as it is there."""
        return f"job-{self.pool.pk}-{self.role.lower()}-{self.given['pid']}"


@dataclass(frozen=True)
class Hindrance:
    """A reason that is no job: what it is, since when, and how it ends; `url` leads to where that is done."""

    pool: StoragePool
    kind: str  # of icon
    text: str
    since: datetime | None
    way_out: str
    url: str = ""


@dataclass(frozen=True)
class Unread:
    """A node whose jobs nobody knows now."""

    pool: StoragePool
    node: str
    row: NodeJobs


def waiting_pools(pools: Iterable[StoragePool]) -> list[StoragePool]:
    """Those that have replicated, or are about to, and do not."""
    return [pool for pool in pools if pool.step in ("INDEXED", "MIRRORED") and not pool.replicating]


def hindrances(pair: Pair, pools: Collection[StoragePool], now: datetime) -> list[Hindrance]:
    """Why these pools do not resume, as the engine decides it (`synchronize.step`)."""
    found = []
    for pool in pools:
        if pool.detail != "SUSPENDED":
            continue
        found += _of_the_pair(pair, pool)
        found += _of_the_pool(pair, pool, now)
    stopped = [pool for pool in pools if pool.reason == 9040]
    return found + (_of_definitions(pair, stopped) if stopped else [])


def _of_the_pair(pair: Pair, pool: StoragePool) -> list[Hindrance]:
    found = []
    if not pair.attended:
        found.append(Hindrance(
            pool, "caution-major", "No engine works on this pair", pair.lease_until, "Start a worker"
        ))  # fmt: skip
    if pair.goal == Pair.Goal.PAUSED:
        by = f" by {pair.asked_by}" if pair.asked_by else ""
        text = f"{status.REASONS[212]}{by}"
        found.append(Hindrance(
            pool, "incomplete", text, pool.since if pool.reason == 212 else None,
            "Start, on the overview", reverse("pair", args=[pair.name]),
        ))  # fmt: skip
    return found


def _of_the_pool(pair: Pair, pool: StoragePool, now: datetime) -> list[Hindrance]:
    found = []
    if pool.reason in _AWAY:
        way_out = "Ends by itself when the node answers"
        found.append(Hindrance(pool, "caution-major", f"{pool.reason} {pool.why}", pool.since, way_out))
    if pool.retry_at and pool.retry_at > now:
        text = f"{pool.failures} failed in a row, the last: {pool.why}"
        way_out = f"Tried again at {pool.retry_at:%H:%M:%S} UTC, or at once by Start"
        found.append(Hindrance(pool, "pending", text, pool.since, way_out, reverse("pair", args=[pair.name])))
    held = (
        not pool.properties.auto_resume and pool.retry_at is None and pool.reason not in status.MANUAL_REASONS
    )
    if held and pair.goal == Pair.Goal.SYNC:
        found.append(Hindrance(
            pool, "incomplete", "Auto resume is off", pool.since, "Start, on the overview",
            reverse("pair", args=[pair.name]),
        ))  # fmt: skip
    return found


def _of_definitions(pair: Pair, pools: list[StoragePool]) -> list[Hindrance]:
    by_pk = {pool.pk: pool for pool in pools}
    entries = DefinitionEntry.objects.filter(pool__in=by_pk, on_copy=pair.swapped).in_the_way()
    return [
        Hindrance(
            by_pk[entry.pool_id], "caution-major",
            f"9040 {entry}{': ' if entry.failure else ''}{entry.failure}", entry.tracked_at,
            "Try again, or carry by hand and tick off", reverse("definitions", args=[pair.name]),
        )
        for entry in entries[:_DEFINITIONS]
    ]  # fmt: skip


def seen(pair: Pair, pools: Collection[StoragePool]) -> tuple[list[Job], list[Unread]]:
    """The jobs on both nodes, and which node could not be read; then the other one's stand alone."""
    by_pk = {pool.pk: pool for pool in pools}
    jobs, unread = [], []
    for row in NodeJobs.objects.filter(pool__in=by_pk) if by_pk else ():
        pool = by_pk[row.pool_id]
        node = str(pair.primary if row.role == NodeJobs.Role.PRIMARY else pair.secondary)
        if row.failure:
            unread.append(Unread(pool, node, row))
        else:
            jobs += [Job(pool, row.role, node, each) for each in row.jobs]
    return jobs, unread
