"""Lag and rate over time as a page shows them: as pictures, in figures, and as data for a script."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nodes.models import StoragePool

from .models import PoolSample
from .series import Bin, Sample, with_rates
from .sparkline import Curve, curve, top_of

RANGES = {10: "10 min", 60: "1 h", 360: "6 h", 1_440: "24 h", 2_880: "48 h"}  # by their minutes
_BINS, _SHORTEST = 120, timedelta(seconds=20)  # in a shorter one there may be no sample, without a gap
_ROWS = 10
_COLUMNS = ("at", "lag", "written", "read")
_SMALL = 60  # bins of the small curves in the list of pairs: a minute each


@dataclass(frozen=True)
class Picture:
    """One or two curves on one scale; `highest` is None where nothing was measured."""

    curves: list[Curve]
    highest: float | None


@dataclass(frozen=True)
class Line:
    """The figures of some bins together, for those who do not see the curves."""

    at: datetime
    lag: float | None
    written: float | None
    read: float | None
    rows: float | None


@dataclass(frozen=True)
class Chart:
    """What was measured of a pool in the `minutes` before `until`; the rates in bytes a second."""

    minutes: int
    begin: datetime
    until: datetime
    lag: Picture
    rate: Picture
    rows: Picture
    lines: list[Line]

    @property
    def seconds(self) -> int:
        """How long that time is."""
        return self.minutes * 60

    @property
    def label(self) -> str:
        """The same for people."""
        return RANGES[self.minutes]

    @property
    def empty(self) -> bool:
        """Whether there is no sample in that time."""
        return all(line.rows is None for line in self.lines)


def minutes_of(given: str) -> int:
    """How far back a chart goes; an hour where nothing sensible is asked for."""
    return next((minutes for minutes in RANGES if str(minutes) == given), 60)


def chart(pool: StoragePool, now: datetime, minutes: int) -> Chart:
    """The curves of one pool."""
    length = timedelta(minutes=minutes)
    bins = PoolSample.binned([pool.pk], now, length, min(_BINS, length // _SHORTEST))[pool.pk]
    begin = now - length
    return Chart(
        minutes, begin, now,
        lag=_picture(_values(bins, "lag")),
        rate=_picture(_values(bins, "written"), _values(bins, "read")),
        rows=_picture(_values(bins, "rows")),
        lines=_lines(bins, begin, length / _ROWS),
    )  # fmt: skip


@dataclass(frozen=True)
class Small:
    """The last hour of a pool: its lag while it is active, else the rows that are owed."""

    of_rows: bool
    picture: Picture


def small(pools: Collection[StoragePool], now: datetime) -> dict[int, Small]:
    """The small curve of each pool."""
    found = (
        PoolSample.binned([pool.pk for pool in pools], now, timedelta(minutes=_SMALL), _SMALL)
        if pools
        else {}
    )
    return {
        pool.pk: Small(of_rows, _picture(_values(found[pool.pk], "rows" if of_rows else "lag")))
        for pool in pools
        for of_rows in [pool.state == "TRACKING"]
    }


def data(pool: StoragePool, now: datetime, minutes: int) -> dict[str, list[float | None]]:
    """Every sample by columns, times in seconds since 1970; where a gap is, a moment has no figures."""
    columns: dict[str, list[float | None]] = {name: [] for name in _COLUMNS}
    samples = PoolSample.between(pool, now - timedelta(minutes=minutes), now)
    last = 0.0
    for sample, rates in with_rates(samples, now):
        last = sample.at.timestamp() if sample else last + 1
        row = (last, sample.lag if sample else None, rates.written, rates.read)
        for name, value in zip(_COLUMNS, row, strict=True):
            columns[name].append(value)
    return columns


def latest(samples: Sequence[Sample], now: datetime) -> dict[str, float | str] | None:
    """The last sample by the same names, to be written into a page; nothing stands for what is not known."""
    if not samples:
        return None
    *_, (_, rates) = with_rates(samples[-2:], now)
    row = (samples[-1].at.timestamp(), samples[-1].lag, rates.written, rates.read)
    return {name: "" if value is None else value for name, value in zip(_COLUMNS, row, strict=True)}


def _values(bins: Sequence[Bin | None], name: str) -> list[float | None]:
    return [getattr(each, name) if each else None for each in bins]


def _picture(*series: list[float | None]) -> Picture:
    top = top_of(*series)
    known = any(value is not None for values in series for value in values)
    return Picture([curve(values, top) for values in series], top if known else None)


def _lines(bins: Sequence[Bin | None], begin: datetime, width: timedelta) -> list[Line]:
    """The newest first."""
    found, each = [], len(bins) // _ROWS
    for number in range(_ROWS):
        group = bins[number * each : (number + 1) * each]
        figures: dict[str, Any] = {name: _known(group, name) for name in ("lag", "written", "read", "rows")}
        found.append(
            Line(
                begin + width * number,
                max(figures["lag"], default=None), _mean(figures["written"]), _mean(figures["read"]),
                max(figures["rows"], default=None),
            )
        )  # fmt: skip
    return found[::-1]


def _known(bins: Sequence[Bin | None], name: str) -> list[float]:
    return [value for each in bins if each and (value := getattr(each, name)) is not None]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
