"""Figures over time: where they have gaps, what they rose by, and how old the last applied change is.

Everything comes from samples that were taken; nothing is filled in between two that are far apart.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import ClassVar

EVERY = timedelta(seconds=5)
KEPT_WHOLE = timedelta(hours=1)  # older samples are a minute apart
_RECENT = timedelta(seconds=30)
_GAP, _OLD_GAP = timedelta(seconds=20), timedelta(seconds=150)


@dataclass(frozen=True)
class Sample:
    """One sample; `written` and `read` are positions in the log of the primary of that time, in bytes."""

    FIELDS: ClassVar = (
        "at", "on_copy", "state", "detail", "written", "read", "wal_held_bytes", "tracked_rows",
    )  # fmt: skip

    at: datetime
    on_copy: bool
    state: str
    detail: str
    written: int
    read: int | None
    held: int | None
    rows: int

    @property
    def lag(self) -> int | None:
        """Bytes of log between both positions."""
        return None if self.read is None else self.written - self.read


@dataclass(frozen=True)
class Bin:
    """The highest lag (bytes) and number of rows owed in a part of the time, and the mean rates (bytes/s)."""

    at: datetime  # its beginning
    lag: int | None
    rows: int
    written: float | None
    read: float | None


@dataclass(frozen=True)
class Rates:
    """Bytes of log a second between a sample and the one before it."""

    written: float | None
    read: float | None


def joined(before: Sample, after: Sample, now: datetime) -> bool:
    """Whether nothing is missing between two neighbours, so that a line may be drawn between them."""
    longest = _OLD_GAP if now - before.at > KEPT_WHOLE else _GAP
    return before.on_copy == after.on_copy and after.at - before.at <= longest


def rates(before: Sample, after: Sample) -> Rates:
    """What two neighbours tell; a position that went back (another server) tells nothing."""
    seconds = (after.at - before.at).total_seconds()

    def rise(first: int | None, last: int | None) -> float | None:
        if first is None or last is None or last < first or seconds <= 0:
            return None
        return (last - first) / seconds

    return Rates(rise(before.written, after.written), rise(before.read, after.read))


def with_rates(samples: Sequence[Sample], now: datetime) -> Iterator[tuple[Sample | None, Rates]]:
    """Each sample with its rates; None stands where a gap is."""
    nothing = Rates(None, None)
    if samples:
        yield samples[0], nothing
    for before, after in pairwise(samples):
        if joined(before, after, now):
            yield after, rates(before, after)
        else:
            yield None, nothing
            yield after, nothing


def unbroken(samples: Sequence[Sample], now: datetime, *, any_state: bool = False) -> list[Sample]:
    """The last ones between which nothing is missing, nor has the state changed; none if they are old."""
    if not samples or now - samples[-1].at > _GAP:
        return []
    first = len(samples) - 1
    while first and _goes_on(samples[first - 1], samples[first], now, any_state):
        first -= 1
    return list(samples[first:])


def _goes_on(before: Sample, after: Sample, now: datetime, any_state: bool) -> bool:
    as_before = any_state or (before.state, before.detail) == (after.state, after.detail)
    return as_before and before.written <= after.written and joined(before, after, now)


def average(samples: Sequence[Sample]) -> tuple[Rates, timedelta] | None:
    """The rates over the last half minute of unbroken samples, and how long that was; None for one."""
    recent = [sample for sample in samples if samples[-1].at - sample.at <= _RECENT]
    if len(recent) < 2:
        return None
    return rates(recent[0], recent[-1]), recent[-1].at - recent[0].at


def behind(samples: Sequence[Sample]) -> float | None:
    """Seconds since the primary's log ended where the secondary is now, by unbroken samples.

    None where that was before the first of them, or nobody knows where the secondary is.
    """
    if not samples or (read := samples[-1].read) is None:
        return None
    last = samples[-1]
    if read >= last.written:
        return 0.0
    place = bisect_left(samples, read, key=lambda sample: sample.written)
    if place == 0 and samples[0].written > read:
        return None
    after, before = samples[place], samples[max(0, place - 1)]
    rise = after.written - before.written
    part = (read - before.written) / rise if rise > 0 else 1.0
    return (last.at - before.at - part * (after.at - before.at)).total_seconds()
