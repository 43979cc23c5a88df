"""A system migration as it can be watched: rows and bytes by table, messages as they happen."""

import threading
from collections import Counter
from types import TracebackType

from django.db import connection
from django.utils import timezone

from mwaportal import doorbell
from nodes.models import StoragePool
from nodes.postgres.connect import connect
from tracking.models import TableCopy
from tracking.save import events
from tracking.save.progress import copying

from .say import say

_EVERY_SECONDS = 0.5


class Progress:
    """Keeps the pool's TableCopy rows up to date while a save runs."""

    def __init__(self, pool: StoragePool, copy_conninfo: str) -> None:
        self._pool = pool
        self._conninfo = copy_conninfo
        self._ended = threading.Event()
        self._through: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="copy progress")

    def report(self, event: events.Event) -> None:
        """An event of the save; called from its worker threads."""
        pair = self._pool.pair
        match event:
            case events.CheckpointComplete(code=code, scope=scope):
                say(pair, f"Checkpoint complete for {'.'.join(scope) or 'all schemas'}", code, self._pool)
            case events.Waiting(table=table, blockers=blockers):
                self._set(table, state="LOCKED", message=f"locked by {'; '.join(blockers)}")
                say(pair, f"Waiting for {table}, locked by {'; '.join(blockers)}", "", self._pool)
            case events.Skipped(table=table, wait_seconds=seconds):
                self._set(table, state="LOCKED", message=f"still locked after {seconds:g} s")
                say(pair, f"{table} stayed locked for {seconds:g} s; it comes in the end", "", self._pool)
            case events.ChunkCopied(table=table, rows=rows):
                self._through[str(table)] += rows
            case events.Copied(table=table, rows=rows, bytes=size):
                self._set(table, state="COPIED", rows=rows, bytes=size, ended_at=timezone.now(), message="")
            case events.Vanished(table=table):
                self._set(table, state="GONE", ended_at=timezone.now(), message="dropped on the source")
            case events.PutOff(table=table, reason=reason):
                self._set(table, state="WAITING", message=reason)
        connection.close()

    def _set(self, table: object, **values: object) -> None:
        schema, name = table.schema, table.name  # type: ignore[attr-defined]
        TableCopy.objects.update_or_create(pool=self._pool, schema=schema, name=name, defaults=values)
        doorbell.notify(self._pool.pair_id)

    def _show(self, table: TableCopy, rows: int, size: int) -> None:
        """Chunks that are through have left the copy's view; what they reported is added."""
        through = self._through[str(table)]
        TableCopy.objects.filter(pk=table.pk).exclude(state="COPIED").update(
            state="COPYING", rows=rows + through, bytes=size, started_at=table.started_at or timezone.now()
        )

    def _watch(self) -> None:
        try:
            with connect(self._conninfo, "copy progress") as session:
                while not self._ended.wait(_EVERY_SECONDS):
                    running = copying(session)
                    for table in self._pool.table_copies.exclude(state__in=("COPIED", "GONE", "LATER")):
                        if str(table) in running:
                            self._show(table, *running[str(table)])
                    doorbell.notify(self._pool.pair_id)
        finally:
            connection.close()

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(5)
