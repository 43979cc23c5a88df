"""Tables that need something special, and data that is no table."""

from pathlib import Path

from nodes.postgres.connect import one
from nodes.postgres.preflight.check import Finding, amount, finding
from nodes.postgres.preflight.place import Place

_TABLES = Path(__file__).with_name("tables.sql").read_text()
_TRIGGERS = """
    select format('%I.%I', n.nspname, c.relname), quote_ident(t.tgname)
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    where not t.tgisinternal and t.tgenabled in ('A', 'R') order by 1, 2
"""
_WHY = {
    "d": "no primary key that identifies rows at once",
    "i": "its replica identity index is missing or invalid",
    "n": "replica identity nothing",
    "f": "replica identity full",
}


def tables_without_key(place: Place) -> Finding:
    """Every table has a key by which changes can be tracked; the others are kept as a whole."""
    rows = place.session.execute(_TABLES).fetchall()
    found = [f"{table} ({_WHY[identity]})" for table, identity, _, has_key in rows if not has_key]
    return finding(
        not found,
        f"{amount(len(found), 'table')} without a key" if found else "every table has a key",
        "a primary key (not deferrable) or a replica identity index",
        "Add a primary key where there can be one. If not, nothing has to be done: the migration sets "
        "REPLICA IDENTITY FULL before it publishes the table and gives the old one back afterwards; such a "
        "table is resynchronized whole after a pause.",
        found,
        otherwise="warning",
    )


def unlogged_tables(place: Place) -> Finding:
    """No table is unlogged: changes of one are not in the WAL, hence not in the stream."""
    found = [table for table, _, unlogged, _ in place.session.execute(_TABLES).fetchall() if unlogged]
    return finding(
        not found,
        amount(len(found), "unlogged table") if found else "none",
        "no unlogged table",
        "They are copied once; later changes are not carried. If they matter: "
        + " ".join(f"alter table {table} set logged;" for table in found[:5]),
        found,
        otherwise="warning",
    )


def triggers(place: Place) -> Finding:
    """No trigger fires on the copy for rows that have been through it on the source already."""
    rows = place.session.execute(_TRIGGERS).fetchall()
    return finding(
        not rows,
        amount(len(rows), "trigger") if rows else "none",
        "no trigger that is enabled ALWAYS or REPLICA: on the copy it fires again for each mirrored row",
        "If that does harm: "
        + " ".join(f"alter table {table} enable trigger {name};" for table, name in rows[:5]),
        [f"{name} on {table}" for table, name in rows],
        otherwise="warning",
    )


def large_objects(place: Place) -> Finding:
    """There is no large object: PostgreSQL's stream does not carry them."""
    count = int(one(place.session, "select count(*) from pg_largeobject_metadata"))
    return finding(
        not count,
        amount(count, "large object") if count else "none",
        "none: they are compared and carried, not streamed",
        "Let nobody write to them in the last second before a role swap, or it is refused",
        otherwise="warning",
    )
