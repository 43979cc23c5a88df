"""What the primaries of a pair have, counted now and then: for the table of object types, and before a swap.

In a thread of its own beside the pair's loop; what cannot be counted leaves the earlier figures, with a word.
"""

import logging
import time

import psycopg
from django.db import DatabaseError, transaction
from django.utils import timezone

from mwaportal import doorbell
from nodes.postgres import inventory
from nodes.postgres.connect import Unreachable, connect
from tracking.models import Inventory, ObjectCount

from .beside import Beside, Pace
from .poolruntime import PoolRuntime

_log = logging.getLogger("mwa.engine")
_EVERY_SECONDS = 600.0
_SHARE = 50  # of the time: counting must not become what a node does
_LOOK_SECONDS = 1.0  # how often it is looked whether somebody has asked
_STATEMENT_TIMEOUT = "60s"


class Inventories:
    """The inventories of one pair, one at a time."""

    def __init__(self) -> None:
        self._beside = Beside()
        self._pace = Pace(_EVERY_SECONDS, _SHARE)
        self._look_at = 0.0

    def step(self, runtimes: list[PoolRuntime]) -> None:
        """Begin where it is time, or somebody has asked."""
        now = time.monotonic()
        if now < self._look_at or self._beside.busy:
            return
        self._look_at = now + _LOOK_SECONDS
        known = [runtime for runtime in runtimes if runtime.pool.step]  # else schema mwa is not there yet
        if known and (self._pace.due or _asked(known)):
            self._beside.begin(self._run, known)

    def stop(self) -> None:
        """End after the pool that is under way."""
        self._beside.stop()

    def _run(self, runtimes: list[PoolRuntime]) -> None:
        try:
            with self._pace.turn():
                for runtime in runtimes:
                    if not self._beside.halt.is_set():
                        take(runtime)
        except DatabaseError as error:
            _log.warning("inventory of %s: %s", runtimes[0].pool.pair, error)


def take(runtime: PoolRuntime) -> None:
    """Count on the primary, look whether the way back has room, and keep both."""
    pool, route, now = runtime.pool, runtime.route, timezone.now()
    settings = {"statement_timeout": _STATEMENT_TIMEOUT}
    try:
        with connect(route.primary_conninfo, "inventory", **settings) as primary:
            counts = inventory.counts(primary, cluster=pool.number == 1)
            with connect(route.secondary_conninfo, "inventory", **settings) as secondary:
                back = inventory.way_back(primary, secondary, pool.pair.pools.count())
    except (Unreachable, psycopg.Error) as error:
        said = str(error).strip() or type(error).__name__
        Inventory.objects.update_or_create(
            pool=pool, defaults={"failure": said, "failed_at": now, "asked_at": None}
        )
    else:
        _keep(runtime, counts, back)
    doorbell.notify(pool.pair_id)


def _keep(runtime: PoolRuntime, counts: dict[str, int | None], back: inventory.WayBack) -> None:
    pool = runtime.pool
    rows = [ObjectCount(pool=pool, object_type=name, count=n) for name, n in counts.items() if n is not None]
    with transaction.atomic():
        ObjectCount.objects.filter(pool=pool).delete()
        ObjectCount.objects.bulk_create(rows)
        Inventory.objects.update_or_create(
            pool=pool,
            defaults={
                "counted_at": timezone.now(), "asked_at": None, "failure": "", "failed_at": None,
                "way_back": back.seen, "way_back_missing": back.missing,
            },
        )  # fmt: skip


def _asked(runtimes: list[PoolRuntime]) -> bool:
    pools = [runtime.pool.pk for runtime in runtimes]
    return Inventory.objects.filter(pool__in=pools, asked_at__isnull=False).exists()
