"""The log that the primary keeps for us is bounded: rather than fill its disk we give up the slot."""

import contextlib
import time

import psycopg

from nodes.postgres import slot
from nodes.postgres.connect import TimedOut
from nodes.postgres.slot import Slot
from tracking.models import set_state

from .poolruntime import PoolRuntime
from .say import say

STORAGE = 8690
# A hand-over's own slot holds the log as long as ours does.
_END_HAND_OVERS = """
    select pg_terminate_backend(active_pid) from pg_replication_slots
    where temporary and database = current_database() and starts_with(slot_name, 'mwa_handover_')
"""


def beyond(runtime: PoolRuntime, found: Slot | None) -> bool:
    """Whether more than the limit is held, and has not become less for the pool's suspend wait."""
    has, now = runtime.pool.properties, time.monotonic()
    if found is None or found.held_bytes <= has.wal_limit_bytes:
        runtime.least_held = None
        return False
    if runtime.least_held is None or found.held_bytes < runtime.least_held[0]:
        slot.force_control_point(runtime.primary())  # a slot only lets go at one
        runtime.least_held = found.held_bytes, now
    return now - runtime.least_held[1] > has.suspend_wait_seconds


def text(runtime: PoolRuntime, found: Slot | None) -> str:
    """The figure, for people."""
    held = found.held_bytes if found else 0
    return f"{held} bytes of log are held, allowed are {runtime.pool.properties.wal_limit_bytes}"


def give_up(runtime: PoolRuntime, found: Slot | None) -> None:
    """No slot until the pool can be resynchronized; then every table is brought whole.

    The capture, and a hand-over that is under way, end with it.
    """
    pool = runtime.pool
    set_state(pool, "TRACKING", "SUSPENDED", STORAGE, text(runtime, found))
    say(pool.pair, f"The replication slot is given up: {pool.reason_text}", str(STORAGE), pool)
    with contextlib.suppress(TimedOut, psycopg.Error):  # tried again by the next look
        slot.drop(runtime.primary(), pool.slot())
        runtime.primary().execute(_END_HAND_OVERS)
    runtime.least_held = None
