"""How far the system migration is, worked out from the rows that the copying keeps up to date.

Rows are counted as the source's planner estimates them, bytes as the source stores them: the stream and the
copy have measures of their own, which need not add up to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, F, FloatField, Max, Min, Sum, Value, When
from django.db.models.functions import Cast, Concat, Greatest, Least

from nodes import status
from nodes.models import Pair, StoragePool
from nodes.status import Status

from .models import TableCopy

SHOWN = 50
_STEPS = [step for step in StoragePool.Step.choices if step[0]]
_ORDER = (
    "COPYING",
    "FAILED",
    "LOCKED",
    "WAITING",
    "LATER",
    "COPIED",
    "GONE",
)  # what a reader looks for first


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
    def part(self) -> float:
        """How much is across, from 0 to 1: by rows, or by bytes where the planner knows of no rows."""
        if self.copy.state == "COPIED":
            return 1.0
        if self.copy.rows_total:
            return self.copy.rows / self.rows_total
        return min(1.0, self.copy.bytes / self.copy.bytes_total) if self.copy.bytes_total else 0.0

    @property
    def chunks(self) -> str:
        """How many of its parts are across; empty where it goes in one."""
        of = self.copy.chunks or 1
        return f"{self.copy.chunks_done:,} of {of:,} chunks" if of > 1 else ""

    @property
    def percent(self) -> int:
        """100 only when it is done: the totals are estimates."""
        return 100 if self.copy.state == "COPIED" else min(99, int(100 * self.part))

    @property
    def bytes_total(self) -> int:
        """The table's size on the source; on the copy, where it was not listed."""
        return self.copy.bytes_total or self.copy.bytes

    @property
    def bytes_done(self) -> int:
        """That much of it is across."""
        return int(self.bytes_total * self.part)

    @property
    def rate(self) -> float | None:
        """Rows a second since the table was begun; None before the first row."""
        return self.copy.rows / self._seconds if self._seconds and self.copy.rows else None

    @property
    def byte_rate(self) -> float | None:
        """Bytes a second, likewise."""
        return self.bytes_done / self._seconds if self._seconds and self.bytes_done else None

    @property
    def remaining(self) -> float | None:
        """Seconds to go at that rate; None while nobody can know."""
        return self._seconds * (1 - self.part) / self.part if self._seconds and self.part else None

    @property
    def _seconds(self) -> float:
        if not self.copy.started_at:
            return 0.0
        return ((self.copy.ended_at or self.now) - self.copy.started_at).total_seconds()


@dataclass(frozen=True)
class CopySummary:
    """All tables of a pair together; rates are averages since the first began."""

    counts: list[tuple[Status, int]]
    tables: int
    rows: int
    rows_total: int
    bytes: int
    bytes_total: int
    percent: int
    rate: float | None
    byte_rate: float | None
    remaining: float | None
    ended: datetime | None


@dataclass(frozen=True)
class Wanted:
    """Which tables somebody wants to see: those of a state, and with a text in schema.name."""

    state: str = ""
    name: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """From the parameters of an address; a state that there is not, or what no name holds, is no wish."""
        state = query.get("state", "")
        known = dict(status.TABLE_COPY.choices)
        return cls(state if state in known else "", query.get("name", "").replace("\x00", "").strip())

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.state or self.name)

    @property
    def state_label(self) -> str:
        """The state in words."""
        return status.TABLE_COPY[self.state].label if self.state else ""


def shown_copies(
    pools: dict[int, StoragePool], now: datetime, wanted: Wanted | None = None
) -> tuple[list[CopyRow], int]:
    """The tables that matter most now, and how many there are of those that are wanted.

    At work, in trouble, waiting, then done; the large ones first.
    """
    rank = Case(*(When(state=state, then=Value(n)) for n, state in enumerate(_ORDER)))
    found = TableCopy.objects.filter(pool__in=pools)
    if wanted and wanted.state:
        found = found.filter(state=wanted.state)
    if wanted and wanted.name:
        full = Concat("schema", Value("."), "name")
        found = found.annotate(full=full).filter(full__icontains=wanted.name)
    first = found.order_by(rank, "-bytes_total", "schema", "name")[:SHOWN]
    rows = [CopyRow(copy, pools[copy.pool_id].asp_name, now) for copy in first]
    return rows, len(rows) if len(rows) < SHOWN else found.count()


_NUMBER = FloatField()
_SIZE = Case(When(bytes_total=0, then=F("bytes")), default=F("bytes_total"))  # as CopyRow.bytes_total
_PART = Case(  # as CopyRow.part
    When(state="COPIED", then=Value(1.0)),
    When(rows_total__gt=0, then=Cast("rows", _NUMBER) / Greatest("rows_total", "rows")),
    When(bytes_total__gt=0, then=Least(Cast("bytes", _NUMBER) / F("bytes_total"), Value(1.0))),
    default=Value(0.0),
    output_field=_NUMBER,
)


def summary(pools: Iterable[int], now: datetime) -> CopySummary | None:
    """Counts and totals of every table; None before the list of tables has been made."""
    found = TableCopy.objects.filter(pool__in=pools).order_by()
    counts = dict(found.values_list("state").annotate(Count("id")))
    if not counts:
        return None
    over = all(status.TABLE_COPY[state].terminal for state in counts)
    sums = found.exclude(state="GONE").aggregate(
        done_rows=Sum("rows", default=0),
        all_rows=Sum(Greatest("rows_total", "rows"), default=0),
        done_bytes=Sum(_SIZE * _PART, default=0.0, output_field=_NUMBER),
        all_bytes=Sum(_SIZE, default=0),
        began=Min("started_at"),
        ended=Max("ended_at"),
    )
    until = sums["ended"] if over else now
    seconds = (until - sums["began"]).total_seconds() if until and sums["began"] else 0
    part = sums["done_bytes"] / sums["all_bytes"] if sums["all_bytes"] else 0
    return CopySummary(
        counts=[(status.TABLE_COPY[state], counts[state]) for state in _ORDER if state in counts],
        tables=sum(counts.values()),
        rows=sums["done_rows"],
        rows_total=sums["all_rows"],
        bytes=int(sums["done_bytes"]),
        bytes_total=sums["all_bytes"],
        percent=100 if over else min(99, int(100 * part)),
        rate=sums["done_rows"] / seconds if seconds and sums["done_rows"] else None,
        byte_rate=sums["done_bytes"] / seconds if seconds and part else None,
        remaining=None if over or not (part and seconds) else seconds * (1 - part) / part,
        ended=sums["ended"] if over else None,
    )


def steps(pair: Pair, pools: Sequence[StoragePool]) -> list[tuple[StoragePool, list[Status]]]:
    """The steps of each pool's system migration; none once the pair has left that stage.

    The engine takes one pool after the other.
    """
    if pair.stage != "SYSTEM MIGRATION":
        return []
    shown, working = [], bool(pair.goal)
    for pool in pools:
        done = StoragePool.Step.values.index(pool.step)
        kinds = ["succeeded"] * done + ["not-started"] * (len(_STEPS) - done)
        if working and done < len(_STEPS):
            kinds[done], working = "in-progress", False
        shown.append((pool, [Status(*step, kind) for step, kind in zip(_STEPS, kinds, strict=True)]))
    return shown


def all_taken(
    pools: Sequence[StoragePool], reached: Mapping[tuple[int, str], datetime]
) -> list[tuple[StoragePool, list[Status]]]:
    """The steps of the pools whose system migration is over, where their times are known."""
    taken = [Status(*step, "succeeded") for step in _STEPS]
    return [(pool, taken) for pool in pools if any((pool.pk, step.value) in reached for step in taken)]
