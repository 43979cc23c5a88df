"""Proof that both nodes are equal: carrying out a compare; that of a role swap."""

import threading
import time
from collections.abc import Collection, Iterable
from typing import Any

from django.utils import timezone

from mwaportal import doorbell
from nodes.postgres import criteria, lsn
from nodes.postgres.connect import Connection, connect, one
from tracking.compare.database import compare_database, listed
from tracking.compare.results import TableName, TableResult
from tracking.compare.sides import kept
from tracking.mirror.swap import SwapRefused
from tracking.models import CompareResult, CompareRun

from .beat import Beat
from .poolruntime import PoolRuntime
from .say import say, took
from .tended import Tended

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


def run(
    compare: CompareRun, runtime: PoolRuntime, tables: Iterable[tuple[str, str]] | None, stop: threading.Event
) -> None:
    """Carry out a compare and keep its verdicts, while writing goes on; without `tables` those of its scope.

    One that `stop` ends is not ended here: it begins again with the next engine.
    """
    route, name, began = runtime.route, runtime.pool.slot(), time.monotonic()
    with connect(route.primary_conninfo, "compare position") as session:
        written, left_out = _counters(session), criteria.left_out(session)
        wanted = _within(compare, runtime, left_out) if tables is None else list(tables)
        progress = Progress(len(wanted))
        with Beat(compare, runtime.pool.pair_id, progress.figures, stop) as beat:
            results = compare_database(
                route.primary_conninfo, route.secondary_conninfo,
                tables=wanted, keys=_rows_only(compare), jobs=route.jobs, stop=beat.halt,
                caught_up=lambda position: bool(one(session, _ARRIVED, (lsn.render(position), name))),
                progress=progress.table,
            )  # fmt: skip
            for result in results:
                counter = written.get((result.table.schema, result.table.name), 0)
                _keep(compare, result, -1 if compare.keys else counter)
                progress.done(result)
    if stop.is_set():
        return  # not all of it was compared
    compare.refresh_from_db(fields=["stopped_by"])
    if not wanted and compare.why == CompareRun.Why.SWAP:
        compare.message = "nothing was written since both nodes were found equal last"
    elif not wanted:
        compare.message = f"neither node has a table that is mirrored and among {compare.of}"
    _end(compare, progress)
    took(began, f"{compare} has ended", runtime.pool)


def _within(
    compare: CompareRun, runtime: PoolRuntime, left_out: Collection[tuple[str, str]]
) -> list[tuple[str, str]]:
    if compare.name:
        return [(compare.schema, compare.name)]
    both = runtime.route.primary_conninfo, runtime.route.secondary_conninfo
    return [table for table in listed(*both, left_out) if compare.schema in ("", table.schema)]


def _rows_only(compare: CompareRun) -> dict[tuple[str, str], list[str]]:
    return {(compare.schema, compare.name): compare.keys} if compare.keys else {}


def _end(compare: CompareRun, progress: "Progress") -> None:
    for name, value in progress.figures().items():
        setattr(compare, name, value)
    compare.end()
    compare.ended_at = compare.progress_at = timezone.now()
    compare.save(update_fields=[*progress.figures(), "verdict", "message", "ended_at", "progress_at"])
    if compare.verdict == "DIFFERENT" and compare.why != CompareRun.Why.SWAP:
        differing = compare.results.filter(verdict="DIFFERENT")
        first, count = differing[0], differing.count()
        tables = "1 table differs" if count == 1 else f"{count} tables differ"
        said = (
            f"Compare {compare.pk} of {compare.of}: {tables} between the nodes. The first: {_in_words(first)}"
        )
        say(compare.pool.pair, said, "CONFLICT", compare.pool)
    doorbell.notify(compare.pool.pair_id)


class Progress:
    """How far a compare is; told by several threads."""

    def __init__(self, tables: int) -> None:
        self._lock = threading.Lock()
        self._tables, self._done, self._rows = tables, 0, 0
        self._current: dict[TableName, tuple[int, int]] = {}

    def table(self, table: TableName, rows: int, expected: int) -> None:
        """So many rows of a table, of about so many."""
        with self._lock:
            self._current[table] = rows, expected

    def done(self, result: TableResult) -> None:
        """A table is through."""
        with self._lock:
            self._current.pop(result.table, None)
            self._done += 1
            self._rows += result.rows_compared

    def figures(self) -> dict[str, Any]:
        """As the row of the compare has them."""
        with self._lock:
            current = [[str(table), *counts] for table, counts in sorted(self._current.items())]
            rows = self._rows + sum(rows for rows, _ in self._current.values())
            return {"tables": self._tables, "tables_done": self._done, "rows": rows, "current": current}


def compare_changed(runtimes: list[PoolRuntime]) -> None:
    """Before a role swap: compare what was written since it was last found equal; raises `SwapRefused`."""
    for runtime in runtimes:
        changed = _changed_since_equal(runtime)
        # Never without an end: whoever died in it has not left one that somebody waits for.
        now = timezone.now()
        compare = CompareRun.objects.create(
            pool=runtime.pool, why=CompareRun.Why.SWAP, started_at=now, ended_at=now
        )
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
    results = CompareResult.objects.filter(run__pool=runtime.pool)
    newest = results.order_by("schema", "name", "-id").distinct("schema", "name")
    last = {
        (schema, name): written if verdict == "EQUAL" else -1
        for schema, name, verdict, written in newest.values_list("schema", "name", "verdict", "written")
    }
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
        differences=kept(result.differences),
        written=written,
        seconds=result.seconds,
    )
