"""Materialized views: they are not copied but refreshed on the copy, which has the same tables to read.

That does not help where the source's holds something else than its tables of now, or where it reads the
clock or random numbers. Only trying shows it, so `carry` compares afterwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from nodes.postgres import catalog
from nodes.postgres.connect import Connection
from tracking.compare.hashing import Column
from tracking.save import views

from .contents import Unreadable, fingerprint
from .difference import CHANGED, INELIGIBLE, MISSING, READY, UNREADABLE, CarryFailed, Difference, Key, Kind

_TYPE = "MATERIALIZED VIEW"
_QUERY = Path(__file__).with_name("materialized_views.sql").read_text()
_IN_VAIN = (
    "a refresh on the copy does not make it equal: on the source it holds other rows than a refresh would"
    " give there, or its query reads the clock or random numbers; refresh it on the source, or accept it"
)


@dataclass(frozen=True)
class View:
    """A materialized view."""

    populated: bool
    size: int  # bytes
    columns: dict[str, str]  # with their types


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Those whose rows are not the copy's, each after those that it reads."""
    source, copy = _read(primary), _read(secondary)
    found = (
        _compared(key, source[key], copy.get(key), primary, secondary)
        for key in views.in_reading_order(primary)
        if key in source
    )
    return [each for each in found if each is not None]


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Refresh it on the copy, or empty it there. Raises `CarryFailed` (in vain) where that did not help."""
    view = _read(primary).get(difference.key)
    if view is None:
        return
    how = "" if view.populated else " with no data"
    secondary.execute(
        sql.SQL("refresh materialized view {}" + how).format(sql.Identifier(*difference.key)), prepare=False
    )


def check(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """After it was carried. Raises `CarryFailed` (in vain) where the view still differs."""
    source, copy = _read(primary).get(difference.key), _read(secondary).get(difference.key)
    if source and _compared(difference.key, source, copy, primary, secondary):
        raise CarryFailed(difference, _IN_VAIN, in_vain=True)


def without_hope(found: Difference, tried: Iterable[Difference]) -> str:
    """Why a difference cannot be carried: it was tried while the source's view held the same; else ''."""
    same = any(each.key == found.key and each.seen == found.seen for each in tried)
    return _IN_VAIN if same else ""


KIND = Kind(_TYPE, find, carry, check)


def _read(connection: Connection) -> dict[Key, View]:
    return {
        (row[0], row[1]): View(row[2], row[3], dict(zip(row[4], row[5], strict=True)))
        for row in connection.execute(_QUERY).fetchall()
    }


def _compared(
    key: Key, here: View, there: View | None, primary: Connection, secondary: Connection
) -> Difference | None:
    def differs(change: str, why: str = "", seen: str = "") -> Difference:
        state = INELIGIBLE if why else READY
        return Difference(_TYPE, key[0], key[1], change, state, why, here.size, key, seen)

    if there is None:
        return differs(MISSING, "the copy has no such view: its definition has to be carried first")
    if why := catalog.misfit(here.columns, there.columns):
        return differs(CHANGED, why)
    if here.populated != there.populated or not here.populated:
        return differs(CHANGED) if here.populated != there.populated else None
    columns = [Column(*each) for each in here.columns.items()]
    name = sql.Identifier(*key)
    try:
        source, copy = (fingerprint(node, name, columns) for node in (primary, secondary))
    except Unreadable as error:
        return differs(UNREADABLE, str(error))
    return differs(CHANGED, seen=source) if source != copy else None
