"""How long until what is owed is little enough, from what it was during the last minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

READY, SHRINKING, NOT_REACHABLE, UNKNOWN = "READY", "SHRINKING", "NOT REACHABLE", "UNKNOWN"
WINDOW = timedelta(minutes=2)
LONGEST_SECONDS = 24 * 3600.0  # a longer time is not told apart from none by what was seen in two minutes
_LEAST_POINTS, _LEAST = 4, timedelta(seconds=15)

Point = tuple[datetime, float]  # when, and how much was owed


@dataclass(frozen=True)
class Estimate:
    """`verdict` is one of those above; `seconds` belongs to SHRINKING and is 0 for READY.

    `rate` is what is owed more with every second (below 0 it shrinks), as it was since `since`; both are None
    where the points are too few to tell.
    """

    verdict: str
    owed: float | None = None
    allowed: float | None = None
    seconds: float | None = None
    rate: float | None = None
    since: datetime | None = None


def estimate(points: Sequence[Point], allowed: float) -> Estimate:
    """When the last of some unbroken points will be down to `allowed`, if it goes on as in the window.

    The rate is the slope of the straight line that fits all points best: the first and the last alone would
    be turned round by one large transaction.
    """
    if not points:
        return Estimate(UNKNOWN, allowed=allowed)
    last, owed = points[-1]
    seen = [point for point in points if last - point[0] <= WINDOW]
    since = seen[0][0]
    known = len(seen) >= _LEAST_POINTS and last - since >= _LEAST
    rate = _slope(seen) if known else None
    if owed <= allowed:
        return Estimate(READY, owed, allowed, 0.0, rate, since if known else None)
    if rate is None:
        return Estimate(UNKNOWN, owed, allowed)
    seconds = (owed - allowed) / -rate if rate < 0 else None
    if seconds is None or seconds > LONGEST_SECONDS:
        return Estimate(NOT_REACHABLE, owed, allowed, None, rate, since)
    return Estimate(SHRINKING, owed, allowed, seconds, rate, since)


def _slope(points: Sequence[Point]) -> float:
    """Least squares; the points are not all of one moment."""
    first = points[0][0]
    times = [(at - first).total_seconds() for at, _ in points]
    middle = sum(times) / len(times)
    mean = sum(owed for _, owed in points) / len(points)
    rise = sum((time - middle) * (owed - mean) for time, (_, owed) in zip(times, points, strict=True))
    return rise / sum((time - middle) ** 2 for time in times)


def worst(estimates: Sequence[Estimate]) -> Estimate:
    """The one that decides for all: a pair is ready with its last pool. Unknown where there are none."""
    rank = (NOT_REACHABLE, UNKNOWN, SHRINKING, READY)
    return min(
        estimates,
        key=lambda each: (rank.index(each.verdict), -(each.seconds or 0)),
        default=Estimate(UNKNOWN),
    )
