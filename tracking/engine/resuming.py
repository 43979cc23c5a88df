"""From TRACKING to ACTIVE by a hand-over; what a pool does that could not be brought there."""

import logging
import time
from datetime import timedelta

import psycopg
from django.utils import timezone

from nodes.postgres.connect import TimedOut, Unreachable
from nodes.postgres.publication import TableLocked
from nodes.postgres.slot import StillRunning
from tracking.mirror import keylist
from tracking.mirror.capture_client import CaptureFailed
from tracking.mirror.handover import HandedOver, hand_over
from tracking.mirror.refresh import RefreshFailed
from tracking.models import set_state
from tracking.save.failure import DefinitionFailed

from . import definitions, newtables
from .handing import Kept
from .poolruntime import LeaseLost, PoolRuntime
from .say import say, took
from .tended import Tended

_log = logging.getLogger("mwa.engine")
_EXPECTED = (
    Unreachable, psycopg.Error, CaptureFailed, TimedOut, RefreshFailed, StillRunning, TableLocked,
    DefinitionFailed,
)  # fmt: skip
_BACKOFF_SECONDS = (1, 2, 5, 10, 30, 60)


def resume(runtime: PoolRuntime) -> None:
    """Resynchronize and go back to ACTIVE; a failure leaves the pool TRACKING, to be tried again."""
    pool, began = runtime.pool, time.monotonic()
    set_state(pool, "ACTIVE", "SYNCHRONIZING")
    kept = Kept(pool)
    try:
        with runtime.at("RESYNC"):
            done = _hand_over(runtime, kept)
    except LeaseLost:
        raise  # whose the pair is now has begun to work on the pool
    except Exception as error:
        if not isinstance(error, _EXPECTED):
            _log.exception("pool %s of pair %s", pool, pool.pair)
        why = str(error).strip() or type(error).__name__
        kept.failed(why)
        _failed(runtime, why)
        return
    kept.complete(done.rows, done.rounds)
    runtime.end_capture()
    with newtables.portal_session() as portal:
        keylist.list_from(portal, pool.pk, 0)
    pool.retry_at, pool.resync_rows = None, done.rows
    pool.save(update_fields=["retry_at", "resync_rows"])
    set_state(pool, "ACTIVE", "REPLICATING")
    again = " again" if pool.step == pool.Step.MIRRORED else ""  # not after the first hand-over
    say(pool.pair, f"Replicating{again} after {done.rows} rows in {done.rounds} rounds", "", pool)
    took(began, f"Hand-over of {done.rows} rows", pool)


def _hand_over(runtime: PoolRuntime, kept: Kept) -> HandedOver:
    newtables.note_missed(runtime)
    definitions.carry(runtime)
    newtables.part(runtime)
    newtables.join(runtime)
    runtime.look_for_tables = True  # for those that are created meanwhile

    def tell(code: str, text: str) -> None:
        runtime.check_lease()  # the last one is told right before the stream is turned on
        say(runtime.pool.pair, text, code, runtime.pool)

    capture = runtime.ensure_capture()
    with Tended(runtime, capture=False):
        return hand_over(runtime.route, capture, tell, kept.report)


def _failed(runtime: PoolRuntime, why: str) -> None:
    pool = runtime.pool
    runtime.end_capture()
    wait = _BACKOFF_SECONDS[min(pool.failures, len(_BACKOFF_SECONDS) - 1)]
    pool.failures += 1
    pool.retry_at = timezone.now() + timedelta(seconds=wait)
    pool.save(update_fields=["failures", "retry_at"])
    set_state(pool, "TRACKING", "SUSPENDED", 9070, why)
    say(pool.pair, f"Resynchronization failed, tried again in {wait} s: {why}", "9070", pool)
