"""Checkpoints: exported snapshots of the source (IBM i: save-while-active checkpoint processing)."""

import threading
from collections import Counter
from datetime import datetime
from types import TracebackType

import psycopg

from nodes.postgres.connect import Connection, connect

from .events import CheckpointComplete, Report

Scope = tuple[str, ...]

SYNCLIB, LIB, SYSDFN = "*SYNCLIB", "*LIB", "*SYSDFN"


def scope_of(savact: str, schema: str, table: str) -> Scope:
    """Which tables reach a checkpoint together with this one: all, those of its schema, or it alone."""
    return {SYNCLIB: (), LIB: (schema,), SYSDFN: (schema, table)}[savact]


class Checkpoint:
    """A snapshot of the source that other sessions may use for as long as this one is held.

    Raises `Unreachable` when it cannot be taken.
    """

    def __init__(self, source_conninfo: str) -> None:
        self._session: Connection = connect(source_conninfo, "save checkpoint")
        try:
            self._session.execute("begin isolation level repeatable read read only")
            row = self._session.execute("select pg_export_snapshot(), clock_timestamp()").fetchone()
        except BaseException:
            self._session.close()
            raise
        assert row is not None
        self.name: str = row[0]
        self.taken: datetime = row[1]

    def alive(self) -> bool:
        """Whether the snapshot can still be used: it ends with the session that holds it."""
        try:
            self._session.execute("select 1")
        except psycopg.Error:
            return False
        return True

    def release(self) -> None:
        """Let go of it; copies that have begun with it go on undisturbed."""
        self._session.close()

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Checkpoints:
    """The checkpoints of one save: each is taken when a table first needs it, released after its last.

    Only that of *SYNCLIB lives until `close`, so that a table that comes later still belongs to it.
    Several threads may use them.
    """

    def __init__(self, source_conninfo: str, report: Report) -> None:
        self._source = source_conninfo
        self._report = report
        self._lock = threading.Lock()
        self._held: dict[Scope, Checkpoint] = {}
        self._tables: Counter[Scope] = Counter()

    def join(self, scope: Scope) -> None:
        """Announce a table, so that the checkpoint is kept for it."""
        with self._lock:
            self._tables[scope] += 1

    def snapshot(self, scope: Scope) -> str:
        """The snapshot's name; a new one if the session that held the last one has died.

        Every change after the *first* checkpoint of a save is tracked, so a later one is as good.
        """
        with self._lock:
            held = self._held.get(scope)
            if held is None or not held.alive():
                if held:
                    held.release()
                held = self._held[scope] = Checkpoint(self._source)
                self._report(CheckpointComplete(held.name, held.taken, scope))
            return held.name

    def leave(self, scope: Scope) -> None:
        """A table is through, one way or the other."""
        with self._lock:
            self._tables[scope] -= 1
            if scope and not self._tables[scope] and scope in self._held:
                self._held.pop(scope).release()

    def close(self) -> None:
        """Release all that is still held."""
        with self._lock:
            for checkpoint in self._held.values():
                checkpoint.release()
            self._held.clear()
