"""Things that go wrong: processes killed and servers crashed while a migration runs.

Each fault is real: SIGKILL to a process of ours, or `pg_ctl stop -m immediate` and a new start.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import psutil
from django.db import connection

from mwaportal import portaldb
from nodes.models import Pair
from nodes.postgres.connect import TimedOut

from . import moments
from .plant import Plant, wait_for
from .rehearsal import Rehearsal, Report, Say

_SETTLE_SECONDS = 300


class Faults:
    """Rounds of faults from one seed: the same seed chooses the same moments, delays and victims."""

    def __init__(self, plant: Plant, seed: int, say: Say) -> None:
        self.done: Counter[str] = Counter()
        self.places: Counter[str] = Counter()  # where the pair stood
        self.chance = random.Random(seed)
        self._plant = plant
        self._say = say

    def strike(self, moment: str) -> None:
        """Hit one victim; `moment` is what this round has waited for."""
        acts: dict[str, Callable[[], None]] = {
            "portal killed": self._kill_portal,
            "capture killed": lambda: self._kill_child("tracking.mirror.capture"),
            "copying killed": lambda: self._kill_child("psql"),
            "source crashed": lambda: self._crash(self._plant.source),
            "copy crashed": lambda: self._crash(self._plant.copy),
            "portal database crashed": self._crash_portal_database,
        }
        name, where = self.chance.choice(list(acts)), moments.place()
        self._say(f"{time.strftime('%H:%M:%S')} {moment}: {name} in {where}")
        acts[name]()
        self.done[name] += 1
        self.places[where] += 1
        self._plant.watch()

    def _kill_portal(self) -> None:
        if self._plant.portal:
            self._plant.portal.kill()
            self._plant.portal.wait()

    def _kill_child(self, what: str) -> None:
        """One process of the portal's; where there is none just now, the portal itself."""
        portal = self._plant.portal
        if portal is None or portal.poll() is not None:
            return
        found = [
            child for child in psutil.Process(portal.pid).children(recursive=True)
            if any(what in word for word in _command(child))
        ]  # fmt: skip
        if found:
            os.kill(self.chance.choice(found).pid, signal.SIGKILL)
        else:
            self._kill_portal()

    def _crash(self, server) -> None:
        server.stop("immediate")
        time.sleep(self.chance.uniform(0, 2))
        server.start()

    def _crash_portal_database(self) -> None:
        portaldb.crash()
        time.sleep(self.chance.uniform(0, 1))
        portaldb.ensure_running()
        connection.close()


def run(plant: Plant, rounds: int, seed: int, say: Say) -> tuple[Report, Faults, int]:
    """Rounds of faults under load, then peace, proof, and the count of what a person had to repair."""
    rehearsal, faults = Rehearsal(plant, say), Faults(plant, seed, say)
    plant.pair().ask(Pair.Goal.SYNC)
    manual_repairs = 0
    try:
        for moment in moments.chosen(rounds, faults.chance):
            moments.reach(moment, rehearsal, faults.chance)
            faults.strike(moment.name)
        wait_for(plant, "everything to settle by itself", lambda: moments.settled(rehearsal), _SETTLE_SECONDS)
    except TimedOut as error:
        say(f"did not settle: {error}")
        manual_repairs += 1
    plant.stop_writing()
    if not manual_repairs:
        rehearsal.drain()
        rehearsal.compare()
    rehearsal.hold_against_ledger()
    rehearsal.hold_files_against_account()
    for where, count in faults.places.most_common():
        say(f"{count} in {where}")
    return rehearsal.report, faults, manual_repairs


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
