"""make bench BENCH=wal: the log that our slots hold on the source during a pause of 60 s under load."""

import time
from collections.abc import Iterator
from typing import Any

from mwaportal.workload import gaps

from .bed import line
from .planted import planted, say

ROWS = 200_000
PAUSE_SECONDS = 60


def run(seconds: float = PAUSE_SECONDS) -> Iterator[dict[str, Any]]:
    """The peak of what is behind restart_lsn, looked at five times a second from the request to pause on."""
    with planted(ROWS) as rehearsal:
        from mwaportal.system.plant import wait_for  # these need Django's settings
        from mwaportal.system.rehearsal import WalWatch
        from nodes.models import Pair

        plant = rehearsal.plant
        plant.write()
        rehearsal.migrate()
        time.sleep(5)
        began = time.time_ns()
        with WalWatch([plant.source]) as watch:
            plant.pair().ask(Pair.Goal.PAUSED)
            wait_for(plant, "the pause", lambda: plant.pair().phase == "PAUSED", 60)
            time.sleep(seconds)
        say(f"{gaps.commits_per_second(plant.ledger, (began, time.time_ns())):.0f} commits/s")
        yield line("wal", watch.peak / 2**20, "MB")
