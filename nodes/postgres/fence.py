"""Close the primary for everybody, in a way that it opens again by itself whoever dies.

`default_transaction_read_only` routes (a session may override it); `ALLOW_CONNECTIONS false` fences. What
opens the database again is not a process of ours but a session of the server itself: its DO block sleeps
and then opens, and a backend that sleeps does not notice that its client was killed.
"""

import threading
import time
from types import TracebackType

import psycopg
from psycopg import errors, sql

from . import lsn
from .connect import Connection, TimedOut, Unreachable, connect, for_database, one, wait_until

_END_GUARDS = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where application_name = 'mwa fence guard' and position(%s in query) > 0
"""
_GUARD = "do $$ begin perform pg_sleep({seconds}); execute {open}; end $$"


class FenceBroken(Exception):
    """The fence did not hold, or could not be put up in time; the message says what was in the way."""


def maintenance_conninfo(conninfo: str, database: str) -> str:
    """Another database of the same server: from there a closed one can be opened."""
    return for_database(conninfo, "template1" if database == "postgres" else "postgres")


def is_open(cluster: Connection, database: str) -> bool:
    """Whether the database accepts connections."""
    return bool(one(cluster, "select datallowconn from pg_database where datname = %s", (database,)))


def open_database(cluster: Connection, database: str) -> None:
    """Take the fence down; nothing happens where there is none."""
    cluster.execute(_allow(database, True))


def end_sessions(cluster: Connection, database: str, keep: set[int], *, seconds: float) -> None:
    """End every session of a database but those of `keep`, walsenders and autovacuum; raises `TimedOut`."""
    others = (
        "from pg_stat_activity where datname = %s and not pid = any(%s) and backend_type not in"
        " ('walsender', 'autovacuum worker')"
    )

    def gone() -> bool:
        found = cluster.execute(
            f"select pg_terminate_backend(pid) {others}", (database, list(keep))
        ).fetchall()
        return not found

    wait_until(gone, f"the sessions of database {database} to end", seconds=seconds, every=0.002)


class Fence:
    """A closed database, guarded by the server: unless disarmed it opens again after `seconds`.

    `inside` is a session of ours in the database, opened before; `keep` are more of them.
    """

    def __init__(
        self, conninfo: str, database: str, inside: Connection, keep: set[int], *, seconds: float
    ) -> None:
        self._database = database
        self._inside = inside
        self._keep = keep | {inside.info.backend_pid}
        self._cluster = connect(maintenance_conninfo(conninfo, database), "fence")
        self._guard = connect(
            maintenance_conninfo(conninfo, database), "fence guard", client_connection_check_interval="0"
        )
        self._seconds = seconds
        self._deadline = 0.0
        self._outcome: BaseException | None = None
        self._thread = threading.Thread(target=self._sleep, args=(seconds,), daemon=True)

    def close(self, *, seconds: float = 2.0) -> int:
        """Put up the fence; returns the position after which nothing may have been written.

        Raises `FenceBroken` (and the database is open again) where sessions do not end in time.
        """
        self._deadline = time.monotonic() + self._seconds
        self._thread.start()
        pid = self._guard.info.backend_pid
        wait_until(
            lambda: (
                one(self._cluster, "select wait_event from pg_stat_activity where pid = %s", (pid,))
                == "PgSleep"
            ),
            "the fence's guard to stand",
            seconds=seconds,
            every=0.001,
        )
        self._cluster.execute(_allow(self._database, False))
        try:
            end_sessions(self._cluster, self._database, self._keep, seconds=seconds)
        except TimedOut as error:
            self.reopen()
            raise FenceBroken(f"{error}; the database is open again") from error
        return lsn.parse(str(one(self._cluster, "select pg_current_wal_insert_lsn()::text")))

    def mark(self) -> int:
        """Write the fence into the stream; returns a position that the stream reaches behind it."""
        self._inside.execute("select pg_logical_emit_message(true, 'mwa', 'fence')")
        return lsn.parse(str(one(self._inside, "select pg_current_wal_flush_lsn()::text")))

    def seconds_left(self) -> float:
        """Until the guard opens the database again."""
        return self._deadline - time.monotonic()

    def disarm(self) -> None:
        """From here on the database stays closed. Raises `FenceBroken` if the guard has opened it."""
        self._cluster.execute("select pg_cancel_backend(%s)", (self._guard.info.backend_pid,))
        self._thread.join(5)
        if not isinstance(self._outcome, errors.QueryCanceled):
            raise FenceBroken(f"the guard has opened database {self._database} again: it was too late")

    def reopen(self) -> None:
        """Take the fence down."""
        open_database(self._cluster, self._database)
        self.release()

    def release(self) -> None:
        """Close our sessions; a guard that still sleeps is ended (its database is open or ours)."""
        if self._thread.is_alive():
            self._cluster.execute("select pg_cancel_backend(%s)", (self._guard.info.backend_pid,))
            self._thread.join(5)
        self._guard.close()
        self._cluster.close()

    def _sleep(self, seconds: float) -> None:
        statement = sql.SQL(_GUARD).format(
            seconds=sql.Literal(seconds), open=sql.Literal(_allow(self._database, True).as_string())
        )
        try:
            self._guard.execute(statement)
        except psycopg.Error as error:
            self._outcome = error

    def __enter__(self) -> "Fence":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._guard.closed:
            self.reopen() if error else self.release()


def reopen(conninfo: str, database: str) -> None:
    """Open a database that a swap which did not finish has left closed; its guard is ended first."""
    try:
        with connect(maintenance_conninfo(conninfo, database), "fence") as cluster:
            _end_guards(cluster, database)
            open_database(cluster, database)
    except psycopg.OperationalError as error:
        raise Unreachable(f"database {database} could not be opened again: {error}") from error


def stays_closed(conninfo: str, database: str) -> bool:
    """Whether the database is closed, now that no guard can open it any more.

    Raises `Unreachable` or a psycopg error.
    """
    with connect(maintenance_conninfo(conninfo, database), "fence") as cluster:
        _end_guards(cluster, database)
        return not is_open(cluster, database)


def _end_guards(cluster: Connection, database: str) -> None:
    """Those of this database: each has in its statement, as a literal, how it would open it."""
    opening = sql.Literal(_allow(database, True).as_string()).as_string()
    cluster.execute(_END_GUARDS, (opening,))


def _allow(database: str, allowed: bool) -> sql.Composed:
    return sql.SQL("alter database {} allow_connections {}").format(
        sql.Identifier(database), sql.SQL("true" if allowed else "false")
    )
