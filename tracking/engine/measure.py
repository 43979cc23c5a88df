"""What a pool's page shows in numbers: measured, with the time of measuring, never guessed."""

import time

from django.db.models import Sum
from django.utils import timezone

from mwaportal import doorbell
from nodes.postgres import slot
from nodes.postgres.connect import one

from .poolruntime import PoolRuntime

_EVERY_SECONDS = 1.0
_HEARTBEAT_SECONDS = 10.0
_HELD_BYTES = 16 * 2**20  # one segment: less than that the server cannot remove
_QUERY = """
    select (pg_current_wal_lsn() - confirmed_flush_lsn)::bigint, (pg_current_wal_lsn() - restart_lsn)::bigint
    from pg_replication_slots where slot_name = %s  -- a lost one has no restart_lsn
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
    row = runtime.primary().execute(_QUERY, (pool.slot(),)).fetchone()
    pool.lag_bytes, pool.wal_held_bytes = row or (None, None)
    if (pool.wal_held_bytes or 0) > _HELD_BYTES:
        slot.force_control_point(runtime.primary())
    sums = pool.tracked_tables.aggregate(Sum("changes"), Sum("keys"))
    pool.tracked_changes = sums["changes__sum"] or 0
    pool.tracked_rows = sums["keys__sum"] or 0
    pool.measured_at = timezone.now()
    pool.save(update_fields=["lag_bytes", "wal_held_bytes", "tracked_changes", "tracked_rows", "measured_at"])
    doorbell.notify(pool.pair_id)
