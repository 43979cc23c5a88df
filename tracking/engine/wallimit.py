"""The log that the primary keeps for us is bounded: rather than fill its disk we give up the slot."""

import contextlib
import time

import psycopg

from nodes.postgres import slot
from nodes.postgres.connect import TimedOut
from tracking.models import set_state

from .poolruntime import Facts, PoolRuntime
from .say import say

STORAGE = 8690


def beyond(runtime: PoolRuntime, facts: Facts) -> bool:
    """Whether more than the limit is held, and has not become less for the pair's suspend wait."""
    pair, now = runtime.pool.pair, time.monotonic()
    if facts.slot is None or facts.slot.held_bytes <= pair.wal_limit_bytes:
        runtime.least_held = None
        return False
    if runtime.least_held is None or facts.slot.held_bytes < runtime.least_held[0]:
        slot.force_control_point(runtime.primary())  # a slot only lets go at one
        runtime.least_held = facts.slot.held_bytes, now
    return now - runtime.least_held[1] > pair.suspend_wait_seconds


def text(runtime: PoolRuntime, facts: Facts) -> str:
    """The figure, for people."""
    held = facts.slot.held_bytes if facts.slot else 0
    return f"{held} bytes of log are held, allowed are {runtime.pool.pair.wal_limit_bytes}"


def give_up(runtime: PoolRuntime, facts: Facts) -> None:
    """No slot until the pool can be resynchronized; then every table is brought whole."""
    pool = runtime.pool
    set_state(pool, "TRACKING", "SUSPENDED", STORAGE, text(runtime, facts))
    say(pool.pair, f"The replication slot is given up: {pool.reason_text}", str(STORAGE), pool)
    runtime.end_capture()
    with contextlib.suppress(TimedOut, psycopg.Error):  # tried again by the next look
        slot.drop(runtime.primary(), pool.slot())
    runtime.least_held = None
