"""What the phases of a hand-over are, kept for the pages while it runs."""

from datetime import UTC
from typing import Any

from mwaportal import doorbell
from mwaportal.logs import redact
from nodes.models import StoragePool
from nodes.postgres.transactions import Transaction
from tracking.mirror import phases
from tracking.models import HandOver


class Kept:
    """A hand-over that is under way, and its row."""

    def __init__(self, pool: StoragePool) -> None:
        self._pool = pool
        self._run = HandOver.begin(pool)

    def report(self, event: phases.Event) -> None:
        """An event of the hand-over, from the thread that makes it."""
        match event:
            case phases.Began(part=part, position=position):
                self._run.enter(part, position)
            case phases.WaitingFor(running=running):
                self._run.wait_for([described(each) for each in running])
            case phases.RoundEnded(rows=rows, rounds=rounds):
                self._run.brought(rows, rounds)
        doorbell.notify(self._pool.pair_id)

    def complete(self, rows: int, rounds: int) -> None:
        """The pool is ACTIVE."""
        self._run.brought(rows, rounds)
        self._run.end("COMPLETE")

    def failed(self, why: str) -> None:
        """It is TRACKING as before."""
        self._run.end("FAILED", redact(why))


def described(transaction: Transaction) -> dict[str, Any]:
    """A transaction as a row of the portal keeps it: what it runs may hold a password."""
    return {
        "pid": transaction.pid,
        "user": transaction.user,
        "application": transaction.application,
        "database": transaction.database,
        "began": _moment(transaction.began),
        "session_began": _moment(transaction.session_began),
        "query": redact(" ".join(transaction.query.split())),
        "holds": transaction.holds,
    }


def _moment(at: Any) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None
