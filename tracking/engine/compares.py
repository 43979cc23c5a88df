"""The compares of a pair's pools that were asked for, by people or by the schedule."""

import logging
import time

import psycopg
from django.db import DatabaseError
from django.utils import timezone

from nodes.models import Pair
from nodes.postgres.connect import Unreachable
from tracking.models import CompareResult, CompareRun, CompareSchedule

from . import proof
from .beside import Beside
from .poolruntime import PoolRuntime
from .say import say

_log = logging.getLogger("mwa.engine")
_SCHEDULE_SECONDS = 5.0  # how often it is looked at


class Compares:
    """The compares of one pair that people asked for, one at a time, beside the pair's loop."""

    def __init__(self) -> None:
        self._beside = Beside()
        self._look_at = 0.0

    def step(self, runtimes: list[PoolRuntime]) -> None:
        """Begin the next one where none is running and its pool is replicating."""
        if self._beside.busy:
            return
        for runtime in runtimes:
            asked = CompareRun.objects.filter(pool=runtime.pool, ended_at=None).order_by("id").first()
            if asked and asked.stopped_by:  # by an engine that died
                CompareRun.objects.filter(pk=asked.pk).update(ended_at=timezone.now())
            elif asked and runtime.pool.replicating and asked.begin():
                CompareResult.objects.filter(run=asked).delete()  # begun by an engine that died
                self._beside.begin(self._run, asked, runtime)
                return

    def ask_when_due(self, pair: Pair) -> None:
        """Ask for what the pair's schedule says, if it is time and all of it is in step."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _SCHEDULE_SECONDS
        schedule = CompareSchedule.objects.filter(pair=pair).first()
        if schedule and schedule.ask():
            say(
                pair,
                f"A compare begins by the schedule, {schedule}; the next is due {schedule.next_due_text}",
            )

    def stop(self) -> None:
        """End the one that is running; it begins again with the next engine."""
        self._beside.stop()

    def _run(self, asked: CompareRun, runtime: PoolRuntime) -> None:
        try:
            with runtime.at("COMPARE"):
                proof.run(asked, runtime, None, self._beside.halt)
        except (Unreachable, psycopg.Error, DatabaseError) as error:
            _log.warning("%s begins again: %s", asked, error)
