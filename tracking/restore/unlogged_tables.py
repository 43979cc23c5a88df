"""Unlogged tables: nothing of what is written to them is in the stream, so they are carried whole."""

from nodes.postgres import catalog
from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection
from tracking.compare.hashing import Column
from tracking.mirror import refresh

from .carrying import LOCK_TIMEOUT
from .contents import Unreadable, fingerprint
from .difference import CHANGED, INELIGIBLE, MISSING, READY, UNREADABLE, Difference, Kind

_TYPE = "UNLOGGED TABLE"


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Those whose rows are not the copy's; one without its definition there has to get that first."""
    there = {(table.schema, table.name): table for table in catalog.tables(secondary)}
    found = (
        _compared(table, there.get((table.schema, table.name)), primary, secondary)
        for table in catalog.tables(primary)
        if table.persistence == "u"
    )
    return [each for each in found if each is not None]


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Bring all its rows as of a snapshot of the source. Raises `RefreshFailed`."""
    table = catalog.table(primary, *difference.key)
    if table is None:
        return
    if why := _misfit(table, catalog.table(secondary, *difference.key)):
        raise refresh.RefreshFailed(why)
    with primary.transaction():
        primary.execute("set transaction isolation level repeatable read read only")
        primary.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        refresh.bring(primary, secondary, [table], [])


KIND = Kind(_TYPE, find, carry)


def _compared(
    table: Table, other: Table | None, primary: Connection, secondary: Connection
) -> Difference | None:
    def differs(change: str, why: str = "", seen: str = "") -> Difference:
        state, key = INELIGIBLE if why else READY, (table.schema, table.name)
        return Difference(_TYPE, table.schema, table.name, change, state, why, table.bytes, key, seen)

    if why := _misfit(table, other):
        return differs(CHANGED if other else MISSING, why)
    columns = [Column(*each) for each in table.type_by_column.items()]
    try:
        here, there = (fingerprint(node, table.identifier, columns) for node in (primary, secondary))
    except Unreadable as error:
        return differs(UNREADABLE, str(error))
    return differs(CHANGED, seen=here) if here != there else None


def _misfit(table: Table, other: Table | None) -> str:
    if other is None:
        return "the copy has no such table: its definition has to be carried first"
    return catalog.misfit(table.type_by_column, other.type_by_column)
