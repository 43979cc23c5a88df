"""Whether a pair could swap roles now, and else how long that takes, with the figures that say so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mwaportal.shown import duration, number, size
from nodes import status
from nodes.models import StoragePool
from nodes.status import Status

from .estimate import READY, SHRINKING, UNKNOWN, WINDOW, Estimate, estimate, worst
from .series import Sample, unbroken

NEEDED = WINDOW + timedelta(seconds=10)  # how far back samples are looked at
_STILL = 0.5  # bytes or rows a second: less is said to be no change


@dataclass(frozen=True)
class Readiness:
    """A pool's estimate, or that of the pair's last pool, and in words what it rests on."""

    estimate: Estimate
    text: str
    kind: str = ""  # of what else is in the way

    @property
    def shown(self) -> Status:
        """The verdict as a status; the time to go stands in its place."""
        found = status.READINESS[self.kind or self.estimate.verdict]
        if found.value == SHRINKING:
            return replace(found, label=f"in about {duration(self.estimate.seconds)}")
        return found


def of_pool(pool: StoragePool, samples: Sequence[Sample], now: datetime) -> Readiness:
    """While it replicates by its lag, else by the rows that are owed; `samples` are its latest."""
    if pool.step != StoragePool.Step.MIRRORED:
        return Readiness(Estimate(UNKNOWN), "its system migration is not complete")
    run = unbroken(samples, now)
    if not run:
        since = f"it was not measured since {_time(pool.measured_at)}" if pool.measured_at else ""
        return Readiness(Estimate(UNKNOWN), since or "it was never measured")
    if (run[-1].state, run[-1].detail) != (pool.state, pool.detail):
        return Readiness(Estimate(UNKNOWN), f"{_stands(pool)}; too few samples to say how long it takes")
    if pool.replicating:
        return _by_lag(run, pool.properties.lag_limit_bytes)
    return _by_rows(pool, run)


def _by_lag(run: Sequence[Sample], allowed: int) -> Readiness:
    known = [(sample.at, float(sample.lag)) for sample in run if sample.lag is not None]
    if not known or run[-1].lag is None:
        return Readiness(Estimate(UNKNOWN), "its replication slot is gone")
    found = estimate(known, allowed)
    return Readiness(found, f"lag {size(found.owed)}, allowed {size(allowed)}{_trend(found, size)}")


def _by_rows(pool: StoragePool, run: Sequence[Sample]) -> Readiness:
    """Rows are brought by a hand-over alone, so that none being owed does not make a pool ready."""
    found = estimate([(sample.at, float(sample.rows)) for sample in run], 0)
    text = f"{_stands(pool)}; {number(found.owed)} rows are owed, allowed is none{_trend(found, number)}"
    if found.verdict == READY:
        found, text = Estimate(UNKNOWN), f"{_stands(pool)}, and no row is owed by key"
    return Readiness(found, text)


def _stands(pool: StoragePool) -> str:
    return f"it is {pool.standing}{f' ({pool.reason} {pool.why})' if pool.reason else ''}"


def _trend(found: Estimate, unit: Callable[[float | None], str]) -> str:
    """What is owed more or less with every second, and since when that is so."""
    if found.rate is None or found.since is None:
        return "" if found.verdict == READY else "; too few samples to say how long it takes"
    since = f"since {_time(found.since)}"
    if abs(found.rate) < _STILL:
        return f", the same {since}"
    return f", {'less' if found.rate < 0 else 'more'} by {unit(abs(found.rate))}/s {since}"


def of_pair(pools: Mapping[int, Readiness], names: Mapping[int, str], in_the_way: str) -> Readiness:
    """The last pool decides; what else is `in_the_way` of a role swap is said where no pool is."""
    if not pools:
        return Readiness(Estimate(UNKNOWN), "no database of this pair has been named")
    last = worst([each.estimate for each in pools.values()])
    key = next(key for key, each in pools.items() if each.estimate is last)
    if last.verdict == READY and in_the_way:
        return Readiness(last, in_the_way, "IN THE WAY")
    return Readiness(last, f"{names[key]}: {pools[key].text}" if len(pools) > 1 else pools[key].text)


def _time(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"
