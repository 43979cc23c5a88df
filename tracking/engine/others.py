"""What event triggers do not see (roles, settings, large objects ...): compared at times, and carried.

In a thread of its own beside the pair's loop, while every pool is in step; and once more in a role swap,
right before the fence. What cannot be carried stays on the list with the reason.
"""

import logging
import threading
import time
from itertools import groupby

import psycopg
from django.db import DatabaseError, transaction
from django.utils import timezone

from mwaportal import doorbell
from nodes.postgres.connect import Connection, Unreachable, connect
from tracking.mirror.swap import SwapRefused
from tracking.models import Attempt, MigratedObject, OtherObject
from tracking.restore import renamed_roles
from tracking.restore.difference import CarryFailed, Difference
from tracking.restore.inspect import ROLES, carry_all, inspect

from .beside import Beside, Pace
from .poolruntime import PoolRuntime
from .say import say, took

Entries = dict[tuple[str, str, str], OtherObject]  # by what they are known by

_log = logging.getLogger("mwa.engine")
_EVERY_SECONDS = 60.0
_LAST = 2**15  # after every priority
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
        self._beside = Beside()
        self._pace = Pace(_EVERY_SECONDS, _SHARE)
        self._left = True  # whether something may be on the list, which somebody may want to be tried
        self._begun = False

    def step(self, runtimes: list[PoolRuntime]) -> None:
        """Begin the next one where it is time and every pool is in step."""
        if not self._begun:
            for runtime in runtimes:
                rest(runtime)
            self._begun = True
        due = self._pace.due or self._asked_again(runtimes)
        if due and not self._beside.busy and all(runtime.pool.replicating for runtime in runtimes):
            self._beside.begin(self._run, list(runtimes))

    def _asked_again(self, runtimes: list[PoolRuntime]) -> bool:
        pools = [runtime.pool.pk for runtime in runtimes]
        return self._left and OtherObject.objects.filter(pool__in=pools, retry_asked=True).exists()

    def stop(self) -> None:
        """End after the object that is under way."""
        self._beside.stop()

    def _run(self, runtimes: list[PoolRuntime]) -> None:
        began, halt = time.monotonic(), self._beside.halt
        try:
            with self._pace.turn():
                for runtime in runtimes:
                    if not halt.is_set():
                        with runtime.at("OTHERS"):
                            bring(runtime, halt)
            took(began, "Other objects were looked at", runtimes[0].pool.pair, detail=True)
            self._left = OtherObject.objects.filter(pool__in=[each.pool.pk for each in runtimes]).exists()
        except (Unreachable, psycopg.Error, DatabaseError) as error:
            _log.warning("other objects of %s: %s", runtimes[0].pool.pair, error)


def bring(runtime: PoolRuntime, stop: threading.Event) -> list[str]:
    """Inspect a pool and carry what differs and was not set aside; returns what is not on the secondary.

    That is what could not be carried and what is deferred, but not what is for a person or was omitted.
    Definitions are noted that no event trigger has seen: those of REASSIGN OWNED, for one.
    """
    route, pool = runtime.route, runtime.pool
    mine = OtherObject.objects.filter(pool=pool)
    mine.filter(retry_asked=True).update(retry_asked=False, seen="")
    with (
        connect(route.primary_conninfo, "others") as primary,
        connect(route.secondary_conninfo, "others") as copy,
    ):
        primary.execute("select mwa.look_again()")
        _rename_roles(runtime, primary, copy)
        vain = [_as_difference(each) for each in mine.exclude(seen="")]
        found = inspect(primary, copy, tried=vain, cluster=pool.number == 1)
        entries = _list(runtime, found)
        missing = [f"{each} is deferred" for each in entries.values() if each.set_aside == "DEFERRED"]
        carried = carry_all(_in_turn(found, entries), primary, copy, lambda batch: _begin(batch, entries))
        try:
            for difference, failure in carried:
                _settle(runtime, entries[_what(difference)], difference, failure)
                if failure and not failure.in_vain:
                    missing.append(str(failure))
                if stop.is_set():
                    break
        finally:
            rest(runtime)
    doorbell.notify(pool.pair_id)
    return missing


def rest(runtime: PoolRuntime) -> None:
    """What was being carried, by whoever was stopped or died in it, is to be carried."""
    stopped = OtherObject.objects.filter(pool=runtime.pool, state="MIGRATING")
    stopped.update(state="READY", started_at=None)


def bring_roles(runtime: PoolRuntime) -> None:
    """Roles and memberships, now: a definition names one that the secondary does not have."""
    route = runtime.route
    with (
        connect(route.primary_conninfo, "others") as primary,
        connect(route.secondary_conninfo, "others") as copy,
    ):
        _rename_roles(runtime, primary, copy)
        for difference, failure in carry_all(inspect(primary, copy, kinds=ROLES), primary, copy):
            say(runtime.pool.pair, f"Carried: {failure or difference}", "", runtime.pool)


def _rename_roles(runtime: PoolRuntime, primary: Connection, copy: Connection) -> None:
    for done in renamed_roles.carry(primary, copy):
        say(runtime.pool.pair, f"Carried: {done}", "", runtime.pool)


def bring_all(runtimes: list[PoolRuntime]) -> dict[int, int]:
    """Before a role swap: everything once more; returns by pool what was written when it began.

    Raises `SwapRefused` where something could not be carried.
    """
    written = {}
    for runtime in runtimes:
        written[runtime.pool.pk] = written_so_far(runtime.primary())
        if failures := bring(runtime, threading.Event()):
            raise SwapRefused(f"objects are not on the secondary: {'; '.join(failures[:10])}")
    return written


def written_so_far(primary: Connection) -> int:
    """A counter that moves when large objects or unlogged tables are written, which no stream brings."""
    row = primary.execute(_WRITTEN).fetchone()
    assert row is not None
    return int(row[0])


def _list(runtime: PoolRuntime, found: list[Difference]) -> Entries:
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
                    **_values(difference), started_at=None, done_at=None, done_by=""
                )
        OtherObject.objects.filter(pk__in=[each.pk for each in there.values()]).delete()
        OtherObject.objects.filter(pool=pool, state="READY", set_aside="DEFERRED").update(state="PREPARING")
        entries = {each.what: each for each in OtherObject.objects.filter(pool=pool)}
    for entry in entries.values():
        entry.pool = pool
    return entries


def _in_turn(found: list[Difference], entries: Entries) -> list[Difference]:
    """Without those that were set aside; within a kind, those that have a priority first."""

    def place(difference: Difference) -> int:
        priority = entries[_what(difference)].priority
        return _LAST if priority is None else priority

    kinds = [list(group) for _, group in groupby(found, lambda each: each.object_type)]
    ordered = [each for kind in kinds for each in sorted(kind, key=place)]
    return [each for each in ordered if not entries[_what(each)].set_aside]


def _begin(batch: list[Difference], entries: Entries) -> None:
    now = timezone.now()
    mine = [entries[_what(each)] for each in batch]
    for entry in mine:
        entry.started_at = now
    OtherObject.objects.filter(pk__in=[each.pk for each in mine]).update(state="MIGRATING", started_at=now)


def _settle(
    runtime: PoolRuntime, entry: OtherObject, difference: Difference, failure: CarryFailed | None
) -> None:
    """It leaves the list for the history, or stays on it; either way it was an attempt."""
    now, mine = timezone.now(), OtherObject.objects.filter(pk=entry.pk)
    attempt = {"started_at": entry.started_at, "ended_at": now, "job": runtime.job, "by": entry.asked_by}
    with transaction.atomic():
        if failure is None:
            mine.delete()
            MigratedObject.note(entry, now, entry.started_at, difference.size)
            Attempt.note(entry, "CARRIED", **attempt)
            say(runtime.pool.pair, f"Carried: {difference}, {difference.change}", "", runtime.pool)
            return
        values = {"why": failure.message, "failure_job": runtime.job, "started_at": None, "asked_by": ""}
        if failure.in_vain:
            mine.update(state="INELIGIBLE", seen=difference.seen, key=list(difference.key), **values)
        else:
            mine.update(state="FAILED", **values)
        Attempt.note(entry, "FAILED", message=failure.message, **attempt)


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
