"""What a hand-over says while it runs: which of its phases has begun, and for whom it waits.

The parts of phase 1 are RDF's: 1.1 begins the list of running transactions at a control point, 1.2 waits for
those on it, 1.3 begins where none is left, at Z. What RDF's updaters do is ours between 1.3 and 2: the rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nodes.postgres.transactions import Transaction

ROUNDS, LISTING, WAITING, REACHED, ROWS, BOTH = "0", "1.1", "1.2", "1.3", "1.4", "2"


@dataclass(frozen=True)
class Began:
    """A phase has begun, and with it the one before has ended; `position` is Z from 1.3 on."""

    part: str
    position: int | None = None


@dataclass(frozen=True)
class WaitingFor:
    """The transactions that run, told about once a second; none: the next control point is waited for."""

    running: tuple[Transaction, ...]


@dataclass(frozen=True)
class RoundEnded:
    """A round without a hand-over is through; both are totals."""

    rows: int
    rounds: int


Event = Began | WaitingFor | RoundEnded
Report = Callable[[Event], None]


def silent(event: Event) -> None:
    """Nobody wants to know."""
