"""The role that owns our subscriptions, and so applies what they bring.

A secondary is read-only for whoever does not say otherwise (`blocked`), and nobody can say otherwise in the
middle of a transaction: rows pass all the same, definition changes do not. A setting of this role for the
database lets them pass, and routes nobody else's sessions to the secondary. It has no password.
"""

from contextlib import suppress
from typing import LiteralString

from psycopg import errors, sql

from .connect import Connection, one

ROLE = "mwa_apply"
_SETTING = "default_transaction_read_only"


def ensure(connection: Connection) -> None:
    """The role, and its setting for this database; again and again is fine."""
    with suppress(errors.DuplicateObject, errors.UniqueViolation):  # another pool was faster
        if not one(connection, "select 1 from pg_roles where rolname = %s", (ROLE,)):
            connection.execute(sql.SQL("create role {} superuser login").format(sql.Identifier(ROLE)))
    connection.execute(_setting(connection, "set {} = off"))


def remove(connection: Connection) -> None:
    """Take the setting back, and the role once no subscription of any database is its own."""
    if not one(connection, "select 1 from pg_roles where rolname = %s", (ROLE,)):
        return
    connection.execute(_setting(connection, "reset {}"))
    with suppress(errors.DependentObjectsStillExist):
        connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(ROLE)))


def _setting(connection: Connection, act: LiteralString) -> sql.Composed:
    names = (ROLE, connection.info.dbname, _SETTING)
    return sql.SQL(f"alter role {{}} in database {{}} {act}").format(*map(sql.Identifier, names))
