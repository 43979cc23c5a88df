"""Who is in the way of a pool that does not replicate: asked of both nodes every other second."""

import time
from collections.abc import Callable

import psycopg
from django.utils import timezone

from mwaportal import doorbell
from nodes.postgres import transactions
from nodes.postgres.connect import Unreachable
from nodes.postgres.transactions import Transaction
from tracking.models import NodeJobs

from .handing import described
from .poolruntime import PoolRuntime

_EVERY_SECONDS = 2.0
_MOST = 50  # jobs of a node that are kept
Role = NodeJobs.Role


def look(runtime: PoolRuntime, primary_error: str = "", secondary_error: str = "") -> None:
    """See who is there now; an error says why a node is not asked. The other one is all the same."""
    in_order = runtime.pool.step in (runtime.pool.Step.INDEXED, runtime.pool.Step.MIRRORED)
    if not in_order or time.monotonic() - runtime.jobs_seen_at < _EVERY_SECONDS:
        return
    runtime.jobs_seen_at = time.monotonic()
    _look_at(runtime, Role.PRIMARY, primary_error, lambda: transactions.writing(runtime.primary()))
    _look_at(
        runtime, Role.SECONDARY, secondary_error, lambda: transactions.holding_tables(runtime.secondary())
    )
    doorbell.notify(runtime.pool.pair_id)


def forget(runtime: PoolRuntime) -> None:
    """Nobody is in the way of a pool that replicates."""
    if runtime.jobs_seen_at != float("-inf"):
        NodeJobs.objects.filter(pool=runtime.pool).delete()
        runtime.jobs_seen_at = float("-inf")


def _look_at(runtime: PoolRuntime, role: str, error: str, find: Callable[[], list[Transaction]]) -> None:
    now = timezone.now()
    values: dict[str, object] = {"looked_at": now}
    try:
        found = [] if error else find()
    except (Unreachable, psycopg.Error) as why:
        error = str(why).strip() or type(why).__name__
    if error:
        values["failure"] = error
    else:
        values |= {"failure": "", "seen_at": now, "jobs": [described(each) for each in found[:_MOST]]}
    NodeJobs.objects.update_or_create(pool=runtime.pool, role=role, defaults=values)
