"""Definition changes that the event triggers have noted: those of new tables, and all others.

A new table joins by itself (`newtables`). Every other change becomes an entry that a person carries by hand
and ticks off; the table that it touches is brought whole afterwards, for a definition may change rows that
were never in the stream.
"""

from nodes.postgres import install
from nodes.postgres.connect import Connection, one
from nodes.postgres.install import DefinitionChange
from tracking.mirror import keylist
from tracking.models import DefinitionEntry

from .newtables import portal_session
from .poolruntime import PoolRuntime

_CREATING = frozenset({"CREATE TABLE", "CREATE TABLE AS", "SELECT INTO"})
_TABLES = """
    select c.oid, format('%%I.%%I', n.nspname, c.relname), c.relkind = 'r' and c.relpersistence = 'p',
           exists (select from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
                   where p.pubname = %s and r.prrelid = c.oid)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = any(%s)
"""
_LEAVES = """
    with recursive below as (
        select c.oid from pg_class c where c.oid = any(%s)
        union select i.inhrelid from pg_inherits i join below on below.oid = i.inhparent)
    select n.nspname::text, c.relname::text from below join pg_class c using (oid)
    join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and c.relpersistence = 'p'
"""


def others(
    primary: Connection, secondary: Connection, changes: list[DefinitionChange]
) -> list[DefinitionChange]:
    """The changes that belong to no table that is new to the mirror."""
    new = _new_tables(primary, secondary, changes)
    return [change for change in changes if change.table_oid not in new]


def reason(runtime: PoolRuntime, changes: list[DefinitionChange]) -> tuple[int, str]:
    """Why a pool is suspended because of them."""
    if other := others(runtime.primary(), runtime.secondary(), changes):
        return 9040, "; ".join(map(str, other[:10]))
    return 9050, "; ".join(map(str, changes[:10]))


def note(runtime: PoolRuntime, changes: list[DefinitionChange]) -> None:
    """Make entries of what is to be done by hand; the tables that they touch are owed whole."""
    pool, primary = runtime.pool, runtime.primary()
    if not changes:
        return
    entries = others(primary, runtime.secondary(), changes)
    _owe_whole(runtime, entries)
    for change in entries:
        DefinitionEntry.objects.get_or_create(
            pool=pool, on_copy=pool.pair.swapped, number=change.id,
            defaults={
                "command": change.command, "object_type": change.object_type,
                "identity": change.identity or change.failure,
            },
        )  # fmt: skip
    pool.definitions_seen = changes[-1].id
    pool.save(update_fields=["definitions_seen"])


def pass_over_new(runtime: PoolRuntime) -> None:
    """Before new tables are made on the copy: what was changed on them until now comes along."""
    changes = install.definition_changes(runtime.primary(), runtime.pool.definitions_seen)
    if not others(runtime.primary(), runtime.secondary(), changes):
        note(runtime, changes)


def _new_tables(
    primary: Connection, secondary: Connection, changes: list[DefinitionChange]
) -> set[int | None]:
    """The tables among them that the mirror does not know: not published, or not on the secondary."""
    touched = {change.table_oid for change in changes if change.table_oid is not None}
    found = primary.execute(_TABLES, (install.PUBLICATION, list(touched))).fetchall()
    new: set[int | None] = set()
    for oid, name, has_rows_to_publish, published in found:
        if has_rows_to_publish:
            known = published
        else:  # partitioned or unlogged: only its definition is mirrored
            known = one(secondary, "select to_regclass(%s) is not null", (name,))
        if not known:
            new.add(oid)
    gone = touched - {row[0] for row in found}
    return new | {c.table_oid for c in changes if c.table_oid in gone and c.command in _CREATING}


def _owe_whole(runtime: PoolRuntime, entries: list[DefinitionChange]) -> None:
    pool, primary = runtime.pool, runtime.primary()
    tables = {(schema, name) for schema, name in primary.execute(_LEAVES, (_touched(entries),)).fetchall()}
    tables &= install.published(primary)
    if any(change.failure for change in entries):  # nobody knows which
        tables = install.published(primary)
    with portal_session() as portal:
        sheet = keylist.sheet(portal, pool.pk)
        for schema, name in sorted(tables):
            keylist.owe_whole(portal, pool.pk, sheet, schema, name, "its definition was changed")


def _touched(entries: list[DefinitionChange]) -> list[int]:
    return [change.table_oid for change in entries if change.table_oid is not None]
