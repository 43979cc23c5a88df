"""What is set for a database or a role (ALTER DATABASE ... SET, ALTER ROLE ... [IN DATABASE ...] SET)."""

import re

from psycopg import sql

from nodes.postgres.connect import Connection

from . import roles
from .carrying import run
from .difference import Difference, Key, Kind, changes

_SETTINGS = """
    select coalesce(r.rolname::text, ''), case s.setdatabase when 0 then '' else 'database' end,
           split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
    from pg_catalog.pg_db_role_setting s
    left join pg_catalog.pg_roles r on r.oid = s.setrole cross join unnest(s.setconfig) c
    where s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
    order by 1, 2, 3
"""
# Routes applications away from the secondary: it belongs to the node's part in the pair.
_OURS = ("", "database", "default_transaction_read_only")
# Their values are lists of quoted names: variable_is_guc_list_quote in PostgreSQL's dumputils.c
_LISTS = {
    "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
    "temp_tablespaces", "unix_socket_directories",
}  # fmt: skip
_ITEM = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,]+))\s*(?:,|$)')


def find_of_database(primary: Connection, secondary: Connection) -> list[Difference]:
    """What is set for this database."""
    return [
        Difference("DATABASE SETTING", "", key[2], change, key=key)
        for key, change in _changes(primary, secondary)
        if _of_database(key)
    ]


def find_of_roles(primary: Connection, secondary: Connection) -> list[Difference]:
    """What is set for roles that are carried, or for all, everywhere or in this database."""
    found = []
    for key, change in _changes(primary, secondary):
        role, where, name = key
        place = f" in database {primary.info.dbname}" if where else ""
        if not _of_database(key):
            found.append(
                Difference("ROLE SETTING", "", f"{role or 'all roles'}{place}: {name}", change, key=key)
            )
    return found


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Set it as on the source, or no more."""
    source, copy = _both(primary, secondary)
    role, where, name = difference.key
    wanted = source.get(difference.key)
    if wanted == copy.get(difference.key):
        return
    database = sql.Identifier(secondary.info.dbname)
    who = sql.Identifier(role) if role else sql.SQL("all")
    if _of_database(difference.key):
        target = sql.SQL("database {}").format(database)
    else:
        within = sql.SQL(" in database {}").format(database) if where else sql.SQL("")
        target = sql.SQL("role {}{}").format(who, within)
    setting = sql.Identifier(*name.split("."))
    if wanted is None:
        run(secondary, [sql.SQL("alter {} reset {}").format(target, setting)])
    else:
        run(secondary, [sql.SQL("alter {} set {} to {}").format(target, setting, _value(name, wanted))])


DATABASE_SETTINGS = Kind("DATABASE SETTING", find_of_database, carry)
ROLE_SETTINGS = Kind("ROLE SETTING", find_of_roles, carry)


def _changes(primary: Connection, secondary: Connection) -> list[tuple[Key, str]]:
    return changes(*_both(primary, secondary), removed=True)


def _both(primary: Connection, secondary: Connection) -> tuple[dict[Key, str], dict[Key, str]]:
    carried = (roles.names(primary) - roles.left_alone(primary, secondary)) | {""}
    return _read(primary, carried), _read(secondary, carried)


def _read(connection: Connection, carried: set[str]) -> dict[Key, str]:
    return {
        (role, where, name): value
        for role, where, name, value in connection.execute(_SETTINGS).fetchall()
        if role in carried and (role, where, name) != _OURS
    }


def _of_database(key: Key) -> bool:
    return key[:2] == ("", "database")


def _value(name: str, value: str) -> sql.Composable:
    """As SET takes it: what is kept of a list are its quoted items."""
    if name.lower() not in _LISTS:
        return sql.Literal(value)
    items = [(quoted or "").replace('""', '"') or plain.strip() for quoted, plain in _ITEM.findall(value)]
    return sql.SQL(", ").join(sql.Literal(item) for item in items)
