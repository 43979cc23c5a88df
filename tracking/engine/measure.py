"""What a pool's page shows in numbers: measured, with the time of measuring, never guessed."""

import time

from django.db.models import Sum
from django.utils import timezone

from mwaportal import doorbell
from nodes.postgres import slot
from nodes.postgres.connect import one
from tracking.models import PoolSample
from tracking.series import EVERY

from .poolruntime import PoolRuntime

_EVERY_SECONDS = 1.0
_HEARTBEAT_SECONDS = 10.0
_HELD_BYTES = 16 * 2**20  # one segment: less than that the server cannot remove
_PRUNE_SECONDS = 600.0
_QUERY = """
    select (here - '0/0')::bigint, (confirmed_flush_lsn - '0/0')::bigint, (here - restart_lsn)::bigint
    from pg_current_wal_lsn() as here
    left join pg_replication_slots on slot_name = %s  -- a lost one has no restart_lsn
"""


def measure(runtime: PoolRuntime) -> None:
    """Lag, held WAL and what is tracked; at most once a second. Raises where the primary is gone."""
    now, pool = time.monotonic(), runtime.pool
    if now - runtime.measured_at < _EVERY_SECONDS:
        return
    if int(now / _HEARTBEAT_SECONDS) != int(runtime.measured_at / _HEARTBEAT_SECONDS):
        # On a database where nothing happens the slot would not move, and hold everybody's log.
        one(runtime.primary(), "select pg_logical_emit_message(false, 'mwa', 'heartbeat')")
    runtime.measured_at = now
    written, read, pool.wal_held_bytes = runtime.primary().execute(_QUERY, (pool.slot(),)).fetchone()
    pool.lag_bytes = None if read is None else written - read
    if (pool.wal_held_bytes or 0) > _HELD_BYTES:
        slot.force_control_point(runtime.primary())
    sums = pool.tracked_tables.aggregate(Sum("changes"), Sum("keys"))
    pool.tracked_changes = sums["changes__sum"] or 0
    pool.tracked_rows = sums["keys__sum"] or 0
    pool.measured_at = timezone.now()
    pool.save(update_fields=["lag_bytes", "wal_held_bytes", "tracked_changes", "tracked_rows", "measured_at"])
    _sample(runtime, written, read, now)
    doorbell.notify(pool.pair_id)


def _sample(runtime: PoolRuntime, written: int, read: int | None, now: float) -> None:
    """Keep it for the charts and the estimate, now and then; where nothing is measured stays a gap."""
    if now - runtime.sampled_at >= EVERY.total_seconds():
        runtime.sampled_at = now
        PoolSample.take(runtime.pool, written, read)
    if now - runtime.samples_pruned_at >= _PRUNE_SECONDS:
        runtime.samples_pruned_at = now
        PoolSample.prune(runtime.pool, runtime.pool.measured_at)
