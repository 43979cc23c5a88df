"""What a save says while it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from nodes.postgres.catalog import Table


@dataclass(frozen=True)
class CheckpointComplete:
    """A snapshot has been taken. `scope` is empty for the whole operation, else schema (and table)."""

    snapshot: str
    taken: datetime
    scope: tuple[str, ...]

    @property
    def code(self) -> str:
        """IBM i's message: CPI3712 for the whole operation, CPI3710 for one library."""
        return "CPI3710" if self.scope else "CPI3712"


@dataclass(frozen=True)
class Begun:
    """An attempt at a table of several chunks has begun; of an earlier one nothing counts any more."""

    table: Table
    chunks: int


@dataclass(frozen=True)
class Waiting:
    """A table is locked by somebody else; said once for each attempt. `since` is the source's time."""

    table: Table
    blockers: tuple[str, ...]
    since: datetime


@dataclass(frozen=True)
class Skipped:
    """A table stayed locked for longer than SAVACTWAIT. The save goes on and comes back to it."""

    table: Table
    wait_seconds: float


@dataclass(frozen=True)
class ChunkCopied:
    """A part of a table is on the copy; the table is not finished before `Copied`."""

    table: Table
    number: int
    of: int
    rows: int


@dataclass(frozen=True)
class Copied:
    """A table is finished and durable on the copy.

    `bytes` is its size there. Of an unlogged table neither later changes come through the stream nor does
    what has come survive a crash of the copy.
    """

    table: Table
    rows: int
    bytes: int
    seconds: float
    unlogged: bool


@dataclass(frozen=True)
class Vanished:
    """A table was dropped on the source before it was copied."""

    table: Table


@dataclass(frozen=True)
class PutOff:
    """A table comes in the next pass with a new checkpoint, because `reason`."""

    table: Table
    reason: str


Event = CheckpointComplete | Begun | Waiting | Skipped | ChunkCopied | Copied | Vanished | PutOff
Report = Callable[[Event], None]
