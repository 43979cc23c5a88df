"""The second part of make bench BENCH=swap: two ways to swap in turn, on the same servers and under one load.

There is neither a portal nor an engine: the pool is made ACTIVE and swapped by its mechanics. Half of the
swaps of each way go from PostgreSQL 16 to 18, half go back.
"""

import subprocess
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from mwaportal.workload import acknowledgements, gaps, ledger, shop, writers
from nodes.postgres import blocked, slot
from nodes.postgres.connect import connect, one, wait_until
from tracking.mirror import subscription
from tracking.mirror.capture_client import CaptureProcess
from tracking.mirror.handover import Route
from tracking.mirror.swap import PoolSwap

from .bed import Bed, Mirrored, bed, end_of_log, line, wait_confirmed
from .planted import say
from .synchronous_swap import LAG, SynchronousSwap

ROWS = 200_000
ROUNDS = 3  # of two swaps each way
_DATABASE = "shop"
_BUDGET_SECONDS = 5.0
_NORMAL_SECONDS = 3.0
_BEHIND_BYTES = 2**20
_PATIENCE_SECONDS = 120.0

Swap = PoolSwap | SynchronousSwap
Way = Callable[[Route, str], AbstractContextManager[Swap]]


@contextmanager
def by_keys(route: Route, reverse: str) -> Iterator[Swap]:
    """The way of the portal: suspended first, so that capture lists what changes."""
    with (
        connect(route.secondary_conninfo, "bench") as copy,
        connect(route.primary_conninfo, "bench") as source,
    ):
        subscription.stop(copy, route.slot)
        slot.release(source, route.slot)
    with CaptureProcess(route.capture_config({}, 10**9)) as capture:
        capture.started()
        yield PoolSwap(route, _DATABASE, reverse, _BUDGET_SECONDS, capture)


@contextmanager
def synchronously(route: Route, reverse: str) -> Iterator[Swap]:
    """The other way: synchronous commits before the fence."""
    yield SynchronousSwap(route, _DATABASE, reverse, _BUDGET_SECONDS)


@dataclass(frozen=True)
class Measured:
    """What the writers saw of one swap, by their own ledger."""

    gap_ms: float  # without a commit, from the fence on
    normal: float  # commits/s before the swap began
    rate: float  # commits/s from its beginning to the fence
    wait_ms: float  # the longest that one writer waited for a commit in that time

    def __str__(self) -> str:
        return (
            f"gap {self.gap_ms:.0f} ms; before the fence {self.rate:.0f} commits/s of {self.normal:.0f}"
            f" ({self.rate / self.normal:.0%}), longest wait {self.wait_ms:.0f} ms"
        )


class Shop:
    """A shop with its writers, ACTIVE between two servers; `route` is how its rows travel now."""

    def __init__(self, made: Bed, rows: int, directory: Path) -> None:
        self._ledger = directory
        for server in (made.source, made.copy):
            shop.create_roles(server.conninfo())
        source, copy = made.database(_DATABASE)
        with source, copy:
            shop.create(source)
            shop.create(copy)
            mirrored = Mirrored(made, _DATABASE, source, copy, 1)
            shop.fill(made.source.conninfo(_DATABASE), rows)
            mirrored.hand_over(mirrored.capture())
            blocked.block(copy, _DATABASE)
        self.route = mirrored.route
        self._writing = self._write()

    def _write(self) -> "subprocess.Popen[bytes]":
        route = self.route
        conninfo = writers.conninfo_for(route.primary_conninfo, route.secondary_conninfo)
        return writers.spawn(conninfo, self._ledger)

    def swap(self, way: Way) -> Measured:
        """Exchange the roles; afterwards the rows travel the other way."""
        self._wait_for_the_stream()
        before = time.time_ns()
        time.sleep(_NORMAL_SECONDS)
        began = time.time_ns()
        reverse = f"{self.route.slot}_r" if not self.route.slot.endswith("_r") else self.route.slot[:-2]
        with way(self.route, reverse) as swap:
            swap.prepare()
            swap.approach()
            fenced = time.time_ns()
            swap.close_primary()
            swap.drain()
            swap.commit()
            swap.open_secondary()
            swap.finish()
            swap.close()
        time.sleep(1)
        self._turn(reverse)
        say(", ".join(f"{step.name} {step.ms} ({step.text})" for step in swap.steps))
        return self._measured(before, began, fenced)

    def _measured(self, before: int, began: int, fenced: int) -> Measured:
        return Measured(
            gaps.write_gap_ms(self._ledger, (fenced, time.time_ns())),
            gaps.commits_per_second(self._ledger, (before, began)),
            gaps.commits_per_second(self._ledger, (began, fenced)),
            longest_wait_ms(self._ledger, (began, fenced)),
        )

    def hold_against_ledger(self) -> None:
        """End the writing, let the secondary catch up, and look at both nodes."""
        self.end()
        with connect(self.route.primary_conninfo, "bench") as primary:
            wait_confirmed(primary, self.route.slot, end_of_log(primary))
        for conninfo in (self.route.primary_conninfo, self.route.secondary_conninfo):
            with connect(conninfo, "bench") as session:
                found = ledger.check(self._ledger, session)
            say(f"{found.acknowledged} acknowledged, {found.lost} lost, {found.duplicated} duplicated")
            if found.lost or found.duplicated:
                raise RuntimeError("; ".join(found.examples))

    def end(self) -> None:
        """Let the writers finish what they are at."""
        self._writing.terminate()
        self._writing.wait(30)

    def _wait_for_the_stream(self) -> None:
        with connect(self.route.primary_conninfo, "bench") as primary:
            wait_until(
                lambda: one(primary, LAG, (self.route.slot,)) <= _BEHIND_BYTES, "the stream to be near",
                seconds=_PATIENCE_SECONDS,
            )  # fmt: skip

    def _turn(self, reverse: str) -> None:
        route = self.route
        self.route = replace(
            route, primary_conninfo=route.secondary_conninfo, secondary_conninfo=route.primary_conninfo,
            slot=reverse,
        )  # fmt: skip


def run(rows: int = ROWS, rounds: int = ROUNDS) -> Iterator[dict[str, Any]]:
    """The median gap of both ways; raises RuntimeError where the ledger finds a commit lost or doubled."""
    found: dict[Way, list[Measured]] = {by_keys: [], synchronously: []}
    with tempfile.TemporaryDirectory(prefix="mwa-bench-") as directory, bed() as made:
        pool = Shop(made, rows, Path(directory))
        try:
            for way in (by_keys, synchronously, synchronously, by_keys) * rounds:
                found[way].append(pool.swap(way))
                say(f"{way.__name__}: {found[way][-1]}")
            pool.hold_against_ledger()
        finally:
            pool.end()
    for way, swaps in found.items():
        say(f"{len(swaps)} {way.__name__}: {_in_words(swaps)}")
    ours, peer = (median(each.gap_ms for each in found[way]) for way in (by_keys, synchronously))
    yield line("swap-synchronous", ours, "ms", "synchronous commits before the fence", peer)


def _in_words(swaps: list[Measured]) -> str:
    gap, share = [each.gap_ms for each in swaps], [each.rate / each.normal for each in swaps]
    return (
        f"gap median {median(gap):.0f} ms, worst {max(gap):.0f} ms; before the fence median"
        f" {median(share):.0%} of the normal rate, longest wait {max(each.wait_ms for each in swaps):.0f} ms"
    )


def longest_wait_ms(directory: Path, during: gaps.Span) -> float:
    """How long a writer waited at most; of a wait that goes on beyond an edge only the part within counts."""
    begin, end = during
    longest = 0
    for given in acknowledgements.read(directory).values():
        inside = given.times[bisect_left(given.times, begin) : bisect_right(given.times, end)]
        longest = max(longest, *(after - before for before, after in pairwise([begin, *inside, end])))
    return longest / 1e6
