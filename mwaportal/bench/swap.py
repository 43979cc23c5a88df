"""make bench BENCH=swap: the time without a commit that four writers at full speed see in a role swap."""

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from mwaportal.workload import gaps

from . import swap_ways
from .bed import line
from .planted import planted, say

ROWS = 200_000
SWAPS = 10
# Three rows each: with all of the shop's transactions two cores do not reach 2,000 commits/s.
KINDS = ("move stock", "pay")
_BETWEEN_SECONDS = 3


def run(swaps: int = SWAPS) -> Iterator[dict[str, Any]]:
    """Swaps to and fro by the way of the portal, each asked for and approved; gaps by the writers' ledger."""
    with planted(ROWS) as rehearsal:
        plant = rehearsal.plant
        plant.kinds = KINDS
        plant.write()
        rehearsal.migrate()
        found = []
        for _ in range(swaps):
            began = time.time_ns()
            time.sleep(_BETWEEN_SECONDS)
            say(f"{gaps.commits_per_second(plant.ledger, (began, time.time_ns())):.0f} commits/s")
            found.append(rehearsal.swap())
            steps = plant.pair().swaps.first().steps
            say(", ".join(f"{step['name']} {step['ms']} ({step['text']})" for step in steps))
        plant.stop_writing()
        rehearsal.drain()
        rehearsal.hold_against_ledger()
        yield line("swap", median(found), "ms")
        yield line("swap-worst", max(found), "ms")
        yield line("swap-lost", rehearsal.report.lost + rehearsal.report.duplicated, "rows")
    yield from swap_ways.run()
