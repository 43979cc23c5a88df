"""Proof that both nodes are equal: compares that somebody asked for, and those of a role swap."""

import logging
import threading
from collections.abc import Iterable

import psycopg
from django.db import DatabaseError, connection
from django.utils import timezone

from mwaportal import doorbell
from nodes.postgres import criteria, lsn
from nodes.postgres.connect import Connection, Unreachable, connect, one
from tracking.compare.database import compare_database
from tracking.compare.results import TableResult
from tracking.mirror.swap import SwapRefused
from tracking.models import CompareResult, CompareRun

from .poolruntime import PoolRuntime
from .tended import Tended

_log = logging.getLogger("mwa.engine")
_COUNTERS = """
    select s.schemaname::text, s.relname::text, s.n_tup_ins + s.n_tup_upd + s.n_tup_del
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where s.schemaname <> 'mwa' and c.relkind = 'r'  -- a partitioned parent has no rows of its own
"""
# While a capture of ours reads the slot, what is confirmed is on the list and not on the secondary.
_ARRIVED = """
    select s.confirmed_flush_lsn >= %s::pg_lsn and r.application_name not like 'mwa %%'
    from pg_replication_slots s join pg_stat_replication r on r.pid = s.active_pid where s.slot_name = %s
"""
_SHOWN = 20  # rows of a table that are kept with both versions


def run(
    compare: CompareRun, runtime: PoolRuntime, tables: Iterable[tuple[str, str]] | None, stop: threading.Event
) -> None:
    """Carry out a compare and keep its verdicts, while writing goes on."""
    route, name = runtime.route, runtime.pool.slot()
    with connect(route.primary_conninfo, "compare position") as session:
        written = _counters(session)
        results = compare_database(
            route.primary_conninfo, route.secondary_conninfo,
            tables=None if tables is None else list(tables), skip=criteria.left_out(session),
            jobs=route.jobs, stop=stop,
            caught_up=lambda position: bool(one(session, _ARRIVED, (lsn.render(position), name))),
        )  # fmt: skip
        for result in results:
            _keep(compare, result, written.get((result.table.schema, result.table.name), 0))
            doorbell.notify(runtime.pool.pair_id)
    if stop.is_set():
        return  # not all of it was compared
    compare.ended_at = timezone.now()
    compare.save(update_fields=["ended_at"])
    doorbell.notify(runtime.pool.pair_id)


def compare_changed(runtimes: list[PoolRuntime]) -> None:
    """Before a role swap: compare what was written since it was last found equal; raises `SwapRefused`."""
    for runtime in runtimes:
        changed = _changed_since_equal(runtime)
        # Never without an end: whoever died in it has not left one that somebody waits for.
        compare = CompareRun.objects.create(pool=runtime.pool, ended_at=timezone.now())
        with Tended(runtime, capture=False):
            run(compare, runtime, changed, threading.Event())
        differing = [_in_words(result) for result in compare.results.filter(verdict="DIFFERENT")]
        if differing:
            raise SwapRefused(f"the nodes differ: {'; '.join(differing)}")


def _in_words(result: CompareResult) -> str:
    """With what differs first, which is gone by the time somebody looks."""
    first = f", the first {result.differences[0]}" if result.differences else ""
    return f"{result}, {result.different_rows} of {result.rows} rows{first}"


def _changed_since_equal(runtime: PoolRuntime) -> list[tuple[str, str]]:
    """By the primary's own counters of written rows."""
    last: dict[tuple[str, str], int] = {}
    for result in CompareResult.objects.filter(run__pool=runtime.pool).order_by("id"):
        last[result.schema, result.name] = result.written if result.verdict == "EQUAL" else -1
    return [
        table for table, written in _counters(runtime.primary()).items() if last.get(table, -1) != written
    ]


def _counters(session: Connection) -> dict[tuple[str, str], int]:
    out = criteria.left_out(session)
    rows = session.execute(_COUNTERS).fetchall()
    return {(schema, name): written for schema, name, written in rows if (schema, name) not in out}


def _keep(compare: CompareRun, result: TableResult, written: int) -> None:
    CompareResult.objects.create(
        run=compare,
        schema=result.table.schema,
        name=result.table.name,
        verdict=result.verdict.upper(),
        reason=result.reason,
        rows=result.rows_compared,
        different_rows=result.difference_count,
        differences=[
            {"kind": row.kind, "key": row.key, "source": row.source, "copy": row.copy}
            for row in result.differences[:_SHOWN]
        ],
        written=written,
        seconds=result.seconds,
    )


class Compares:
    """The compares of one pair that people asked for, one at a time, beside the pair's loop."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def step(self, runtimes: list[PoolRuntime]) -> None:
        """Begin the next one where none is running and its pool is replicating."""
        if self._thread is not None and self._thread.is_alive():
            return
        for runtime in runtimes:
            asked = CompareRun.objects.filter(pool=runtime.pool, ended_at=None).order_by("id").first()
            if asked and (runtime.pool.state, runtime.pool.detail) == ("ACTIVE", "REPLICATING"):
                CompareResult.objects.filter(run=asked).delete()  # begun by an engine that died
                self._thread = threading.Thread(target=self._run, args=(asked, runtime), daemon=True)
                self._thread.start()
                return

    def stop(self) -> None:
        """End the one that is running; it begins again with the next engine."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self, asked: CompareRun, runtime: PoolRuntime) -> None:
        try:
            with runtime.at("COMPARE"):
                run(asked, runtime, None, self._stop)
        except (Unreachable, psycopg.Error, DatabaseError) as error:
            _log.warning("%s begins again: %s", asked, error)
        finally:
            connection.close()
