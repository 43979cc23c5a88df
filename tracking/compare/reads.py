"""What is read of a table: parts of it, the rows in them, and how rows look to a reader."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from psycopg import sql

from tracking.compare.hashing import Column
from tracking.compare.session import BY_INDEX, Settings
from tracking.compare.shape import Subject

_SHOWN_CHARACTERS = 4000  # of one value in a report
_SHOWN = sql.SQL("""(
    select case when length(v) <= {most} then v
           else left(v, {most}) || format(' ... (%s characters, md5 %s)', length(v), md5(v)) end
    from (select case when {column} is distinct from null then format('%s', {column}) end offset 0) s(v))""")


@dataclass(frozen=True)
class Part:
    """Some of a table's rows: a range of its key, or all of them."""

    where: sql.Composable
    settings: Settings

    @classmethod
    def all(cls) -> "Part":
        """The whole table, in one pass."""
        return cls(sql.SQL("true"), {})

    @classmethod
    def between(cls, key: Sequence[Column], low: list[str] | None, high: list[str] | None) -> "Part":
        """The keys from `low` on and below `high`, in each node's own order; None is open.

        Every row is in one of the parts between a row of borders, even where a node orders the borders
        differently: it is not below the first one and it is below the last one.
        """
        columns = sql.SQL(", ").join(column.reference for column in key)
        bounds = [
            sql.SQL("({}) {} ({})").format(columns, operator, _border(key, border))
            for operator, border in ((sql.SQL(">="), low), (sql.SQL("<"), high))
            if border is not None
        ]
        return cls(sql.SQL(" and ").join(bounds), BY_INDEX) if bounds else cls.all()


class State(NamedTuple):
    """What a node holds of one row at one moment."""

    version: str  # changes whenever the row is written
    content: int


class Sight(NamedTuple):
    """One row on both nodes at about the same time; None where it does not exist."""

    source: State | None
    copy: State | None

    @property
    def contents(self) -> tuple[int | None, int | None]:
        """What the row holds on the source and on the copy."""
        return (self.source and self.source.content), (self.copy and self.copy.content)

    @property
    def presence(self) -> tuple[bool, bool]:
        """Whether the row exists on the source and on the copy."""
        return self.source is not None, self.copy is not None


class Reader(Protocol):
    """How the rows of a table are told apart: by their key, or by what is in them."""

    subject: Subject
    by_key: bool
    at_once: int  # rows of which `states` can be asked in one statement

    def digest(self, part: Part, buckets: int) -> sql.Composed:
        """(bucket, rows, sum of the rows' hashes) of a part; `buckets` is a power of two.

        A sum, not an exclusive or: in that a row that exists twice would vanish.
        """

    def contents(self, part: Part, among: Collection[int], buckets: int) -> sql.Composed:
        """(row, content) of the rows of a part that are in some of its buckets."""

    def states(self, rows: Sequence[str]) -> sql.Composed:
        """(row, version, content) of these rows, those that there are."""

    def values(self, rows: Sequence[str]) -> sql.Composed:
        """(row, values of all columns as text) of these rows, those that there are."""


def shown(columns: Sequence[Column]) -> sql.Composable:
    """The values of a row as text[], very long ones cut."""
    values = [_SHOWN.format(most=_SHOWN_CHARACTERS, column=column.reference) for column in columns]
    return sql.SQL("array[{}]::text[]").format(sql.SQL(", ").join(values))


def _border(key: Sequence[Column], border: list[str]) -> sql.Composable:
    values = zip(key, border, strict=True)
    return sql.SQL(", ").join(
        sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(column.type)) for column, value in values
    )
