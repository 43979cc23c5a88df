"""The library tracking list: definition changes that the event triggers have noted, until they are carried.

While the stream is on they come with it; at a hand-over they are carried before the rows. What fails on the
secondary, or could not be noted, is for a person: tried again, or carried by hand and ticked off.
"""

from collections.abc import Collection

import psycopg
from django.db import models, transaction
from django.utils import timezone

from nodes.postgres import definition_changes, publication
from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, connect, one
from nodes.postgres.definition_changes import Arrival, DefinitionChange
from tracking.mirror import definitions, keylist, samedefinition
from tracking.models import (
    TABLE_TYPES,
    Attempt,
    DefinitionEntries,
    DefinitionEntry,
    MigratedObject,
    TableCopy,
)

from . import newtables, others
from .newtables import portal_session
from .poolruntime import PoolRuntime
from .say import say

_NO_SUCH_ROLE = "42704"
_WHY_WHOLE = "its definition was changed"
_NOT_BEGUN = {"state": "READY", "started_at": None}
_ON_ITS_WAY = ("PREPARING", "READY")
_TAKES_BACK = (
    "a later change of the object was carried, and this one would not make it the same on both nodes; carry"
    " what is missing by hand and tick it off, or omit it"
)
_OVERTAKEN = "the engine, as a later change of it was carried"
_LEAVES = """
    select n.nspname::text, c.relname::text from mwa.tree(%s) t join pg_class c on c.oid = t
    join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and c.relpersistence = 'p'
"""


def note(runtime: PoolRuntime, changes: list[DefinitionChange]) -> None:
    """Put them on the list; tables whose rows have to come anew because of them are owed first."""
    if not changes:
        return
    pool = runtime.pool
    for change in changes:
        if change.failure:
            _owe(runtime, sorted(publication.published(runtime.primary())))  # nobody knows which
        elif change.whole:
            _owe(runtime, change.whole)
    with transaction.atomic():
        for change in changes:
            DefinitionEntry.objects.get_or_create(
                pool=pool, on_copy=pool.pair.swapped, number=change.id,
                defaults={
                    "command": change.command, "object_type": change.object_type, "tracked_at": change.at,
                    "schema_name": change.schema, "identity": change.identity, "failure": change.failure,
                    "state": "INELIGIBLE" if change.failure else "READY",
                },
            )  # fmt: skip
        pool.definitions_seen = changes[-1].id
        pool.save(update_fields=["definitions_seen"])


def any_open(runtime: PoolRuntime) -> bool:
    """Whether anything is on the list: mostly nothing is, and then there is nothing else to ask."""
    return _of(runtime).filter(done_at=None).exclude(set_aside="OMITTED").exists()


def prepare(runtime: PoolRuntime, *, ready: bool) -> None:
    """While the stream is off: whether what is on its way could be carried now."""
    before, after = ("PREPARING", "READY") if ready else ("READY", "PREPARING")
    _of(runtime).filter(state=before, set_aside="", done_at=None).update(state=after)


def settle(runtime: PoolRuntime, *, rows_came: bool = False) -> None:
    """See what has arrived on the secondary: it leaves the list for the history, or has failed.

    What was in the way of rows only is tried again when they come anew. What an engine that died was about
    to carry is on its way again.
    """
    pool = runtime.pool
    coming = _of(runtime).filter(
        state__in=(*_ON_ITS_WAY, "MIGRATING"), set_aside="", retry_asked=False, done_at=None
    )
    entries = {entry.number: entry for entry in coming}
    if not entries:
        return
    origin = one(runtime.primary(), "select mwa.node()")
    arrivals = definition_changes.arrivals(runtime.secondary(), origin, list(entries))
    arrived = {arrival.id for arrival in arrivals}
    if stopped := [n for n, each in entries.items() if each.state == "MIGRATING" and n not in arrived]:
        coming.filter(number__in=stopped).update(**_NOT_BEGUN)
    for arrival in arrivals:
        entry = entries[arrival.id]
        entry.pool = pool
        if arrival.sqlstate == _NO_SUCH_ROLE:  # the same for any object; what no event trigger sees comes now
            others.bring_roles(runtime)
            definition_changes.carry_again(runtime.secondary(), origin, entry.number)
            [arrival] = definition_changes.arrivals(runtime.secondary(), origin, [entry.number])
        if arrival.sqlstate.startswith("23") and not rows_came and _owe_rows(runtime, entry):
            coming.filter(number=entry.number, state="MIGRATING").update(**_NOT_BEGUN)
            continue
        if arrival.failure:
            held = "; its rows are held back" if entry.object_type in TABLE_TYPES else ""
            say(pool.pair, f"{entry} failed on the secondary{held}: {arrival.failure}", "9040", pool)
        _note_outcome(runtime, entry, arrival, _job(runtime, entry, arrival))


def retry(runtime: PoolRuntime, entries: "list[DefinitionEntry]") -> None:
    """Try again what has failed, or was put off."""
    if not entries:
        return
    origin = one(runtime.primary(), "select mwa.node()")
    with connect(runtime.route.secondary_conninfo, "definitions") as secondary:
        for entry in entries:
            entry.pool, entry.started_at = runtime.pool, timezone.now()
            mine = DefinitionEntry.objects.filter(pk=entry.pk)
            mine.update(state="MIGRATING", started_at=entry.started_at, retry_asked=False)
            if arrival := _carried_again(runtime, secondary, origin, entry):
                _note_outcome(runtime, entry, arrival, runtime.job)
            else:
                mine.update(**_NOT_BEGUN)  # it was put off before it came


def _carried_again(
    runtime: PoolRuntime, secondary: Connection, origin: int, entry: DefinitionEntry
) -> Arrival | None:
    """What became of another attempt; None where it has not come yet.

    It is undone where it would take back a later change of the object.
    """
    listed = _of(runtime).filter(done_at=None).values_list("number", flat=True)
    overtaken = samedefinition.changed_since(runtime.primary(), entry.number, list(listed))
    with secondary.transaction() as attempt:
        definition_changes.carry_again(secondary, origin, entry.number)
        arrival = next(iter(definition_changes.arrivals(secondary, origin, [entry.number])), None)
        if arrival is None or arrival.failure or not overtaken:
            return arrival
        if samedefinition.same_on_both(runtime.primary(), secondary, entry.number):
            return arrival
        raise psycopg.Rollback(attempt)
    return Arrival(entry.number, timezone.now(), _TAKES_BACK, "")


def asked_again(runtime: PoolRuntime) -> "list[DefinitionEntry]":
    """The entries that somebody wants to be tried again."""
    asked = _of(runtime).filter(retry_asked=True, done_at=None, set_aside="")
    return list(asked.filter(state__in=("FAILED", *_ON_ITS_WAY)).in_turn())


def carry(runtime: PoolRuntime) -> None:
    """Carry what is pending now, while the stream is off; what has failed before is tried once more."""
    pool, route = runtime.pool, runtime.route
    failed = _of(runtime).filter(state="FAILED", done_at=None, set_aside="")
    retry(runtime, list(failed.in_turn()))
    note(runtime, definition_changes.noted(runtime.primary(), pool.definitions_seen))
    with portal_session() as portal, connect(route.secondary_conninfo, "definitions") as secondary:
        sheet = keylist.sheet(portal, pool.pk)

        def owe(schema: str, table: str) -> None:
            keylist.owe_whole(portal, pool.pk, sheet, schema, table, _WHY_WHOLE)

        _leave_out(runtime, secondary)
        pending = definitions.pending(runtime.primary(), secondary)
        coming = _of(runtime).filter(number__in=pending, state__in=_ON_ITS_WAY, set_aside="")
        coming.update(state="MIGRATING", started_at=timezone.now())
        definitions.bring(runtime.primary(), secondary, owe)
    note(runtime, definition_changes.noted(runtime.primary(), pool.definitions_seen))
    settle(runtime, rows_came=True)
    hold_back(runtime)


def _leave_out(runtime: PoolRuntime, secondary: Connection) -> None:
    """What was set aside, or ticked off, before it came stands on the secondary as not carried."""
    aside = _of(runtime).filter(state__in=_ON_ITS_WAY).exclude(set_aside="", done_at=None)
    for number, how in aside.values_list("number", "set_aside"):
        definitions.pass_over(runtime.primary(), secondary, [number], how or "BY HAND")


def pass_over(runtime: PoolRuntime, numbers: Collection[int]) -> None:
    """The secondary was made from definitions that have these changes already."""
    definitions.pass_over(runtime.primary(), runtime.secondary(), numbers)


def put_off(runtime: PoolRuntime, table: Table) -> None:
    """Its columns have changed since the secondary was made: it comes whole, once they have there too."""
    _owe(runtime, [(table.schema, table.name)])
    values = {"state": "LATER", "ended_at": timezone.now(), "message": _WHY_WHOLE}
    TableCopy.objects.filter(pool=runtime.pool, schema=table.schema, name=table.name).update(**values)


def hold_back(runtime: PoolRuntime) -> None:
    """A table whose definition has failed leaves the stream, so that all others go on.

    It joins again, whole, once that is carried or ticked off.
    """
    failed = _of(runtime).by_hand().exclude(state="INELIGIBLE").filter(object_type__in=TABLE_TYPES)
    numbers = set(failed.values_list("number", flat=True))
    if numbers != runtime.held_back:
        definition_changes.hold_back(runtime.primary(), sorted(numbers))
        newtables.part(runtime)
        runtime.look_for_tables, runtime.held_back = True, numbers


def in_the_way(runtime: PoolRuntime) -> str:
    """Why rows cannot follow; empty where they can."""
    return "; ".join(_describe(entry) for entry in _of(runtime).in_the_way()[:10])


def _note_outcome(runtime: PoolRuntime, entry: DefinitionEntry, arrival: Arrival, job: str) -> None:
    """It leaves the list for the history, or stays on it as failed; either way it was an attempt."""
    attempt = {"ended_at": arrival.at, "started_at": entry.started_at, "job": job, "by": entry.asked_by}
    with transaction.atomic():
        if arrival.failure:
            DefinitionEntry.objects.filter(pk=entry.pk).update(
                state="FAILED", started_at=None, failure=arrival.failure, failure_job=job, asked_by=""
            )
            Attempt.note(entry, "FAILED", message=arrival.failure, **attempt)
            return
        MigratedObject.note(entry, arrival.at, entry.started_at)
        Attempt.note(entry, "CARRIED", **attempt)
        DefinitionEntry.objects.filter(pk=entry.pk).delete()
    _overtake(runtime, entry)


def _overtake(runtime: PoolRuntime, entry: DefinitionEntry) -> None:
    """Earlier changes of its object that are not there are superseded where both nodes have the same now.

    Where they have not, trying the earlier one by itself might take the later one back: a person decides.
    """
    not_there = models.Q(state="FAILED") | ~models.Q(set_aside="")
    earlier = _of(runtime).filter(not_there, done_at=None, number__lt=entry.number)
    numbers = list(earlier.values_list("number", flat=True))
    if not numbers:
        return
    primary = runtime.primary()
    earlier = earlier.filter(number__in=samedefinition.about_the_same(primary, entry.number, numbers))
    if not samedefinition.same_on_both(primary, runtime.secondary(), entry.number):
        earlier.filter(set_aside="").update(
            set_aside="DEFERRED", set_aside_at=timezone.now(), set_aside_by=_OVERTAKEN
        )
        return
    with transaction.atomic():
        for each in earlier:
            Attempt.note(each, "SUPERSEDED", message=each.failure, job=runtime.job)
        earlier.delete()


def _job(runtime: PoolRuntime, entry: DefinitionEntry, arrival: Arrival) -> str:
    """Who has carried what has arrived: a hand-over, or the stream."""
    pool = runtime.pool
    handed_over = pool.detail == "SYNCHRONIZING" or (pool.replicating and arrival.at < pool.since)
    return runtime.job if entry.started_at or handed_over else f"apply worker {pool.slot()}"


def _owe_rows(runtime: PoolRuntime, entry: DefinitionEntry) -> bool:
    """The rows of the table that an entry is about, anew; whether it is about one."""
    query = "select table_oid from mwa.definition_changes where origin = mwa.node() and id = %s"
    table = one(runtime.primary(), query, (entry.number,))
    if table is not None:
        leaves = runtime.primary().execute(_LEAVES, (table,)).fetchall()
        _owe(runtime, sorted(set(leaves) & publication.published(runtime.primary())))
    return table is not None


def _describe(entry: DefinitionEntry) -> str:
    return f"{entry}: {entry.failure}" if entry.failure else str(entry)


def _of(runtime: PoolRuntime) -> DefinitionEntries:
    pool = runtime.pool
    return DefinitionEntry.objects.filter(pool=pool, on_copy=pool.pair.swapped)


def _owe(runtime: PoolRuntime, tables: "tuple[tuple[str, str], ...] | list[tuple[str, str]]") -> None:
    pool = runtime.pool
    runtime.look_for_rows = True
    with portal_session() as portal:
        sheet = keylist.sheet(portal, pool.pk)
        for schema, name in tables:
            keylist.owe_whole(portal, pool.pk, sheet, schema, name, _WHY_WHOLE)
