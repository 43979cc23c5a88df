"""Bring what tables owe to the copy: their listed rows, or all of them, as of the source's snapshot.

Several tables go in one conversation: each node gets one query of many statements (PostgreSQL
documentation, "Multiple Statements in a Simple Query"), the source answers with one COPY after the other,
and each is piped into the COPY that the copy has waiting. That is one transaction and one round trip.
Sessions on the copy have session_replication_role = replica: no trigger and no foreign key fires.
"""

import select
from dataclasses import dataclass

import psycopg
from psycopg import pq, sql

from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection

from . import keysql

_QUEUE_BYTES = 1 << 17
_EMPTY = """
    begin
        if exists (select from pg_constraint
                   where contype = 'f' and conrelid <> confrelid and confrelid = {name}::regclass) then
            delete from only {table};
        else
            truncate only {table};
        end if;
    end
"""


class RefreshFailed(Exception):
    """A table could not be brought to the copy; the message names it and carries the server's reason."""


@dataclass(frozen=True)
class Listed:
    """The rows of a table that are to be brought: batches of array literals of `key_columns`."""

    table: Table
    key_columns: tuple[str, ...]
    batches: list[list[str]]

    @property
    def keys(self) -> int:
        """How many rows are listed."""
        return sum(map(len, self.batches))


def bring(source: Connection, copy: Connection, whole: list[Table], listed: list[Listed]) -> int:
    """Empty what goes whole, delete the listed rows, then bring what exists; returns the rows brought.

    All deletes come before the first insert: rows may have exchanged unique values. `source` is in a
    transaction with the snapshot wanted.
    """
    deletes = [_empty(table) for table in whole]
    reads = [_read(table, sql.SQL("")) for table in whole]
    tables = list(whole)
    for entry in listed:
        for batch in entry.batches:
            keys = keysql.join(entry.table, entry.key_columns, batch)
            deletes.append(_delete(entry.table, keys))
            reads.append(_read(entry.table, sql.SQL(" join {}").format(keys)))
            tables.append(entry.table)
    return _converse(source, copy, reads, deletes, [_write(t) for t in tables], [str(t) for t in tables])


def _delete(table: Table, keys: sql.Composed) -> sql.Composed:
    # `delete ... using` knows no ON: the join is with the table's own rows, by their place.
    return sql.SQL(
        "delete from only {0} where ctid = any(array(select t.ctid from only {0} t join {1}))"
    ).format(table.identifier, keys)


def _read(table: Table, condition: sql.Composable) -> sql.Composed:
    values = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in table.stored)
    return sql.SQL("copy (select {} from only {} t{}) to stdout").format(values, table.identifier, condition)


def _write(table: Table) -> sql.Composed:
    if not table.stored:  # a table without columns has rows all the same; COPY can name none
        return sql.SQL("copy {} from stdin").format(table.identifier)
    columns = sql.SQL(", ").join(map(sql.Identifier, table.stored))
    return sql.SQL("copy {} ({}) from stdin").format(table.identifier, columns)


def _empty(table: Table) -> sql.Composed:
    """TRUNCATE, but for a table that foreign keys of others point to: there it would be refused."""
    body = sql.SQL(_EMPTY).format(name=sql.Literal(table.identifier.as_string()), table=table.identifier)
    return sql.SQL("do {}").format(sql.Literal(body.as_string()))


def _converse(
    source: Connection,
    copy: Connection,
    reads: list[sql.Composed],
    before: list[sql.Composed],
    writes: list[sql.Composed],
    names: list[str],
) -> int:
    if not reads:
        return 0
    reader, writer = source.pgconn, copy.pgconn
    reader.send_query(sql.SQL("; ").join(reads).as_bytes(source))
    writer.send_query(sql.SQL("; ").join([*before, *writes]).as_bytes(copy))
    moved: list[int] = []
    try:
        _flush(reader)
        _flush(writer)
        while len(moved) < len(names):
            _until(reader, pq.ExecStatus.COPY_OUT)
            _until(writer, pq.ExecStatus.COPY_IN)
            _pipe(reader, writer)
            moved.append(_finished(writer))
        _rest(reader)
        _rest(writer)
    except psycopg.Error as error:
        _give_up(reader, writer)
        raise RefreshFailed(f"{names[min(len(moved), len(names) - 1)]}: {str(error).strip()}") from error
    return sum(moved)


def _pipe(reader: "pq.abc.PGconn", writer: "pq.abc.PGconn") -> None:
    queued = 0
    size, data = reader.get_copy_data(1)
    while size >= 0:
        if size == 0:
            _wait(reader, select.POLLIN)
        else:
            writer.put_copy_data(data)
            queued += size
        if queued > _QUEUE_BYTES:
            _flush(writer)
            queued = 0
        size, data = reader.get_copy_data(1)
    writer.put_copy_end(None)
    _flush(writer)


def _flush(connection: "pq.abc.PGconn") -> None:
    while connection.flush():
        _wait(connection, select.POLLIN | select.POLLOUT)


def _wait(connection: "pq.abc.PGconn", events: int) -> None:
    """Until the server has something to say or to take.

    libpq's own waiting, as called by psycopg.pq, would keep every other thread of this process waiting.
    """
    polled = select.poll()
    polled.register(connection.socket, events)
    polled.poll()
    connection.consume_input()


def _until(connection: "pq.abc.PGconn", wanted: pq.ExecStatus) -> None:
    """Pass over the results of statements that are through, up to the next COPY."""
    while (status := _next(connection)) is not None:
        if status == wanted:
            return
    raise psycopg.OperationalError("the server ended the conversation")


def _finished(writer: "pq.abc.PGconn") -> int:
    """The rows of the COPY that has just ended."""
    result = _result(writer)
    if result is None or result.status != pq.ExecStatus.COMMAND_OK:
        raise _error(result)
    return int(result.command_tuples or 0)


def _result(connection: "pq.abc.PGconn") -> "pq.abc.PGresult | None":
    while connection.is_busy():
        _wait(connection, select.POLLIN)
    return connection.get_result()


def _rest(connection: "pq.abc.PGconn") -> None:
    while _next(connection) is not None:
        pass


def _next(connection: "pq.abc.PGconn") -> pq.ExecStatus | None:
    result = _result(connection)
    if result is None:
        return None
    if result.status == pq.ExecStatus.FATAL_ERROR:
        raise _error(result)
    return pq.ExecStatus(result.status)


def _error(result: "pq.abc.PGresult | None") -> psycopg.Error:
    if result is None:
        return psycopg.OperationalError("the server ended the conversation")
    return psycopg.errors.error_from_result(result)


def _give_up(*connections: "pq.abc.PGconn") -> None:
    """Leave no session in the middle of a COPY."""
    for connection in connections:
        while connection.status == pq.ConnStatus.OK and (result := connection.get_result()) is not None:
            if result.status == pq.ExecStatus.COPY_IN:
                connection.put_copy_end(b"given up")
            elif result.status == pq.ExecStatus.COPY_OUT:
                while connection.get_copy_data(0)[0] > 0:
                    pass
