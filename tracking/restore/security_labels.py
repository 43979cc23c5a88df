"""Security labels of objects in this database, and of shared ones, by each provider."""

import psycopg
from psycopg import errors, sql

from nodes.postgres.connect import Connection

from . import roles
from .carrying import run
from .difference import INELIGIBLE, READY, Difference, Key, Kind, changes

_TYPE = "SECURITY LABEL"
_LABELS = """
    select l.provider, i.type, i.identity, l.label
    from (select classoid, objoid, objsubid, provider, label from pg_catalog.pg_seclabel
          union all select classoid, objoid, 0, provider, label from pg_catalog.pg_shseclabel) l
    cross join pg_catalog.pg_identify_object(l.classoid, l.objoid, l.objsubid) i
    where i.identity is not null
      and (l.classoid <> 'pg_database'::regclass
           or l.objoid = (select oid from pg_catalog.pg_database where datname = current_database()))
    order by 1, 2, 3
"""
# Words of pg_identify_object where SECURITY LABEL ON has others.
_WORDS = {"composite type": "type", "window function": "function"}
_NOWHERE = sql.Identifier("mwa: no such schema")


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Labels that differ; where the copy has not loaded their provider, that has to come first."""
    source, copy = _both(primary, secondary)
    different = changes(source, copy, removed=True)
    missing = {provider for provider in {key[0] for key, _ in different} if not _loaded(secondary, provider)}
    return [
        Difference(
            _TYPE, "", f"{kind} {identity} ({provider})", change,
            INELIGIBLE if provider in missing else READY,
            _by_hand(provider, source.get((provider, kind, identity))) if provider in missing else "",
            key=(provider, kind, identity),
        )
        for (provider, kind, identity), change in different
    ]  # fmt: skip


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Give the copy's object the label, or none."""
    provider, kind, identity = difference.key
    source, copy = _both(primary, secondary)
    wanted = source.get(difference.key)
    if wanted != copy.get(difference.key):
        statement = sql.SQL("security label for {} on " + f"{kind} " + "{} is {}")
        run(
            secondary,
            [statement.format(sql.Identifier(provider), sql.SQL(identity), sql.Literal(wanted))],
        )


KIND = Kind(_TYPE, find, carry)


def _both(primary: Connection, secondary: Connection) -> tuple[dict[Key, str], dict[Key, str]]:
    carried = roles.names(primary) - roles.left_alone(primary, secondary)
    quoted = {sql.Identifier(name).as_string(primary) for name in carried}
    return _read(primary, carried | quoted), _read(secondary, carried | quoted)


def _read(connection: Connection, carried: set[str]) -> dict[Key, str]:
    found: dict[Key, str] = {}
    for row in connection.execute(_LABELS).fetchall():
        provider, kind, identity, label = map(str, row)
        word = "column" if kind.endswith(" column") else _WORDS.get(kind, kind)
        if kind != "role" or identity in carried:
            found[(provider, word, identity)] = label
    return found


def _loaded(connection: Connection, provider: str) -> bool:
    """Whether the provider is there; it is asked for before the object, which there is none of."""
    statement = sql.SQL("security label for {} on schema {} is null")
    try:
        connection.execute(statement.format(sql.Identifier(provider), _NOWHERE))
    except errors.InvalidSchemaName:
        return True
    except psycopg.Error:
        if connection.broken:
            raise
    return False


def _by_hand(provider: str, label: str | None) -> str:
    what = "take the label away" if label is None else f"the label is {label!r}"
    return f"the copy has not loaded the provider {provider}: see shared_preload_libraries there; {what}"
