"""What comes after the rows of a system migration, as it can be watched: indexes, statistics ..."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from django.db import connection
from django.utils import timezone

from mwaportal import doorbell
from nodes.models import StoragePool
from nodes.postgres.connect import Connection
from tracking.models import FinishingPart
from tracking.save import definitions
from tracking.save.analyze import analyze
from tracking.save.foreign_keys import validate_foreign_keys
from tracking.save.progress import building
from tracking.save.views import refresh_materialized_views

from .sampled import Sampled

Part = FinishingPart.Part


def build(pool: StoragePool, archive: Path, copy_conninfo: str) -> None:
    """All that a copy gets after its rows and before the first hand-over. Raises `DefinitionFailed`."""
    jobs = pool.properties.parallel_degree
    with Finishing(pool, copy_conninfo) as seen:
        definitions.restore_post_data(archive, copy_conninfo, jobs, seen.report)
        analyze(copy_conninfo, jobs, seen.report)


def validate(pool: StoragePool, source_conninfo: str, copy_conninfo: str) -> None:
    """What needs the rows of one moment: after the first hand-over. Raises `DefinitionFailed`."""
    with _timed(pool, Part.VALIDATION):
        validate_foreign_keys(source_conninfo, copy_conninfo, pool.properties.parallel_degree)
    with _timed(pool, Part.VIEWS):
        refresh_materialized_views(source_conninfo, copy_conninfo)


class Finishing(Sampled):
    """Keeps the pool's FinishingPart rows up to date while definitions are restored after the data."""

    def __init__(self, pool: StoragePool, copy_conninfo: str) -> None:
        super().__init__(copy_conninfo, "index progress")
        self._pool = pool
        self._part = ""

    def report(self, part: str, done: int, of: int) -> None:
        """So many of a part are done; called from threads of the restore. The parts come one by one."""
        now = timezone.now()
        if part != self._part:
            self._part = part
            self._pool.finishing_parts.filter(ended_at=None).exclude(part=part).update(ended_at=now)
        values = {"done": done, "total": of, "ended_at": now if done == of else None, "sampled_at": now}
        FinishingPart.objects.update_or_create(pool=self._pool, part=part, defaults=values)
        doorbell.notify(self._pool.pair_id)
        connection.close()

    def sample(self, session: Connection) -> None:
        """Which indexes are being built now, and how far each is."""
        found = [
            {
                "since": each.since.astimezone(UTC).isoformat(),
                "table": each.table, "statement": " ".join(each.statement.split()), "phase": each.phase,
                "percent": None if each.part is None else int(100 * each.part),
            }
            for each in building(session)
        ]  # fmt: skip
        now = timezone.now()
        self._pool.finishing_parts.filter(part=Part.INDEXES).update(building=found, sampled_at=now)
        doorbell.notify(self._pool.pair_id)

    def __exit__(self, *error) -> None:  # type: ignore[no-untyped-def]
        super().__exit__(*error)
        self._pool.finishing_parts.update(building=[])


@contextmanager
def _timed(pool: StoragePool, part: str) -> Iterator[None]:
    """A part of which nobody knows how much there is: when it began, and when it has ended."""
    now = timezone.now()
    values = {"began_at": now, "sampled_at": now, "ended_at": None}
    FinishingPart.objects.update_or_create(pool=pool, part=part, defaults=values)
    doorbell.notify(pool.pair_id)
    yield
    pool.finishing_parts.filter(part=part).update(ended_at=timezone.now(), sampled_at=timezone.now())
