"""make bench BENCH=overhead: pgbench on the source, followed by the portal or by a plain subscription."""

import re
import subprocess
from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING, Any

from nodes.postgres import programs, slot
from nodes.postgres.connect import connect, one, wait_until
from nodes.postgres.embedded import EmbeddedServer
from tracking.mirror import subscription

from .bed import end_of_log, line, wait_confirmed
from .planted import planted, say

if TYPE_CHECKING:
    from mwaportal.system.rehearsal import Rehearsal

SECONDS = 15
ROUNDS = 5
_SCALE = 10
_PATIENCE_SECONDS = 300


def run(rounds: int = ROUNDS, seconds: int = SECONDS) -> Iterator[dict[str, Any]]:
    """Two equal databases on the same two servers; of the two ways only the measured one is there."""
    with planted(1000, database="ours") as rehearsal:
        ours, native = _Ours(rehearsal), _Native(rehearsal)
        taken: dict[_Side, list[float]] = {ours: [], native: []}
        for number in range(rounds + 1):
            for side in (ours, native) if number % 2 else (native, ours):
                tps = side.measured(seconds)
                say(f"{side.name}: {tps:.0f} tps")
                taken[side] += [tps] if number else []  # the first round only warms the servers up
        yield line("overhead", median(taken[ours]), "tps", "native subscription", median(taken[native]))


class _Side:
    """A database with pgbench's tables, and a way for its rows to travel."""

    name = ""

    def __init__(self, rehearsal: "Rehearsal") -> None:
        self.rehearsal, plant = rehearsal, rehearsal.plant
        self.servers = (plant.source, plant.copy)
        for server in self.servers:
            with connect(server.conninfo(), "bench") as admin:
                admin.execute(f"create database {self.name}")
        self.pgbench(plant.source, "-i", "-q", "-s", str(_SCALE))
        self.source, self.copy = (connect(server.conninfo(self.name), "bench") for server in self.servers)
        self.begin()

    def begin(self) -> None:
        """Bring the rows to the copy; in the end nothing of this side runs."""

    def on(self) -> None:
        """Let the rows travel."""

    def off(self) -> None:
        """Nothing of this side runs any more, on either node."""

    def slot(self) -> str:
        """The slot's name, which is also the subscription's."""
        return self.name

    def measured(self, seconds: int) -> float:
        """Transactions per second while the rows travel."""
        self.on()
        for session in (self.source, self.copy):
            session.execute("checkpoint")
        output = self.pgbench(
            self.servers[0], "-n", "-M", "prepared", "-c", "4", "-j", "2", "-T", str(seconds)
        )
        wait_confirmed(self.source, self.slot(), end_of_log(self.source))
        self.off()
        found = re.search(r"tps = ([\d.]+)", output)
        assert found is not None, output
        return float(found[1])

    def pgbench(self, server: EmbeddedServer, *options: str) -> str:
        command = [programs.program("pgbench"), *options, server.conninfo(self.name)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class _Ours(_Side):
    """Portal and engine running, the pool ACTIVE."""

    name = "ours"

    def begin(self) -> None:
        self.rehearsal.migrate()
        self.off()

    def on(self) -> None:
        self.rehearsal.plant.serve()  # finds its stream off, resynchronizes, and turns it on
        wait_until(self._replicating, "the engine to replicate", seconds=_PATIENCE_SECONDS, every=0.5)
        wait_confirmed(self.source, self.slot(), end_of_log(self.source))

    def off(self) -> None:
        plant = self.rehearsal.plant
        assert plant.portal is not None
        plant.portal.terminate()
        plant.portal.wait(60)
        plant.portal = None
        subscription.stop(self.copy, self.slot())
        slot.release(self.source, self.slot())

    def slot(self) -> str:
        return str(self.rehearsal.plant.pair().pools.get().slot())

    def _replicating(self) -> bool:
        found = subscription.find(self.copy, self.slot())
        return found is not None and found.enabled and self.rehearsal.settled()


class _Native(_Side):
    """A publication and a subscription with PostgreSQL's defaults, the portal stopped."""

    name = "native"

    def begin(self) -> None:
        self.source.execute("create publication native for all tables")
        self.pgbench(self.servers[1], "-i", "-I", "dtp")
        self._subscribe("true")
        behind = "select not exists (select from pg_subscription_rel where srsubstate <> 'r')"
        wait_until(lambda: bool(one(self.copy, behind)), "the rows to arrive", seconds=_PATIENCE_SECONDS)
        self.off()

    def on(self) -> None:
        self._subscribe("false")
        wait_confirmed(self.source, self.name, end_of_log(self.source))

    def off(self) -> None:
        self.copy.execute("drop subscription native")

    def _subscribe(self, copy_data: str) -> None:
        where = self.servers[0].conninfo(self.name)
        self.copy.execute(
            f"create subscription native connection '{where}' publication native"
            f" with (copy_data = {copy_data})"
        )
