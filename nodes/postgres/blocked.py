"""The blocked secondary: new sessions of applications are read-only there.

The setting routes (libpq's target_session_attrs=read-write passes such a node by), it does not fence; the
apply worker's rows and our own sessions are not subject to it.
"""

from psycopg import sql

from . import outside
from .connect import Connection, one

_SETTING = "default_transaction_read_only"


def is_blocked(cluster: Connection, database: str) -> bool:
    """Whether the database routes writers away; can be asked from any database of the server."""
    return bool(
        one(
            cluster,
            "select %s = any(setconfig) from pg_db_role_setting where setrole = 0"
            " and setdatabase = (select oid from pg_database where datname = %s)",
            (f"{_SETTING}=on", database),
        )
    )


def block(cluster: Connection, database: str) -> None:
    """Route writers away from the database."""
    cluster.execute(_set(database, "set default_transaction_read_only = on"))


def unblock(cluster: Connection, database: str) -> None:
    """Let writers in again."""
    cluster.execute(_set(database, "reset default_transaction_read_only"))


def note(inside: Connection) -> None:
    """Put the setting on the node's list of what we changed, so that removing the pair takes it back."""
    database = inside.info.dbname
    there = one(inside, "select 1 from mwa.changed_outside where setting = %s", (_SETTING,))
    if not there:
        undo = _set(database, "reset default_transaction_read_only").as_string()
        outside.note_change(inside, f"database {database}", _SETTING, "not set", undo)


def _set(database: str, action: str) -> sql.Composed:
    return sql.SQL("alter database {} {}").format(sql.Identifier(database), sql.SQL(action))
