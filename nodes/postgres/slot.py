"""Replication slots: the position in the source's log that is kept for us."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from . import lsn, transactions
from .connect import Connection, connect, one, wait_until
from .transactions import Transaction


@dataclass(frozen=True)
class Slot:
    """Where a slot stands. `confirmed` is the position before which its reader has everything."""

    name: str
    active_pid: int | None
    confirmed: int
    held_bytes: int  # WAL that the server keeps because of it
    lost: bool


_MAY_FORCE = """
    select not pg_is_in_recovery()
           and has_function_privilege('pg_catalog.pg_log_standby_snapshot()', 'execute')
"""


# One query and so one transaction: the timeout ends with it, however it ends
_CREATE = sql.SQL("""
    select set_config('statement_timeout', {}, true);
    select pg_create_logical_replication_slot({}, 'pgoutput')
""")


class StillRunning(Exception):
    """A slot could not be made because transactions have not ended in time; it names them."""


def find(connection: Connection, name: str) -> Slot | None:
    """A slot by name."""
    row = connection.execute(
        """
        select slot_name::text, active_pid, coalesce(confirmed_flush_lsn, '0/0')::text,
               coalesce(pg_current_wal_lsn() - restart_lsn, 0)::bigint, coalesce(wal_status = 'lost', false)
        from pg_replication_slots where slot_name = %s
        """,
        (name,),
    ).fetchone()
    return Slot(row[0], row[1], lsn.parse(row[2]), row[3], row[4]) if row else None


def create(connection: Connection, name: str, *, seconds: float) -> Slot:
    """Make the slot where there is none, waiting for running transactions at most `seconds`.

    Not by `lock_timeout`: that would hold for each of them anew. Raises `StillRunning`.
    """
    if found := find(connection, name):
        return found
    most = f"{max(1, int(seconds * 1000))}ms"  # 0 would be no limit at all
    try:
        connection.execute(_CREATE.format(most, name))
    except errors.QueryCanceled as error:
        raise StillRunning(_who(connection, seconds)) from error
    made = find(connection, name)
    assert made is not None
    return made


def drop(connection: Connection, name: str) -> None:
    """Drop a slot, ending whoever reads it."""
    release(connection, name)
    if find(connection, name):
        connection.execute("select pg_drop_replication_slot(%s)", (name,))


def release(connection: Connection, name: str, *, seconds: float = 10.0) -> None:
    """End whoever reads the slot, and wait until it is free."""

    def free() -> bool:
        slot = find(connection, name)
        if slot is None or slot.active_pid is None:
            return True
        connection.execute("select pg_terminate_backend(%s)", (slot.active_pid,))
        return False

    wait_until(free, f"slot {name} to be let go of", seconds=seconds)


def _who(connection: Connection, seconds: float) -> str:
    running = "; ".join(str(transaction) for transaction in transactions.writing(connection))
    return f"waited {seconds:g} s for transactions to end: {running or 'they have ended meanwhile'}"


class HandoverPoint:
    """A temporary slot whose consistent point is Z, with the snapshot of exactly that position.

    Everything committed before Z is in the snapshot, nothing after. `waiting` is called about once a
    second with the transactions that still run. Raises `StillRunning` after `seconds`.
    """

    def __init__(
        self,
        conninfo: str,
        observer: Connection,
        *,
        seconds: float,
        waiting: Callable[[list[Transaction]], None] | None = None,
    ) -> None:
        self._connection = connect(make_conninfo(conninfo, replication="database"), "hand-over")
        try:
            self.position, self.snapshot = self._create(observer, seconds, waiting)
        except BaseException:
            self.close()
            raise

    def _create(
        self,
        observer: Connection,
        seconds: float,
        waiting: Callable[[list[Transaction]], None] | None,
    ) -> tuple[int, str]:
        name = f"mwa_handover_{self._connection.info.backend_pid}"
        command = sql.SQL("CREATE_REPLICATION_SLOT {} TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')")
        with ThreadPoolExecutor(1) as thread:
            made = thread.submit(self._connection.execute, command.format(sql.Identifier(name)))
            try:
                self._look_on(made, observer, seconds, waiting)
            except BaseException:
                self._cancel()
                raise
            try:
                row = made.result().fetchone()
            except errors.QueryCanceled as error:
                raise StillRunning(_who(observer, seconds)) from error
        assert row is not None
        return lsn.parse(row[1]), str(row[2])

    def _look_on(
        self,
        made: "Future[Any]",
        observer: Connection,
        seconds: float,
        waiting: Callable[[list[Transaction]], None] | None,
    ) -> None:
        deadline = time.monotonic() + seconds
        while not wait([made], timeout=min(1.0, seconds)).done:
            force_control_point(observer)
            if waiting:
                waiting(transactions.writing(observer))
            # The only timeout of the server that ends this command is `lock_timeout`, and that is for each
            # transaction anew.
            if time.monotonic() >= deadline:
                self._cancel()

    def _cancel(self) -> None:
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=5)

    def close(self) -> None:
        """Let go of the snapshot and of the log."""
        self._connection.close()

    def __enter__(self) -> "HandoverPoint":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def force_control_point(connection: Connection) -> int | None:
    """Have a running-transactions record written now: by itself one comes every 15 s, on an idle source none.

    Only such a record lets a slot be made, and its log before it go (PostgreSQL source, snapbuild.c).
    Returns its position. None, and nothing happens, before PostgreSQL 16, on a standby, or where our role
    may not.
    """
    if connection.info.server_version < 160000 or not one(connection, _MAY_FORCE):
        return None
    return lsn.parse(one(connection, "select pg_log_standby_snapshot()::text"))
