"""The system migration: how far each table is, what is waited for, and what comes after the rows."""

from datetime import datetime
from typing import Any

from nodes import status
from nodes.models import Pair, PoolProperties, StoragePool
from nodes.status import Status
from tracking import progress, progress_tables, tables
from tracking.models import FinishingPart, Message, SetupStep, TableCopy

from .view import PairView

_MESSAGES = 50
_CHECKPOINTS = 20
_LOCKED = 50
_CODES = ("CPI3710", "CPI3712")  # of one library, of all


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    wanted = progress.Wanted.of(view.query)
    shown, found = progress.shown_copies(view.pools, view.now, wanted)
    messages = Message.objects.filter(pair=view.pair)
    locked = TableCopy.objects.filter(pool__in=view.pools, state="LOCKED").order_by("locked_at", "pk")
    return {
        "pools": view.pool_list,
        "copies": progress.summary(view.pools, view.now),
        "steps": _steps(view),
        "wanted": wanted,
        "states": status.TABLE_COPY.choices,
        "found": found,
        "copy_table": progress_tables.CopyTable(shown, exclude=view.nameless),
        "savings": _savings(view),
        "lock_table": progress_tables.LockTable(view.with_pool(locked[:_LOCKED]), exclude=view.nameless),
        "finishing": _finishing(view),
        "checkpoint_table": progress_tables.CheckpointTable(
            list(messages.filter(code__in=_CODES)[:_CHECKPOINTS])
        ),
        "message_table": tables.MessageTable(list(messages[:_MESSAGES])),
    }


def _savings(view: PairView) -> list[tuple[str, PoolProperties, list[StoragePool]]]:
    """How checkpoints are taken, in words and figures, and by which pools: none where all do the same."""
    found: dict[tuple[str, int], tuple[PoolProperties, list[StoragePool]]] = {}
    for pool in view.pool_list:
        has = pool.properties
        found.setdefault((has.savact, has.savactwait_seconds), (has, []))[1].append(pool)
    several = len(found) > 1
    return [(Pair.Savact(has.savact).label, has, pools if several else []) for has, pools in found.values()]


def _finishing(view: PairView) -> list[FinishingPart]:
    """What comes after the rows, with the indexes that are being built."""
    parts = view.with_pool(FinishingPart.objects.filter(pool__in=view.pools))
    for index in (index for part in parts for index in part.building):
        index["since"] = datetime.fromisoformat(index["since"])
    return parts


def _steps(view: PairView) -> list[tuple[StoragePool, list[tuple[Status, datetime | None]]]]:
    """The steps of each pool with the time at which it was reached; also once all of them are."""
    reached = {
        (pool, step): at
        for pool, step, at in SetupStep.objects.filter(pool__in=view.pools).values_list(
            "pool", "step", "reached_at"
        )
    }
    standing = progress.steps(view.pair, view.pool_list) or progress.all_taken(view.pool_list, reached)
    return [
        (pool, [(step, reached.get((pool.pk, step.value))) for step in steps]) for pool, steps in standing
    ]
