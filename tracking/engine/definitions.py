"""The library tracking list: definition changes that the event triggers have noted, until they are carried.

While the stream is on they come with it; at a hand-over they are carried before the rows. What fails on the
secondary, or could not be noted, is for a person: tried again, or carried by hand and ticked off.
"""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from nodes.postgres import install
from nodes.postgres.catalog import Table
from nodes.postgres.connect import connect, one
from nodes.postgres.install import DefinitionChange
from tracking.mirror import definitions, keylist
from tracking.models import TABLE_TYPES, DefinitionEntries, DefinitionEntry, MigratedObject, TableCopy

from . import newtables, others
from .newtables import portal_session
from .poolruntime import PoolRuntime
from .say import say

_NO_SUCH_ROLE = "42704"
_WHY_WHOLE = "its definition was changed"
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
            _owe(runtime, sorted(install.published(runtime.primary())))  # nobody knows which
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
    return _of(runtime).filter(done_at=None).exists()


def settle(runtime: PoolRuntime, *, rows_came: bool = False) -> None:
    """See what has arrived on the secondary: it leaves the list for the history, or has failed.

    What was in the way of rows only is tried again when they come anew.
    """
    pool = runtime.pool
    entries = {entry.number: entry for entry in _of(runtime).filter(state="READY")}
    if not entries:
        return
    origin = one(runtime.primary(), "select mwa.node()")
    for arrival in install.arrivals(runtime.secondary(), origin, list(entries)):
        entry = entries[arrival.id]
        entry.pool = pool
        if arrival.sqlstate == _NO_SUCH_ROLE:  # the same for any object; what no event trigger sees comes now
            others.bring_roles(runtime)
            install.carry_again(runtime.secondary(), origin, entry.number)
            [arrival] = install.arrivals(runtime.secondary(), origin, [entry.number])
        if arrival.sqlstate.startswith("23") and not rows_came and _owe_rows(runtime, entry):
            continue
        if arrival.failure:
            _failed(runtime, entry, arrival.failure)
        else:
            with transaction.atomic():
                MigratedObject.note(entry, arrival.at)
                entry.delete()


def retry(runtime: PoolRuntime, entries: "list[DefinitionEntry]") -> None:
    """Try again what has failed."""
    if not entries:
        return
    origin = one(runtime.primary(), "select mwa.node()")
    with connect(runtime.route.secondary_conninfo, "definitions") as secondary:
        for entry in entries:
            install.carry_again(secondary, origin, entry.number)
            [arrival] = install.arrivals(secondary, origin, [entry.number])
            values = {"retry_asked": False, "failure": arrival.failure}
            if not arrival.failure:
                values |= {"done_at": timezone.now(), "done_by": "the engine"}
                MigratedObject.note(entry, arrival.at)
            DefinitionEntry.objects.filter(pk=entry.pk).update(**values)


def asked_again(runtime: PoolRuntime) -> "list[DefinitionEntry]":
    """The failed entries that somebody wants to be tried again."""
    return list(_of(runtime).by_hand().filter(retry_asked=True))


def carry(runtime: PoolRuntime) -> None:
    """Carry what is pending now, while the stream is off; what has failed before is tried once more."""
    pool, route = runtime.pool, runtime.route
    retry(runtime, list(_of(runtime).by_hand().filter(state="FAILED")))
    with portal_session() as portal, connect(route.secondary_conninfo, "definitions") as secondary:
        sheet = keylist.sheet(portal, pool.pk)

        def owe(schema: str, table: str) -> None:
            keylist.owe_whole(portal, pool.pk, sheet, schema, table, _WHY_WHOLE)

        definitions.bring(runtime.primary(), secondary, owe)
    note(runtime, install.definition_changes(runtime.primary(), pool.definitions_seen))
    settle(runtime, rows_came=True)
    hold_back(runtime)


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
    failed = _of(runtime).by_hand().filter(state="FAILED", object_type__in=TABLE_TYPES)
    numbers = set(failed.values_list("number", flat=True))
    if numbers != runtime.held_back:
        install.hold_back(runtime.primary(), sorted(numbers))
        newtables.part(runtime)
        runtime.look_for_tables, runtime.held_back = True, numbers


def in_the_way(runtime: PoolRuntime) -> str:
    """Why rows cannot follow; empty where they can."""
    return "; ".join(_describe(entry) for entry in _of(runtime).in_the_way()[:10])


def _failed(runtime: PoolRuntime, entry: DefinitionEntry, failure: str) -> None:
    DefinitionEntry.objects.filter(pk=entry.pk).update(state="FAILED", failure=failure)
    held = "; its rows are held back" if entry.object_type in TABLE_TYPES else ""
    say(runtime.pool.pair, f"{entry} failed on the secondary{held}: {failure}", "9040", runtime.pool)


def _owe_rows(runtime: PoolRuntime, entry: DefinitionEntry) -> bool:
    """The rows of the table that an entry is about, anew; whether it is about one."""
    query = "select table_oid from mwa.definition_changes where origin = mwa.node() and id = %s"
    table = one(runtime.primary(), query, (entry.number,))
    if table is not None:
        leaves = runtime.primary().execute(_LEAVES, (table,)).fetchall()
        _owe(runtime, sorted(set(leaves) & install.published(runtime.primary())))
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
