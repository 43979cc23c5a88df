"""How far the system migration is, worked out from the rows that the copying keeps up to date."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, Max, Min, Sum, Value, When

from nodes import status
from nodes.models import StoragePool

from .models import TableCopy

SHOWN = 50
_ORDER = ("COPYING", "FAILED", "LOCKED", "WAITING", "COPIED", "GONE")  # what a reader looks for first


@dataclass(frozen=True)
class CopyRow:
    """One table, with what follows from its counters."""

    copy: TableCopy
    pool: str
    now: datetime

    @property
    def rows_total(self) -> int:
        """The planner's estimate, and never less than what is there already."""
        return max(self.copy.rows_total, self.copy.rows)

    @property
    def percent(self) -> int:
        """100 only when it is done: the total is an estimate."""
        if self.copy.state == "COPIED":
            return 100
        return min(99, 100 * self.copy.rows // self.rows_total) if self.rows_total else 0

    @property
    def rate(self) -> float | None:
        """Rows a second since the table was begun; None before the first row."""
        if not self.copy.started_at or not self.copy.rows:
            return None
        seconds = ((self.copy.ended_at or self.now) - self.copy.started_at).total_seconds()
        return self.copy.rows / seconds if seconds > 0 else None

    @property
    def remaining(self) -> float | None:
        """Seconds to go at that rate; None while nobody can know."""
        return (self.rows_total - self.copy.rows) / self.rate if self.rate else None


@dataclass(frozen=True)
class CopySummary:
    """All tables of a pair together."""

    counts: list[tuple[status.Status, int]]
    tables: int
    rows: int
    rows_total: int
    bytes: int
    percent: int
    rate: float | None
    remaining: float | None


def shown_copies(pools: dict[int, StoragePool], now: datetime) -> list[CopyRow]:
    """The tables that matter most now: at work, in trouble, waiting, then done; the large ones first."""
    rank = Case(*(When(state=state, then=Value(n)) for n, state in enumerate(_ORDER)))
    found = TableCopy.objects.filter(pool__in=pools).order_by(rank, "-bytes_total", "schema", "name")
    return [CopyRow(copy, pools[copy.pool_id].asp_name, now) for copy in found[:SHOWN]]


def summary(pools: Iterable[int], now: datetime) -> CopySummary | None:
    """Counts and totals of every table; None before the list of tables has been made."""
    by_state = {
        row["state"]: row
        for row in TableCopy.objects.filter(pool__in=pools).order_by().values("state").annotate(
            tables=Count("id"), done=Sum("rows"), total=Sum("rows_total"), size=Sum("bytes"),
            began=Min("started_at"), ended=Max("ended_at"),
        )
    }  # fmt: skip
    if not by_state:
        return None
    over = all(status.TABLE_COPY[state].terminal for state in by_state)
    rows = sum(row["done"] for row in by_state.values())
    total = rows if over else max(rows, sum(row["total"] for row in by_state.values()))
    began = min((row["began"] for row in by_state.values() if row["began"]), default=None)
    ended = max((row["ended"] for row in by_state.values() if row["ended"]), default=now) if over else now
    seconds = (ended - began).total_seconds() if began else 0
    rate = rows / seconds if rows and seconds > 0 else None
    return CopySummary(
        counts=[(status.TABLE_COPY[s], by_state[s]["tables"]) for s in _ORDER if s in by_state],
        tables=sum(row["tables"] for row in by_state.values()),
        rows=rows,
        rows_total=total,
        bytes=sum(row["size"] for row in by_state.values()),
        percent=100 if over else min(99, 100 * rows // total) if total else 0,
        rate=rate,
        remaining=None if over or not rate else (total - rows) / rate,
    )
