"""Reading both nodes at the same time, without leaving a trace in either session."""

import re
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple

import psycopg
from psycopg import errors, sql

from nodes.postgres.connect import Connection
from tracking.compare.results import NotComparable

Rows = list[tuple[Any, ...]]
Statement = sql.SQL | sql.Composed  # values inlined: a percent sign in a name or key is only itself
Settings = dict[str, str]

# Whatever changes how a value is written as text (PostgreSQL documentation, "Client Connection Defaults"),
# and what keeps a read on a live node small: no parallel workers, no compilation for every chunk.
PINNED: Settings = {
    "transaction_read_only": "on",
    "search_path": "pg_catalog",
    "row_security": "off",  # an error rather than rows silently left out
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "work_mem": "64MB",
}
# A chunk or a list of keys is found through the key's index, whatever the planner thinks of a fresh copy.
BY_INDEX: Settings = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
_PIN = sql.SQL("select set_config(name, value, true) from unnest({}::text[], {}::text[]) as s(name, value); ")
_POLL_SECONDS = 0.1


class Both(NamedTuple):
    """What each node answered."""

    source: Rows
    copy: Rows


def read(connection: Connection, what: Statement, settings: Settings) -> Rows:
    """Run one statement in a read-only transaction of its own with pinned settings.

    One round trip: several statements in one simple query are one transaction (PostgreSQL documentation,
    "Multiple Statements in a Simple Query"), and what is set for the transaction ends with it.
    """
    pinned = {**PINNED, **settings}
    names, values = sql.Literal(list(pinned)), sql.Literal(list(pinned.values()))
    cursor = connection.execute(_PIN.format(names, values) + what, prepare=False)
    cursor.nextset()
    return cursor.fetchall()


class Nodes:
    """The two sessions of a compare; both are idle and in autocommit before and after each read."""

    def __init__(
        self, source: Connection, copy: Connection, *, lock_seconds: float, stopped: Callable[[], bool]
    ) -> None:
        self.source = source
        self.copy = copy
        self.stopped = stopped
        self._settings = {"lock_timeout": f"{int(lock_seconds * 1000)}ms"}
        self._lock_seconds = lock_seconds
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="mwa compare")

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown()

    def on_source(self, what: Statement, settings: Settings) -> Rows:
        """Read on the source only; raises `NotComparable` like `both`."""
        return self._wait({"source": self._submit(self.source, what, settings)})["source"]

    def on_copy(self, what: Statement, settings: Settings) -> Rows:
        """Read on the copy only; raises `NotComparable` like `both`."""
        return self._wait({"copy": self._submit(self.copy, what, settings)})["copy"]

    def both(self, what: Statement, settings: Settings) -> Both:
        """Read on both nodes at once; raises `NotComparable` where a node refuses or a stop is wanted."""
        source = self._submit(self.source, what, settings)
        copy = self._submit(self.copy, what, settings)
        return Both(**self._wait({"source": source, "copy": copy}))

    def _submit(self, connection: Connection, what: Statement, settings: Settings) -> "Future[Rows]":
        return self._threads.submit(read, connection, what, {**self._settings, **settings})

    def _wait(self, reads: "dict[str, Future[Rows]]") -> dict[str, Rows]:
        pending: set[Future[Rows]] = set(reads.values())
        try:
            while pending:
                done, pending = wait(pending, _POLL_SECONDS, return_when=FIRST_EXCEPTION)
                if pending and (self.stopped() or any(future.exception() for future in done)):
                    self._cancel()
        except BaseException:
            self._cancel()
            raise
        if self.stopped():
            raise NotComparable("stopped before the end")
        failed = {node: error for node, future in reads.items() if (error := future.exception())}
        # Where one node fails we cancel the other's statement: the reason is the first one's error.
        for node, error in sorted(failed.items(), key=lambda item: isinstance(item[1], errors.QueryCanceled)):
            if not isinstance(error, psycopg.Error):
                raise error
            raise NotComparable(refusal(node, error, self._lock_seconds)) from error
        return {node: future.result() for node, future in reads.items()}

    def _cancel(self) -> None:
        for connection in (self.source, self.copy):
            # A node that is gone cannot be asked; its statement ends by itself.
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=5)


def refusal(node: str, error: psycopg.Error, lock_seconds: float) -> str:
    """What a node's error means for a reader."""
    message = error.diag.message_primary or re.sub(r"\s+", " ", str(error))
    if isinstance(error, errors.LockNotAvailable):
        return f"locked on the {node} for more than {lock_seconds:g} s"
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.InvalidSchemaName):
        return f"changed or dropped on the {node} while it was compared: {message}"
    return f"the {node} refuses: {message}"
