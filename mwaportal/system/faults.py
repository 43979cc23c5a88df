"""Things that go wrong: processes killed and servers crashed while a migration runs.

Each fault is real: SIGKILL to a process of ours, or `pg_ctl stop -m immediate` and a new start.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import psutil
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection

from mwaportal import portaldb
from nodes.models import Pair

from .plant import Plant, wait_for
from .rehearsal import Rehearsal, Report, Say

_BETWEEN_SECONDS = (1.5, 4.0)
_SETTLE_SECONDS = 300
SETTING_UP = "SYSTEM MIGRATION"


class Faults:
    """Rounds of faults from one seed: the same seed chooses the same victims after the same pauses."""

    def __init__(self, plant: Plant, seed: int, say: Say) -> None:
        self.done: Counter[str] = Counter()
        self._plant = plant
        self._random = random.Random(seed)
        self._say = say

    def strike(self) -> None:
        """Wait a while, then hit one victim."""
        time.sleep(self._random.uniform(*_BETWEEN_SECONDS))
        acts: dict[str, Callable[[], None]] = {
            "portal killed": self._kill_portal,
            "capture killed": lambda: self._kill_child("tracking.mirror.capture"),
            "copying killed": lambda: self._kill_child("psql"),
            "source crashed": lambda: self._crash(self._plant.source),
            "copy crashed": lambda: self._crash(self._plant.copy),
            "portal database crashed": self._crash_portal_database,
        }
        name = self._random.choice(list(acts))
        self._say(f"{time.strftime('%H:%M:%S')} {name} in {_phase()}")
        acts[name]()
        self.done[name] += 1
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
            os.kill(self._random.choice(found).pid, signal.SIGKILL)
        else:
            self._kill_portal()

    def _crash(self, server) -> None:
        server.stop("immediate")
        time.sleep(self._random.uniform(0, 2))
        server.start()

    def _crash_portal_database(self) -> None:
        from django.conf import settings

        settings.PORTAL_SERVER.stop("immediate")
        time.sleep(self._random.uniform(0, 1))
        portaldb.ensure_running()
        connection.close()


class Driver(threading.Thread):
    """What people do meanwhile: start, pause, resume, compare, swap, again and again."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__(name="driver", daemon=True)
        self.acts: Counter[str] = Counter()
        self._rehearsal = rehearsal
        self._ended = threading.Event()
        self._turn = 0

    def run(self) -> None:
        """Ask for the next thing whenever the last one has settled."""
        while not self._ended.wait(0.3):
            try:
                self._next()
            except (DatabaseError, ValidationError, OSError):
                connection.close()  # the portal's database is down, or somebody is busy: again in a moment
        connection.close()

    def end(self) -> None:
        """Stop asking."""
        self._ended.set()
        self.join(30)

    def _next(self) -> None:
        pair = self._rehearsal.plant.pair()
        if pair.goal == "" or pair.phase == "PAUSED":
            self._ask(pair, Pair.Goal.SYNC)
        elif self._rehearsal.settled():
            self._turn += 1
            if self._turn % 2:
                self._rehearsal.request_swap()
                self.acts["swap"] += 1
            else:
                self._ask(pair, Pair.Goal.PAUSED)

    def _ask(self, pair: Pair, goal: str) -> None:
        pair.ask(goal)
        self.acts[goal] += 1


def run(plant: Plant, rounds: int, seed: int, say: Say) -> tuple[Report, Faults, int]:
    """Rounds of faults under load, then peace, proof, and the count of what a person had to repair."""
    rehearsal = Rehearsal(plant, say)
    faults, driver = Faults(plant, seed, say), Driver(rehearsal)
    driver.start()
    for number in range(rounds):
        if number == rounds // 3:  # the set-up has had its share; now hand-overs, pauses and role swaps
            wait_for(plant, "the system migration", lambda: plant.pair().stage != SETTING_UP, _SETTLE_SECONDS)
        faults.strike()
    driver.end()
    manual_repairs = 0
    try:
        wait_for(plant, "everything to settle by itself", lambda: _settled(rehearsal), _SETTLE_SECONDS)
    except Exception as error:
        say(f"did not settle: {error}")
        manual_repairs += 1
    plant.stop_writing()
    if not manual_repairs:
        rehearsal.drain()
        rehearsal.compare()
    rehearsal.hold_against_ledger()
    say(f"asked for: {dict(driver.acts)}")
    return rehearsal.report, faults, manual_repairs


def _settled(rehearsal: Rehearsal) -> bool:
    """What was asked for last may be a pause: ask to synchronize as soon as that is possible."""
    pair = rehearsal.plant.pair()
    if pair.goal != Pair.Goal.SYNC:
        with suppress(ValidationError):  # a role swap is still running
            pair.ask(Pair.Goal.SYNC)
    return rehearsal.settled()


def _phase() -> str:
    try:
        pair = Pair.objects.get()
        pool = pair.pools.get()
        return f"{pair.phase or 'no phase'} {pool.step} {pool.state} {pool.detail}"
    except DatabaseError:
        connection.close()
        return "an unknown phase"


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
