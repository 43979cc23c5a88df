"""A system migration as it can be watched: rows, bytes and chunks by table, messages as they happen."""

from collections import Counter
from datetime import timedelta

from django.db import connection
from django.db.models import Case, DateTimeField, F, Value, When
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from mwaportal import doorbell
from nodes.models import StoragePool
from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection
from tracking.models import TableCopy
from tracking.save import events
from tracking.save.progress import copying

from .sampled import Sampled
from .say import say

_NOT_WAITED_FOR = {"locked_at": None, "locked_by": "", "message": ""}


class Progress(Sampled):
    """Keeps the pool's TableCopy rows up to date while a save runs."""

    def __init__(self, pool: StoragePool, copy_conninfo: str) -> None:
        super().__init__(copy_conninfo, "copy progress")
        self._pool = pool
        self._through: Counter[str] = Counter()

    def report(self, event: events.Event) -> None:
        """An event of the save; called from its worker threads."""
        pair = self._pool.pair
        match event:
            case events.CheckpointComplete(code=code, scope=scope):
                say(pair, f"Checkpoint complete for {'.'.join(scope) or 'all schemas'}", code, self._pool)
            case events.Begun(table=table, chunks=chunks):
                self._begun(table, chunks)
            case events.Waiting(table=table, blockers=blockers, since=since):
                by = "; ".join(blockers)
                values = {"locked_at": since, "locked_by": by, "message": f"locked by {by}"}
                self._set(table, state="LOCKED", **values)
                say(pair, f"Waiting for {table}, locked by {by}", "", self._pool)
            case events.Skipped(table=table, wait_seconds=seconds):
                message = f"still locked after {seconds:g} s"
                self._set(table, state="LOCKED", locked_at=None, message=message, skips=F("skips") + 1)
                say(pair, f"{table} stayed locked for {seconds:g} s; it comes in the end", "", self._pool)
            case events.ChunkCopied(table=table, rows=rows):
                self._through[str(table)] += rows
                self._set(table, chunks_done=F("chunks_done") + 1)
            case events.Copied(table=table, rows=rows, bytes=size, seconds=seconds):
                now = timezone.now()
                began = Value(now - timedelta(seconds=seconds), DateTimeField())
                self._set(
                    table, state="COPIED", rows=rows, bytes=size, ended_at=now,
                    started_at=Coalesce("started_at", began),
                    chunks=Coalesce("chunks", 1), chunks_done=Coalesce("chunks", 1), **_NOT_WAITED_FOR,
                )  # fmt: skip
            case events.Vanished(table=table):
                self._set(table, state="GONE", ended_at=timezone.now(), message="dropped on the source")
            case events.PutOff(table=table, reason=reason):
                self._set(table, state="WAITING", message=reason)
        connection.close()

    def sample(self, session: Connection) -> None:
        """How far the tables are that are being copied now."""
        if running := copying(session):
            for table in self._pool.table_copies.exclude(state__in=("COPIED", "GONE", "LATER")):
                if str(table) in running:
                    self._show(table, *running[str(table)])
        doorbell.notify(self._pool.pair_id)

    def _begun(self, table: Table, chunks: int) -> None:
        """What was waited for may still be locked: that stands until rows flow."""
        self._through[str(table)] = 0
        locked = When(state="LOCKED", then=F("state"))
        began = When(state="LOCKED", then=None)
        self._set(
            table, chunks=chunks, chunks_done=0, rows=0, bytes=0,
            state=Case(locked, default=Value("COPYING")),
            started_at=Case(began, default=Now(), output_field=DateTimeField()),
        )  # fmt: skip

    def _set(self, table: Table, **values: object) -> None:
        called = {"pool": self._pool, "schema": table.schema, "name": table.name}
        if not TableCopy.objects.filter(**called).update(**values):
            TableCopy.objects.get_or_create(**called)
            TableCopy.objects.filter(**called).update(**values)
        doorbell.notify(self._pool.pair_id)

    def _show(self, table: TableCopy, rows: int, size: int) -> None:
        """Chunks that are through have left the copy's view; what they reported is added."""
        values = {"rows": rows + self._through[str(table)], "bytes": size, **_NOT_WAITED_FOR}
        TableCopy.objects.filter(pk=table.pk).exclude(state="COPIED").update(
            state="COPYING", started_at=table.started_at or timezone.now(), **values
        )
