"""Bring what a table owes to the copy: its listed rows, or all of it, as of the source's snapshot."""

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg import pq, sql

from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, one


class RefreshFailed(Exception):
    """A table could not be brought to the copy; the message names it and carries the server's reason."""


@dataclass(frozen=True)
class Refreshed:
    """How many rows of a table were brought (rows that are gone on the source are not counted)."""

    table: str
    rows: int
    whole: bool


def rows(
    source: Connection,
    copy: Connection,
    table: Table,
    key_columns: tuple[str, ...],
    keys: Iterable[list[str]],
) -> Refreshed:
    """Delete the listed rows on the copy, then bring those that still exist, in one transaction.

    All deletes come before the first insert: two rows may have exchanged a unique value. `source` is in
    a transaction with the snapshot wanted; triggers and foreign keys do not fire on the copy.
    """
    try:
        with copy.transaction():
            copy.execute("set local session_replication_role = replica")
            batches = list(_delete(copy, table, key_columns, keys))
            moved = sum(_bring(source, copy, table, _listed(table, key_columns, batch)) for batch in batches)
    except psycopg.Error as error:
        raise RefreshFailed(f"{table}: {str(error).strip()}") from error
    return Refreshed(str(table), moved, whole=False)


def whole(source: Connection, copy: Connection, table: Table) -> Refreshed:
    """Empty the table on the copy and bring all of it, in one transaction."""
    try:
        with copy.transaction():
            copy.execute("set local session_replication_role = replica")
            copy.execute(_empty(copy, table))
            moved = _bring(source, copy, table, sql.SQL(""))
    except psycopg.Error as error:
        raise RefreshFailed(f"{table}: {str(error).strip()}") from error
    return Refreshed(str(table), moved, whole=True)


def _delete(
    copy: Connection, table: Table, key_columns: tuple[str, ...], keys: Iterable[list[str]]
) -> Iterable[list[str]]:
    copy.execute("create temporary table mwa_keys (k text) on commit drop")
    batches = []
    for batch in keys:
        batches.append(batch)
        with copy.cursor().copy("copy pg_temp.mwa_keys from stdin") as stream:
            for key in batch:
                stream.write_row((key,))
    copy.execute("analyze pg_temp.mwa_keys")
    copy.execute(
        sql.SQL("delete from only {} t using (select {} from pg_temp.mwa_keys) k where {}").format(
            table.identifier, _typed(table, key_columns), _same(key_columns)
        )
    )
    return batches


def _typed(table: Table, key_columns: tuple[str, ...]) -> sql.Composable:
    """The key's values out of its array literal, each in its column's type."""
    parts = [
        sql.SQL("(k::text[])[{}]::{} as {}").format(
            number, sql.SQL(table.type_of(column)), sql.Identifier(f"k{number}")
        )
        for number, column in enumerate(key_columns, 1)
    ]
    return sql.SQL(", ").join(parts)


def _same(key_columns: tuple[str, ...]) -> sql.Composable:
    parts = [
        sql.SQL("t.{} = k.{}").format(sql.Identifier(column), sql.Identifier(f"k{number}"))
        for number, column in enumerate(key_columns, 1)
    ]
    return sql.SQL(" and ").join(parts)


def _listed(table: Table, key_columns: tuple[str, ...], batch: list[str]) -> sql.Composable:
    return sql.SQL(" join (select {} from unnest({}::text[]) k) k on {}").format(
        _typed(table, key_columns), sql.Literal(batch), _same(key_columns)
    )


def _bring(source: Connection, copy: Connection, table: Table, condition: sql.Composable) -> int:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.stored))
    values = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in table.stored)
    read = sql.SQL("copy (select {} from only {} t{}) to stdout").format(values, table.identifier, condition)
    write = sql.SQL("copy {} ({}) from stdin").format(table.identifier, columns)
    if not table.stored:  # a table without columns has rows all the same; COPY can't name none
        write = sql.SQL("copy {} from stdin").format(table.identifier)
    return relay(source, copy, read.as_bytes(source), write.as_bytes(copy))


def relay(source: Connection, copy: Connection, read: bytes, write: bytes) -> int:
    """Pipe one COPY into another, buffer by buffer through libpq; returns the rows written."""
    reader, writer = source.pgconn, copy.pgconn
    _start(reader, read, pq.ExecStatus.COPY_OUT)
    _start(writer, write, pq.ExecStatus.COPY_IN)
    size, data = reader.get_copy_data(0)
    while size > 0:
        writer.put_copy_data(data)
        size, data = reader.get_copy_data(0)
    _result(reader)
    writer.put_copy_end(None)
    return int(_result(writer).command_tuples or 0)


def _start(connection: "pq.abc.PGconn", command: bytes, expected: pq.ExecStatus) -> None:
    result = connection.exec_(command)
    if result.status != expected:
        raise psycopg.errors.error_from_result(result)


def _result(connection: "pq.abc.PGconn") -> "pq.abc.PGresult":
    """The COPY's own result; libpq wants to be asked until nothing is left."""
    answer = connection.get_result()
    assert answer is not None
    while connection.get_result():
        pass
    if answer.status != pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(answer)
    return answer


def _empty(copy: Connection, table: Table) -> sql.Composed:
    """TRUNCATE, but for a table that foreign keys of others point to: there it would be refused."""
    referenced = one(
        copy,
        "select exists (select from pg_constraint where contype = 'f' and conrelid <> confrelid"
        " and confrelid = to_regclass(%s))",
        (table.identifier.as_string(),),
    )
    statement = "delete from only {}" if referenced else "truncate only {}"
    return sql.SQL(statement).format(table.identifier)
