"""What a pool's figures were: a sample every few seconds, thinned with age and forgotten in the end."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection, models
from django.utils import timezone

from nodes import status
from nodes.models import StoragePool
from tracking.series import KEPT_WHOLE, Bin, Sample

KEPT_FOR = timedelta(hours=48)


class PoolSample(models.Model):
    """The figures of a pool at one moment; none is written while the primary does not answer.

    `written` is the end of the primary's log and `read` is up to where the slot has been confirmed, both as
    numbers: what is before `read` has been applied while the pool is ACTIVE, and listed while it is TRACKING.
    Rates are differences of two samples, so that they stay true when those between are forgotten.
    """

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="samples")
    at = models.DateTimeField(default=timezone.now)
    on_copy = models.BooleanField(default=False)  # whose log it is: positions of two servers do not compare
    state = models.CharField(max_length=12, choices=status.REPLICATION_STATE.choices)
    detail = models.CharField(max_length=13, choices=status.REPLICATION_DETAIL.choices, blank=True)
    written = models.BigIntegerField()
    read = models.BigIntegerField(null=True)  # None: there is no slot, or it is lost
    wal_held_bytes = models.BigIntegerField(null=True)
    tracked_rows = models.BigIntegerField()
    tracked_changes = models.BigIntegerField()

    class Meta:
        ordering = ["pool", "at"]
        indexes = [models.Index(fields=["pool", "at"], name="samples_in_time_order")]

    def __str__(self) -> str:
        return f"{self.pool} at {self.at}"

    @classmethod
    def take(cls, pool: StoragePool, written: int, read: int | None) -> None:
        """Keep what has just been measured of a pool."""
        cls.objects.create(
            pool=pool, at=pool.measured_at, on_copy=pool.pair.swapped, state=pool.state, detail=pool.detail,
            written=written, read=read, wal_held_bytes=pool.wal_held_bytes,
            tracked_rows=pool.tracked_rows, tracked_changes=pool.tracked_changes,
        )  # fmt: skip

    @classmethod
    def between(cls, pool: StoragePool, since: datetime, until: datetime) -> list[Sample]:
        """Those of a pool in the order of time, both ends included."""
        rows = cls.objects.filter(pool=pool, at__gte=since, at__lte=until).order_by("at")
        return [Sample(*row) for row in rows.values_list(*Sample.FIELDS)]

    @classmethod
    def since(cls, pools: Collection[int], since: datetime) -> dict[int, list[Sample]]:
        """The latest of several pools, each in the order of time."""
        found = defaultdict(list)
        rows = cls.objects.filter(pool__in=pools, at__gte=since).order_by("pool_id", "at")
        for pool, *row in rows.values_list("pool_id", *Sample.FIELDS):
            found[pool].append(Sample(*row))
        return found

    @classmethod
    def binned(
        cls, pools: Collection[int], until: datetime, length: timedelta, bins: int
    ) -> dict[int, list[Bin | None]]:
        """The time before `until` of several pools in so many bins; one without a sample is None."""
        width = length / bins
        begin = until - width * bins
        found: dict[int, list[Bin | None]] = {pool: [None] * bins for pool in pools}
        with connection.cursor() as cursor:
            cursor.execute(_BINNED, [begin, width.total_seconds(), list(pools), begin, until])
            for pool, number, *figures in cursor.fetchall():
                found[pool][number] = Bin(begin + width * number, *figures)
        return found

    @classmethod
    def prune(cls, pool: StoragePool, now: datetime) -> None:
        """Keep one a minute of what is older than an hour, and nothing beyond two days."""
        with connection.cursor() as cursor:
            cursor.execute(_FORGET, [pool.pk, now - KEPT_FOR])
            cursor.execute(_THIN, [pool.pk, now - KEPT_WHOLE])


_FORGET = "delete from tracking_poolsample where pool_id = %s and at < %s"
_THIN = """
    delete from tracking_poolsample using (
        select id, row_number() over (partition by date_trunc('minute', at) order by at) as place
        from tracking_poolsample where pool_id = %s and at < %s
    ) as old
    where tracking_poolsample.id = old.id and old.place > 1
"""
# A bin in which the roles were swapped shows what came last.
_BINNED = """
    select pool_id, floor(extract(epoch from at - %s) / %s)::int as bin,
        max(written - read), max(tracked_rows),
        ((max(written) - min(written)) / nullif(extract(epoch from max(at) - min(at)), 0))::float8,
        ((max(read) - min(read)) / nullif(extract(epoch from max(at) - min(at)), 0))::float8
    from tracking_poolsample
    where pool_id = any(%s) and at >= %s and at < %s
    group by pool_id, bin, on_copy
    order by max(at)
"""
