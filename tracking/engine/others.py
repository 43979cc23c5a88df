"""What event triggers do not see (roles, settings, large objects ...): compared at times, and carried.

In a thread of its own beside the pair's loop, while every pool is in step; and once more in a role swap,
right before the fence. What cannot be carried stays on the list with the reason.
"""

import logging
import threading
import time

import psycopg
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from mwaportal import doorbell
from nodes.postgres.connect import Connection, Unreachable, connect
from tracking.mirror.swap import SwapRefused
from tracking.models import OtherObject
from tracking.restore.difference import CarryFailed, Difference
from tracking.restore.inspect import ROLES, carry_all, inspect

from .poolruntime import PoolRuntime
from .say import say

_log = logging.getLogger("mwa.engine")
_EVERY_SECONDS = 60.0
_SHARE = 20  # of the time: comparing contents must not become what a node does
# Rows of large objects and of unlogged tables that were written so far.
_WRITTEN = """
    select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint
    from pg_stat_all_tables s join pg_class c on c.oid = s.relid
    where s.relid = 'pg_largeobject'::regclass
          and mwa.resolve(mwa.active_criteria(), '', 'large object', '') <> 'EXCLUDE'
       or c.relpersistence = 'u' and c.relkind = 'r' and mwa.is_mirrored(c.oid)
"""


class Others:
    """The inspections of one pair, one at a time."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._not_before = 0.0
        self._stop = threading.Event()

    def step(self, runtimes: list[PoolRuntime]) -> None:
        """Begin the next one where it is time and every pool is in step."""
        due = time.monotonic() >= self._not_before
        if due and not self.running and all(runtime.pool.replicating for runtime in runtimes):
            self._thread = threading.Thread(target=self._run, args=(list(runtimes),), daemon=True)
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """End after the object that is under way."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self, runtimes: list[PoolRuntime]) -> None:
        began = time.monotonic()
        try:
            for runtime in runtimes:
                if not self._stop.is_set():
                    bring(runtime, self._stop)
        except (Unreachable, psycopg.Error, DatabaseError) as error:
            _log.warning("other objects of %s: %s", runtimes[0].pool.pair, error)
        finally:
            self._not_before = time.monotonic() + max(_EVERY_SECONDS, _SHARE * (time.monotonic() - began))
            connection.close()


def bring(runtime: PoolRuntime, stop: threading.Event) -> list[str]:
    """Inspect a pool and carry what differs; returns what could not be carried."""
    route, pool = runtime.route, runtime.pool
    with (
        connect(route.primary_conninfo, "others") as primary,
        connect(route.secondary_conninfo, "others") as copy,
    ):
        vain = [_as_difference(each) for each in OtherObject.objects.filter(pool=pool).exclude(seen="")]
        found = inspect(primary, copy, tried=vain, cluster=pool.number == 1)
        _list(runtime, found)
        failures = []
        for difference, failure in carry_all(found, primary, copy):
            _settle(runtime, difference, failure)
            if failure and not failure.in_vain:
                failures.append(str(failure))
            if stop.is_set():
                break
    doorbell.notify(pool.pair_id)
    return failures


def bring_roles(runtime: PoolRuntime) -> None:
    """Roles and memberships, now: a definition names one that the secondary does not have."""
    route = runtime.route
    with (
        connect(route.primary_conninfo, "others") as primary,
        connect(route.secondary_conninfo, "others") as copy,
    ):
        for difference, failure in carry_all(inspect(primary, copy, kinds=ROLES), primary, copy):
            say(runtime.pool.pair, f"Carried: {failure or difference}", "", runtime.pool)


def bring_all(runtimes: list[PoolRuntime]) -> dict[int, int]:
    """Before a role swap: everything once more; returns by pool what was written when it began.

    Definitions too are looked at as a whole: REASSIGN OWNED and whoever disables event triggers are not seen
    otherwise. Raises `SwapRefused` where something could not be carried.
    """
    written = {}
    for runtime in runtimes:
        with connect(runtime.route.primary_conninfo, "others") as primary:
            primary.execute("select mwa.sweep('SWEEP', '', false)")
        written[runtime.pool.pk] = written_so_far(runtime.primary())
        if failures := bring(runtime, threading.Event()):
            raise SwapRefused(f"objects could not be carried: {'; '.join(failures[:10])}")
    return written


def written_so_far(primary: Connection) -> int:
    """A counter that moves when large objects or unlogged tables are written, which no stream brings."""
    row = primary.execute(_WRITTEN).fetchone()
    assert row is not None
    return int(row[0])


def _list(runtime: PoolRuntime, found: list[Difference]) -> None:
    """The list becomes what was found; what somebody has ticked off stays so while it is the same."""
    pool = runtime.pool
    with transaction.atomic():
        there = {each.what: each for each in OtherObject.objects.filter(pool=pool)}
        for difference in found:
            entry = there.pop(_what(difference), None)
            if entry is None:
                OtherObject.objects.create(pool=pool, **_values(difference))
            elif (entry.state, entry.why, entry.change) != (
                difference.state,
                difference.why,
                difference.change,
            ):
                OtherObject.objects.filter(pk=entry.pk).update(
                    **_values(difference), done_at=None, done_by=""
                )
        OtherObject.objects.filter(pk__in=[each.pk for each in there.values()]).delete()


def _settle(runtime: PoolRuntime, difference: Difference, failure: CarryFailed | None) -> None:
    mine = OtherObject.objects.filter(
        pool=runtime.pool,
        object_type=difference.object_type,
        library=difference.library,
        name=difference.name,
    )
    if failure is None:
        mine.delete()
        say(runtime.pool.pair, f"Carried: {difference}, {difference.change}", "", runtime.pool)
    elif failure.in_vain:
        mine.update(state="INELIGIBLE", why=failure.message, seen=difference.seen, key=list(difference.key))
    else:
        mine.update(state="FAILED", why=failure.message, tried_at=timezone.now())


def _what(difference: Difference) -> tuple[str, str, str]:
    return difference.object_type, difference.library, difference.name


def _values(difference: Difference) -> dict[str, object]:
    return {
        "object_type": difference.object_type, "library": difference.library, "name": difference.name,
        "change": difference.change, "state": difference.state, "why": difference.why,
        "size": difference.size,
    }  # fmt: skip


def _as_difference(entry: OtherObject) -> Difference:
    return Difference(
        entry.object_type, entry.library, entry.name, entry.change, key=tuple(entry.key), seen=entry.seen
    )
