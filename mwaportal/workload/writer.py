"""One client of the shop: it commits transaction after transaction, whatever happens to the servers."""

import threading

from psycopg import errors

from mwaportal.workload.acknowledgements import Acknowledged, LedgerFile
from mwaportal.workload.clients import Client, paced
from mwaportal.workload.transactions import Session, Shop, any_kind


class Writer(Client):
    """A client with its own ledger file.

    Its numbers ascend, without a gap as long as the process lives. A number whose transaction failed is tried
    again until it is known to be committed: it is acknowledged once, whatever became of the session.
    """

    def __init__(
        self, conninfo: str, writer: int, file: LedgerFile, past: Acknowledged | None,
        kinds: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(conninfo)
        self._writer = writer
        self._file = file
        self._kinds = kinds
        self._number = past.numbers[-1] + 1 if past and past.numbers else 1
        self._attempted = False

    def work(self, session: Session, stop: threading.Event, interval: float) -> None:
        """Commit until `stop`. Raises psycopg.Error, and OSError when the ledger cannot be written."""
        shop = Shop(session, self._writer)
        self._settle(shop)
        for _ in paced(stop, interval):
            kind = any_kind(self._kinds)
            self._attempted = True
            try:
                shop.commit(kind, self._number)
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                self.count(error)
            except errors.UniqueViolation as error:
                self.count(error)
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
        self._number += 1
        self._attempted = False
        self.worked(kind)
