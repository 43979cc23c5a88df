"""A look at a node: read-only, each question short, and no question that waits for anybody."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from nodes.postgres.connect import Connection, connect, one
from nodes.postgres.preflight.disk import seen_directory

from .figures import (
    Clock,
    Database,
    Figures,
    HeldSlot,
    Limit,
    OldTransaction,
    OurSessions,
    Sender,
    Server,
    Volume,
    Wal,
    Worker,
)
from .volumes import volumes

_HERE = Path(__file__).parent
_CAPACITY = (_HERE.parent / "preflight" / "capacity.sql").read_text()
_STATEMENT, _LOCK = "2s", "500ms"
_OLD_SECONDS = 5.0  # a younger transaction is not worth a line
_CLOCK_QUESTIONS = 3
_SEES_OTHERS = "select pg_has_role('pg_read_all_stats', 'usage')"
_OF_OTHERS = ("senders", "limits", "transactions")  # without that right they would look as if there were none
T = TypeVar("T")


class Watch:
    """Looks at one node again and again, by a session that is kept."""

    def __init__(self, conninfo: str) -> None:
        self.conninfo = conninfo
        self._session: Connection | None = None
        self._written: tuple[int, float] | None = None
        self._databases: list[Database] = []

    def look(self, *, sizes: bool = True) -> Figures:
        """All figures as they are now; without `sizes` those of databases are of an earlier look.

        Raises `Unreachable` or a psycopg error where the node does not answer; what only our role may not
        see, or what takes longer than 2 s, is missing.
        """
        kept = self._session is not None
        try:
            return self._look(self._opened(), sizes)
        except psycopg.OperationalError:
            self.close()
            if not kept:
                raise
            return self._look(self._opened(), sizes)  # the session may have ended while the node went on
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _opened(self) -> Connection:
        if self._session is None or self._session.closed or self._session.broken:
            self._session = connect(self.conninfo, "health", statement_timeout=_STATEMENT, lock_timeout=_LOCK)
            # Not while connecting: target_session_attrs=read-write would take it for a read-only server.
            self._session.execute("set default_transaction_read_only = on")
        return self._session

    def _look(self, session: Connection, sizes: bool) -> Figures:
        parts = _Parts(session)
        if not one(session, _SEES_OTHERS):
            parts.missing.update(dict.fromkeys(_OF_OTHERS, "only pg_read_all_stats sees what others do"))
        clock = _clock(session)
        server = parts.rows("server", Server)[0]
        if sizes:
            self._databases = parts.rows("databases", Database)
        wal = parts.rows("wal", Wal)
        return Figures(
            server,
            clock,
            replace(wal[0], rate=self._rate(server)) if wal else None,
            _volumes(session, parts.missing),
            self._databases,
            parts.rows("slots", HeldSlot),
            parts.rows("senders", Sender),
            parts.rows("workers", Worker),
            parts.rows("limits", Limit, _CAPACITY),
            parts.rows("transactions", OldTransaction, params=(_OLD_SECONDS,)),
            parts.rows("sessions", OurSessions),
            parts.missing,
        )

    def _rate(self, server: Server) -> float | None:
        now, before = time.monotonic(), self._written
        self._written = server.written, now
        if before is None or server.written < before[0] or now <= before[1]:
            return None
        return (server.written - before[0]) / (now - before[1])


class _Parts:
    """The parts of a look, one question each; the one that fails leaves the others be."""

    def __init__(self, session: Connection) -> None:
        self._session = session
        self.missing: dict[str, str] = {}

    def rows(self, part: str, kind: type[T], query: str = "", params: Any = None) -> list[T]:
        """A dataclass for each row of its query; of the first part nothing may be missing."""
        if part in self.missing:
            return []
        text = query or (_HERE / f"{part}.sql").read_text()
        try:
            with self._session.cursor(row_factory=dict_row) as cursor:
                return [kind(**row) for row in cursor.execute(text.encode(), params).fetchall()]
        except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
            if self._session.broken or part == "server":
                raise
            self.missing[part] = str(error).strip().splitlines()[0]
            return []


def _clock(session: Connection) -> Clock:
    """From the quickest of some questions: an answer came at some moment between question and arrival."""
    measured = []
    for _ in range(_CLOCK_QUESTIONS):
        before, began = time.time(), time.perf_counter()
        theirs = float(one(session, "select extract(epoch from clock_timestamp())"))
        half = (time.perf_counter() - began) / 2
        measured.append((half, theirs - (before + half)))
    half, offset = min(measured)
    return Clock(offset, half)


def _volumes(session: Connection, missing: dict[str, str]) -> list[Volume]:
    try:
        directory = seen_directory(session)
    except psycopg.Error:
        if session.broken:
            raise
        directory = None
    if directory is None:
        missing["volumes"] = "the node's data directory cannot be seen from here"
        return []
    return volumes(directory)
