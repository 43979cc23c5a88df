"""Who is in the way on a node: transactions that a hand-over or a lock has to wait for, and their end."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .connect import Connection

_TRANSACTIONS = Path(__file__).with_name("transactions.sql").read_text()
_WRITING, _HOLDING = _TRANSACTIONS.split("-- and:\n")
_END = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where pid = %s and backend_start = %s and backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Transaction:
    """A transaction that somebody has to wait for.

    `began` is the node's own time; `session_began` tells a session from a later one with the same pid.
    """

    pid: int | None  # None: it is prepared, and `query` is the name that ends it
    user: str
    application: str
    seconds: float
    query: str
    database: str = ""
    began: datetime | None = None
    session_began: datetime | None = None
    holds: str = ""  # the tables that it holds, where those are what is waited for

    def __str__(self) -> str:
        if self.pid is None:
            return f"prepared transaction '{self.query}' ({self.user}, {self.seconds:.0f} s)"
        who = f"{self.user}, {self.application or 'no name'}, {self.seconds:.0f} s"
        return f"pid {self.pid} ({who}): {self.query}"


def writing(connection: Connection) -> list[Transaction]:
    """The transactions of this cluster that have written and have not ended, oldest first."""
    return [Transaction(*row) for row in connection.execute(_WRITING).fetchall()]


def holding_tables(connection: Connection) -> list[Transaction]:
    """Those of this database that are not ours and hold tables of the application, oldest first."""
    return [Transaction(*row) for row in connection.execute(_HOLDING).fetchall()]


def end_session(connection: Connection, pid: int, session_began: datetime) -> bool:
    """End exactly this session, and wait until it has ended; False where it is there no longer.

    Its transaction is rolled back. Raises a psycopg error where our role may not.
    """
    ended = connection.execute(_END, (pid, session_began)).fetchone()
    return ended is not None
