"""Which tables' rows are in the stream, and the identity that each needs for it."""

from collections.abc import Iterable

from psycopg import errors, sql

from . import catalog
from .connect import Connection, one
from .outside import note_change, unnoticed

PUBLICATION = "mwa"
IDENTITY = "replica identity"  # the setting's name on the list of what is changed outside schema mwa
_LOCK_TIMEOUT = "2s"  # an application never queues behind us for longer

_UNPUBLISHED = """
    select exists (
        select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and c.relpersistence = 'p'
          and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
          and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                          and d.objid = c.oid and d.deptype = 'e')
          and not exists (select from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
                          where p.pubname = %s and r.prrelid = c.oid)
          and (n.nspname, c.relname) not in (select schema_name, name from mwa.unmirrored()))
"""


class TableLocked(Exception):
    """A table could not be published because somebody holds a lock on it."""


def published(connection: Connection) -> set[tuple[str, str]]:
    """The tables whose rows are in the stream, as (schema, name)."""
    rows = connection.execute(
        "select schemaname::text, tablename::text from pg_publication_tables where pubname = %s"
        " and schemaname <> 'mwa'",
        (PUBLICATION,),
    )
    return {(schema, name) for schema, name in rows.fetchall()}


def publish(
    connection: Connection, tables: Iterable[catalog.Table], *, slot_exists: bool = False
) -> list[catalog.Table]:
    """Publish the permanent tables that are not yet; returns those that were added.

    Where the slot exists already, a moment without a writer is needed: what a transaction wrote before its
    table was published is not decoded, however much later it commits. A table without an identity gets
    REPLICA IDENTITY FULL first: published without one, the application's next UPDATE would fail. Raises
    `TableLocked` and leaves that table unpublished.
    """
    there = published(connection)
    added = []
    for table in tables:
        if table.persistence != "p" or (table.schema, table.name) in there:
            continue
        try:
            with unnoticed(connection):
                _publish(connection, table, slot_exists)
        except errors.LockNotAvailable as error:
            raise TableLocked(
                f"{table} is locked; it could not be published within {_LOCK_TIMEOUT}"
            ) from error
        except (errors.UndefinedTable, errors.InvalidSchemaName):
            continue  # it was dropped meanwhile
        added.append(table)
    return added


def _publish(connection: Connection, table: catalog.Table, without_writers: bool) -> None:
    with connection.transaction():
        connection.execute(sql.SQL("set local lock_timeout = {}").format(_LOCK_TIMEOUT))
        if without_writers:
            connection.execute(
                sql.SQL("lock table only {} in share row exclusive mode").format(table.identifier)
            )
        if not table.tracked_by_key and table.replica_identity != "f":
            connection.execute(_identity(table.identifier.as_string(), "full"))
            before = "default" if table.replica_identity != "n" else "nothing"
            _note_identity(connection, table.identifier.as_string(), before, table.oid)
        connection.execute(
            sql.SQL("alter publication {} add table only {}").format(
                sql.Identifier(PUBLICATION), table.identifier
            )
        )


def unpublish(connection: Connection, tables: Iterable[tuple[str, str]]) -> None:
    """Take tables out of the stream, given as (schema, name); what we had set for them goes back.

    Raises `TableLocked`.
    """
    for schema, name in tables:
        try:
            with unnoticed(connection):
                _unpublish(connection, sql.Identifier(schema, name))
        except errors.LockNotAvailable as error:
            raise TableLocked(
                f"{schema}.{name} is locked; it could not be taken out of the stream within {_LOCK_TIMEOUT}"
            ) from error


def _unpublish(connection: Connection, table: sql.Identifier) -> None:
    with connection.transaction():
        connection.execute(sql.SQL("set local lock_timeout = {}").format(_LOCK_TIMEOUT))
        connection.execute(
            sql.SQL("alter publication {} drop table only {}").format(sql.Identifier(PUBLICATION), table)
        )
        taken = connection.execute(
            "delete from mwa.changed_outside where setting = %s and table_oid = %s::regclass"
            " returning table_oid, value_before",
            (IDENTITY, table.as_string()),
        ).fetchall()
        for oid, before in taken:
            give_back_identity(connection, oid, before)


def unpublished(connection: Connection) -> bool:
    """Whether a permanent table that is to be mirrored is not in the stream."""
    return bool(one(connection, _UNPUBLISHED, (PUBLICATION,)))


def note_same_identities(source: Connection, copy: Connection) -> None:
    """The copy's definitions came with the replica identities that we set on the source: note them there."""
    changed = source.execute(
        "select table_oid::regclass::text, value_before from mwa.changed_outside"
        " where setting = %s and table_oid in (select oid from pg_class)",
        (IDENTITY,),
    ).fetchall()
    noted = {row[0] for row in copy.execute("select table_oid from mwa.changed_outside").fetchall()}
    for name, before in changed:
        oid = one(copy, "select to_regclass(%s)::oid", (name,))
        if oid is not None and oid not in noted:
            _note_identity(copy, name, before, oid)


def _note_identity(connection: Connection, name: str, before: str, oid: int) -> None:
    note_change(connection, name, IDENTITY, before, _identity(name, before), oid)


def _identity(name: str, value: str) -> str:
    return f"alter table {name} replica identity {value}"


def give_back_identity(connection: Connection, oid: int, before: str) -> None:
    """To the table, if it is there; what somebody else has chosen since stays."""
    name = one(
        connection, "select oid::regclass::text from pg_class where oid = %s and relreplident = 'f'", (oid,)
    )
    if name is not None:
        connection.execute(_identity(name, before))
