"""What compare is asked and what it answers."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Row = dict[str, str | None]  # column -> PostgreSQL's text for the value, in the source's order; JSON as it is
Verdict = Literal["equal", "different", "not comparable"]
Kind = Literal["missing", "extra", "different"]  # on the copy, seen from the source


class TableName(NamedTuple):
    """A table's schema and name."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class NotComparable(Exception):
    """The question cannot be answered; the message says why and on which node."""


@dataclass(frozen=True)
class CompareOptions:
    """How much is read at once and how long anything is waited for."""

    chunk_rows: int = 65_536  # aimed at; the borders come from a sample
    max_differences: int = 100  # rows reported with both versions; counting goes on beyond
    recheck_seconds: float = 10.0  # how long the copy may take to replay what the source has done
    lock_seconds: float = 2.0  # how long a locked table is waited for


@dataclass(frozen=True)
class RowDifference:
    """One row that differs, with both versions.

    `key` is a text-array literal of the key columns' values. A table without a key has None there and
    tells by the counts how often the row exists on each node.
    """

    kind: Kind
    key: str | None
    source: Row | None
    copy: Row | None
    source_count: int
    copy_count: int


@dataclass(frozen=True)
class TableResult:
    """What compare found out about one table.

    `reason` says why it is not comparable, and otherwise what a reader should know besides the verdict.
    `difference_count` is exact as long as every difference is listed; beyond `max_differences` it is
    counted by hash without a second look.
    """

    table: TableName
    verdict: Verdict
    reason: str = ""
    rows_compared: int = 0
    chunks: int = 0
    differences: list[RowDifference] = field(default_factory=list)
    difference_count: int = 0
    seconds: float = 0.0
