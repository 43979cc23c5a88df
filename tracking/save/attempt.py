"""One attempt at bringing one table to the copy, in one or several chunks."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from nodes.postgres.connect import Connection

from .copy import CheckpointUnusable, CopyFailed, Gone, Locked, Stopped, copy_chunk
from .events import Begun, ChunkCopied, Copied, PutOff, Report, Skipped, Vanished
from .plan import Chunk, TablePlan
from .route import Route
from .snapshot import Checkpoints, Scope


@dataclass(frozen=True)
class Means:
    """What all attempts of a save share."""

    route: Route
    checkpoints: Checkpoints
    copy: Connection
    report: Report
    halt: threading.Event


class Attempt:
    """An attempt that is through when every chunk has been run. `hindrance` says why it came to nothing."""

    def __init__(self, means: Means, planned: TablePlan, scope: Scope) -> None:
        self.planned, self.table, self.scope = planned, planned.table, scope
        self.finished = False
        self.hindrance: Locked | Gone | CheckpointUnusable | None = None
        self._means = means
        self._lock = threading.Lock()
        self._left = len(planned.chunks)
        self._snapshot = ""
        self._rows = 0
        self._started = 0.0
        means.checkpoints.join(scope)

    def run(self, chunk: Chunk) -> None:
        """Copy one chunk; whichever is the last concludes the attempt. Raises `Stopped` or `CopyFailed`."""
        if self._means.halt.is_set():
            raise Stopped
        try:
            if self.hindrance is None:
                self._copy(chunk)
        except (Locked, Gone, CheckpointUnusable) as hindrance:
            self.hindrance = hindrance
        with self._lock:
            self._left -= 1
            if not self._left:
                self._conclude()

    def _copy(self, chunk: Chunk) -> None:
        with self._lock:
            if not self._started:
                self._begin()
        rows = copy_chunk(self._means.route, chunk, self._snapshot, self._means.halt)
        with self._lock:
            self._rows += rows
        if chunk.of > 1:
            self._means.report(ChunkCopied(self.table, chunk.number, chunk.of, rows))

    def _begin(self) -> None:
        self._started = time.monotonic()
        try:
            self._snapshot = self._means.checkpoints.snapshot(self.scope)
        except psycopg.Error as error:
            raise CopyFailed(self.table, "on the source", str(error).strip()) from error
        if len(self.planned.chunks) > 1:  # otherwise the copy itself empties it
            self._means.report(Begun(self.table, len(self.planned.chunks)))
            self._on_copy(sql.SQL("truncate only {}").format(self.table.identifier))

    def _on_copy(self, query: sql.Composed) -> Any:
        try:
            cursor = self._means.copy.execute(query)
        except psycopg.Error as error:
            raise CopyFailed(self.table, "on the copy", str(error).strip()) from error
        return cursor.fetchone() if cursor.description else None

    def _conclude(self) -> None:
        means, table = self._means, self.table
        means.checkpoints.leave(self.scope)
        if isinstance(self.hindrance, Locked):
            means.report(Skipped(table, means.route.wait_seconds or 0))
        elif isinstance(self.hindrance, Gone):
            means.report(Vanished(table))
        elif self.hindrance:
            means.report(PutOff(table, str(self.hindrance)))
        else:
            name = sql.Literal(table.identifier.as_string())
            size = self._on_copy(sql.SQL("select pg_table_size({}::regclass)").format(name))[0]
            seconds = time.monotonic() - self._started
            means.report(Copied(table, self._rows, size, seconds, table.persistence == "u"))
            self.finished = True
