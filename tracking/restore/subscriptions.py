"""Subscriptions of the application's: where they read from is a connection and a slot, made by hand."""

from psycopg import sql
from psycopg.conninfo import make_conninfo

from nodes.postgres.connect import Connection, describe

from .difference import GONE, INELIGIBLE, Difference, Key, Kind, changes

_TYPE = "SUBSCRIPTION"
_SUBSCRIPTIONS = """
    select s.subname::text, s.subpublications, s.subslotname::text, s.subconninfo
    from pg_catalog.pg_subscription s
    where s.subdbid = (select oid from pg_catalog.pg_database where datname = current_database())
      and s.subname !~ '^mwa(_|$)'
    order by 1
"""


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Those that are on one node only, or read other publications there: all to be handled by hand."""
    source, copy = _read(primary), _read(secondary)
    return [
        Difference(_TYPE, "", key[0], change, INELIGIBLE, _by_hand(primary, key, change, source), key=key)
        for key, change in changes(_publications(source), _publications(copy), removed=True)
    ]


KIND = Kind(_TYPE, find)

Found = tuple[tuple[str, ...], str | None, str]  # publications, slot, where it reads from


def _read(connection: Connection) -> dict[Key, Found]:
    return {
        (name,): (tuple(sorted(publications)), slot, conninfo)
        for name, publications, slot, conninfo in connection.execute(_SUBSCRIPTIONS).fetchall()
    }


def _publications(found: dict[Key, Found]) -> dict[Key, tuple[str, ...]]:
    return {key: publications for key, (publications, _, _) in found.items()}


def _by_hand(primary: Connection, key: Key, change: str, source: dict[Key, Found]) -> str:
    if change == GONE:
        return "Drop it on the copy if the application does not need it there."
    publications, slot, conninfo = source[key]
    statement = sql.SQL(
        "create subscription {} connection {} publication {} with (create_slot = false, enabled = false,"
        " copy_data = false, slot_name = {})"
    ).format(
        sql.Identifier(*key),
        sql.Literal(make_conninfo(describe(conninfo))),
        sql.SQL(", ").join(map(sql.Identifier, publications)),
        sql.Identifier(slot) if slot else sql.SQL("none"),
    )
    return (
        "Only one node may read a slot. After the swap disable it on the source, then make it on the copy"
        f" with its password, and enable it there: {statement.as_string(primary)}"
    )
