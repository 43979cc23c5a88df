"""Something that is looked at twice a second while a step takes long."""

import logging
import threading
from abc import ABC, abstractmethod
from types import TracebackType

import psycopg
from django.db import Error as PortalError
from django.db import connection

from nodes.postgres.connect import Connection, Unreachable, connect

_log = logging.getLogger("mwa.engine")
_EVERY_SECONDS = 0.5


class Sampled(ABC):
    """A thread with a session on the copy that calls `sample` as long as this lasts.

    What it cannot see at one time it sees at the next; the step itself says what is wrong.
    """

    def __init__(self, copy_conninfo: str, purpose: str) -> None:
        self._conninfo, self._purpose = copy_conninfo, purpose
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name=purpose)

    @abstractmethod
    def sample(self, session: Connection) -> None:
        """Look, and write down what is seen."""

    def _watch(self) -> None:
        session: Connection | None = None
        try:
            while not self._ended.wait(_EVERY_SECONDS):
                try:
                    if session is None or session.broken:
                        session = connect(self._conninfo, self._purpose)
                    self.sample(session)
                except (Unreachable, psycopg.Error, PortalError) as error:
                    _log.warning("%s: %s", self._purpose, error)
        finally:
            if session:
                session.close()
            connection.close()

    def __enter__(self):  # type: ignore[no-untyped-def]
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(5)
