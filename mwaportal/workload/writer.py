"""One client of the shop: it commits transaction after transaction, whatever happens to the servers."""

import threading
import time
from collections import Counter
from contextlib import closing

import psycopg
from psycopg import errors

from mwaportal.workload.acknowledgements import Acknowledged, LedgerFile
from mwaportal.workload.transactions import Session, Shop, any_kind

# Seconds from an error to the next attempt to connect. Each attempt costs both servers a process: with 3 ms
# the clients of a role swap take more of two cores than the swap itself, and wait a third longer for it.
_PAUSE = 0.02
_LONG_PAUSE = 0.05  # the same once nothing has worked for _PATIENCE seconds: an outage should not cost a core
_PATIENCE = 1.0


class Writer:
    """A client with its own ledger file; `run` is its thread.

    Its numbers ascend, without a gap as long as the process lives. A number whose transaction failed is tried
    again until it is known to be committed: it is acknowledged once, whatever became of the session.
    """

    def __init__(
        self, conninfo: str, writer: int, file: LedgerFile, past: Acknowledged | None,
        kinds: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.commits: Counter[str] = Counter()  # by kind of transaction
        self.errors: Counter[str] = Counter()  # by kind of error
        self.last_errors: dict[str, str] = {}
        self._conninfo = conninfo
        self._writer = writer
        self._file = file
        self._kinds = kinds
        self._number = past.numbers[-1] + 1 if past and past.numbers else 1
        self._attempted = False
        self._worked = time.monotonic()

    def run(self, stop: threading.Event, interval: float) -> None:
        """Work until `stop`, with `interval` seconds from transaction to transaction at least.

        Raises OSError when the ledger cannot be written; no error of a server ends it.
        """
        while not stop.is_set():
            try:
                with closing(self._connect()) as session:
                    self._work(Shop(session, self._writer), stop, interval)
            except (psycopg.Error, psycopg.Rollback) as error:  # Rollback: the session broke in a rollback
                self._count(error)
                waiting = time.monotonic() - self._worked > _PATIENCE
                stop.wait(_LONG_PAUSE if waiting else _PAUSE)

    def _connect(self) -> Session:
        return psycopg.connect(self._conninfo, autocommit=True)

    def _work(self, shop: Shop, stop: threading.Event, interval: float) -> None:
        self._settle(shop)
        due = time.monotonic()
        while not stop.is_set():
            if interval:
                due = max(due + interval, time.monotonic() - 1)  # an outage is not made up for by a burst
                stop.wait(due - time.monotonic())
            kind = any_kind(self._kinds)
            self._attempted = True
            try:
                shop.commit(kind, self._number)
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                self._count(error)
            except errors.UniqueViolation as error:
                self._count(error)
                if error.diag.table_name == "ledger":  # the attempt before had been committed after all
                    self._acknowledge(shop.server, "found committed")
            else:
                self._acknowledge(shop.server, kind)

    def _settle(self, shop: Shop) -> None:
        # The server shows what became of a number whose answer was lost. Where this process has not tried it,
        # one before it has: committed, never acknowledged.
        if shop.last_number >= self._number:
            if self._attempted:
                self._acknowledge(shop.server, "found committed")
            self._number = shop.last_number + 1

    def _acknowledge(self, server: int, kind: str) -> None:
        self._file.add(self._number, server)
        self.commits[kind] += 1
        self._number += 1
        self._attempted = False
        self._worked = time.monotonic()

    def _count(self, error: Exception) -> None:
        kind = type(error).__name__
        if isinstance(error, psycopg.Error) and error.sqlstate:
            kind = f"{error.sqlstate} {kind}"
        self.errors[kind] += 1
        self.last_errors[kind] = str(error).strip()
