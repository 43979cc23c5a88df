"""What we put on a node, what we change there, and how all of it goes away again."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from . import apply_role, catalog, standbys
from .connect import Connection, one

PUBLICATION = "mwa"
_HERE = Path(__file__).parent
_DEFINITIONS = _HERE / "definitions"
_LAST = ("dispatch", "triggers")  # they name what the files before them make
_IDENTITY = "replica identity"
_LOCK_TIMEOUT = "2s"  # an application never queues behind us for longer

_CHANGES = """
    select id, at, command, coalesce(object_type, ''), table_oid, coalesce(schema_name, ''),
           coalesce(identity, ''), coalesce(failure, ''),
           array(select parse_ident(name) from unnest(whole) name)
    from mwa.definition_changes where origin = mwa.node() and id > %s and id <= %s order by id
"""
_ARRIVALS = """
    select id, carried_at, coalesce(carry_failure, ''), coalesce(carry_sqlstate, '')
    from mwa.definition_changes
    where origin = %s and id = any(%s) and carried_at is not null order by id
"""
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
_BEING_WRITTEN = """
    select exists (select from pg_locks where relation = 'mwa.definition_changes'::regclass
    and database = (select oid from pg_database where datname = current_database())
    and mode = 'RowExclusiveLock' and pid is distinct from pg_backend_pid())
"""


class TableLocked(Exception):
    """A table could not be published because somebody holds a lock on it."""


@dataclass(frozen=True)
class DefinitionChange:
    """A definition that was changed on the primary since the last one handled."""

    id: int
    at: datetime
    command: str
    object_type: str
    table_oid: int | None  # the table that it is, or is a part of
    schema: str
    identity: str
    failure: str  # why it could not be noted; what to do is not known then
    whole: tuple[tuple[str, str], ...]  # tables, by schema and name, whose rows have to be brought anew

    def __str__(self) -> str:
        return f"{self.command} {self.identity}".strip()


@dataclass(frozen=True)
class Arrival:
    """What became of a change on the secondary; `failure` is the server's message."""

    id: int
    at: datetime
    failure: str
    sqlstate: str


def install(connection: Connection) -> None:
    """Schema mwa with its event triggers and the (still empty) publication; again and again is fine."""
    with _unnoticed(connection), connection.transaction():
        connection.execute("set local search_path = pg_catalog")
        connection.execute("set local check_function_bodies = off")  # they name each other
        for file in _files():
            connection.execute(file.read_text())
        if not one(connection, "select 1 from pg_publication where pubname = %s", (PUBLICATION,)):
            connection.execute(
                sql.SQL("create publication {} for table mwa.definition_changes").format(
                    sql.Identifier(PUBLICATION)
                )
            )


def _files() -> list[Path]:
    """All SQL that makes schema mwa, in order."""
    first, last = [_DEFINITIONS / "framework.sql"], [_DEFINITIONS / f"{name}.sql" for name in _LAST]
    kinds = sorted(set(_DEFINITIONS.glob("*.sql")) - {*first, *last})
    return [_HERE / "install.sql", *first, *kinds, *last]


def dispatch() -> str:
    """The SQL that decides which kinds of object are described."""
    return (_DEFINITIONS / "dispatch.sql").read_text()


def learn(connection: Connection) -> int:
    """Describe every object as it is now: what changes from here on is noted. Returns how many there are."""
    with connection.transaction():
        return int(one(connection, "select mwa.learn_all()"))


@contextmanager
def _unnoticed(connection: Connection) -> Iterator[None]:
    """No event trigger of the application's fires: it might forbid what we do, or act upon it."""
    connection.execute("set session_replication_role = replica")
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # where the session is lost, that is what the caller gets to know
            connection.execute("reset session_replication_role")


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
            with _unnoticed(connection):
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
            with _unnoticed(connection):
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
            (_IDENTITY, table.as_string()),
        ).fetchall()
        for oid, before in taken:
            _give_back_identity(connection, oid, before)


def note_change(
    connection: Connection, what: str, setting: str, before: str, undo: str, table_oid: int | None = None
) -> None:
    """Put something that we change outside schema mwa on the node's list, with its way back."""
    connection.execute(
        "insert into mwa.changed_outside (object, setting, value_before, undo, table_oid)"
        " values (%s, %s, %s, %s, %s)",
        (what, setting, before, undo, table_oid),
    )


def note_standby(connection: Connection, name: str, before: str) -> None:
    """The same for our name among the synchronous standbys, which goes out again and leaves others in."""
    note_change(connection, name, standbys.SETTING, before, f"take {name} out of {standbys.SETTING}")


def note_same_identities(source: Connection, copy: Connection) -> None:
    """The copy's definitions came with the replica identities that we set on the source: note them there."""
    changed = source.execute(
        "select table_oid::regclass::text, value_before from mwa.changed_outside"
        " where setting = %s and table_oid in (select oid from pg_class)",
        (_IDENTITY,),
    ).fetchall()
    noted = {row[0] for row in copy.execute("select table_oid from mwa.changed_outside").fetchall()}
    for name, before in changed:
        oid = one(copy, "select to_regclass(%s)::oid", (name,))
        if oid is not None and oid not in noted:
            _note_identity(copy, name, before, oid)


def _note_identity(connection: Connection, name: str, before: str, oid: int) -> None:
    note_change(connection, name, _IDENTITY, before, _identity(name, before), oid)


def _identity(name: str, value: str) -> str:
    return f"alter table {name} replica identity {value}"


def definition_changes(connection: Connection, after: int) -> list[DefinitionChange]:
    """What was changed on the node since the entry `after`.

    Numbers are given out before they are committed: none is reported while a smaller one may still come.
    The order of the three questions is what makes that certain.
    """
    last = one(connection, "select last_value from mwa.definition_changes_id_seq where is_called") or 0
    if last <= after or one(connection, _BEING_WRITTEN):
        return []
    rows = connection.execute(_CHANGES, (after, last)).fetchall()
    return [_change(*row) for row in rows]


def _change(*values: Any) -> DefinitionChange:
    whole = tuple((schema, name) for schema, name in values[-1])
    return DefinitionChange(*[*values[:-1], whole])


def arrivals(secondary: Connection, origin: int, numbers: Sequence[int]) -> list[Arrival]:
    """Which changes of the node `origin` (`mwa.node()`) have come to the secondary, and how they fared."""
    rows = secondary.execute(_ARRIVALS, (origin, list(numbers))).fetchall()
    return [Arrival(*row) for row in rows]


def carry_again(secondary: Connection, origin: int, number: int) -> None:
    """Try once more what failed on the secondary."""
    secondary.execute("select mwa.carry_again(%s, %s)", (origin, number))


def hold_back(primary: Connection, numbers: Sequence[int]) -> None:
    """Of the tables that these changes are about no row is mirrored, until they are not named any more."""
    primary.execute("select mwa.hold_back(%s::bigint[])", (list(numbers),))


def unpublished(connection: Connection) -> bool:
    """Whether a permanent table that is to be mirrored is not in the stream."""
    return bool(one(connection, _UNPUBLISHED, (PUBLICATION,)))


def uninstall(connection: Connection) -> None:
    """Take back every change on the list and drop everything of ours in this database."""
    if not one(connection, "select to_regnamespace('mwa') is not null"):
        return
    with _unnoticed(connection):
        _uninstall(connection)


def _uninstall(connection: Connection) -> None:
    connection.execute(
        "drop event trigger if exists mwa_definition; drop event trigger if exists mwa_drop;"
        " drop event trigger if exists mwa_rewrite; drop event trigger if exists mwa_unlogged"
    )
    connection.execute(sql.SQL("drop publication if exists {}").format(sql.Identifier(PUBLICATION)))
    changes = connection.execute(
        "select id, object, setting, value_before, undo, table_oid from mwa.changed_outside order by id desc"
    ).fetchall()
    for entry, what, setting, before, undo, table_oid in changes:  # not all can be part of a transaction
        if setting == standbys.SETTING:
            standbys.remove(connection, what, before)
        elif setting == _IDENTITY:
            _give_back_identity(connection, table_oid, before)
        else:
            connection.execute(undo)
        connection.execute("delete from mwa.changed_outside where id = %s", (entry,))
    connection.execute("drop schema mwa cascade")
    apply_role.remove(connection)


def _give_back_identity(connection: Connection, oid: int, before: str) -> None:
    """To the table, if it is there; what somebody else has chosen since stays."""
    name = one(
        connection, "select oid::regclass::text from pg_class where oid = %s and relreplident = 'f'", (oid,)
    )
    if name is not None:
        connection.execute(_identity(name, before))
