"""A save while active: every table of a database brought to the copy while the source is written to.

Whoever calls it tracks every change by key from before the first checkpoint on; so each table need only
be what *some* snapshot after that shows.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Collection
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import psycopg

from nodes.postgres import catalog
from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, Unreachable, connect

from .attempt import Attempt, Means
from .copy import Gone, Locked, Stopped
from .events import Event, Report
from .locks import Watch
from .plan import TablePlan, plan
from .route import COPYING, Route, connect_copy, end_sessions
from .snapshot import SYNCLIB, SYSDFN, Checkpoints, Scope, scope_of

_PASSES = 4  # the first, and three more for what was locked
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class SaveOptions:
    """How to save. `savactwait_seconds` None is *NOMAX; a table larger than `split_bytes` is split."""

    savact: str = SYNCLIB
    savactwait_seconds: float | None = 120  # IBM i's default for object locks
    jobs: int = 2
    split_bytes: int = 1 << 30


@dataclass
class Saved:
    """What became of the tables.

    A skipped one could not be copied in any pass; it is to be saved again. A new one was made after the
    definitions had been read, so the copy has none for it; of a changed one the columns are others by now.
    """

    copied: list[Table] = field(default_factory=list)
    skipped: list[Table] = field(default_factory=list)
    vanished: list[Table] = field(default_factory=list)
    new: list[Table] = field(default_factory=list)
    changed: list[Table] = field(default_factory=list)
    stopped: bool = False


def save(
    source_conninfo: str,
    copy_conninfo: str,
    options: SaveOptions,
    finished: Collection[int],
    report: Report,
    stop: threading.Event | None = None,
) -> Saved:
    """Copy every table but those whose oids are in `finished`; the copy has its definitions, no indexes.

    A table is finished, and durable on the copy, once `Copied` has been reported; of all others the
    next call begins anew. `report` is called by one thread at a time, from threads of our own. When
    `stop` is set, what runs is broken off within a second.

    Raises `CopyFailed`, which names the table and has the server's message, `Unreachable` or a psycopg error.
    """
    route = Route.between(source_conninfo, copy_conninfo, options.savactwait_seconds)
    reporting = threading.Lock()

    def say(event: Event) -> None:
        with reporting:
            report(event)

    with connect_copy(copy_conninfo, "save") as copy:
        end_sessions(copy, COPYING)
        plans, new, changed = _wanted(source_conninfo, copy, options, finished)
        checkpoints = Checkpoints(source_conninfo, say)
        means = Means(route, checkpoints, copy, say, threading.Event())
        try:
            saved = _passes(means, options, plans, stop or threading.Event())
        finally:
            checkpoints.close()
            if means.halt.is_set():
                _end_all_sessions(source_conninfo, copy_conninfo)
    saved.new, saved.changed = new, changed
    return saved


def _wanted(
    source_conninfo: str, copy: Connection, options: SaveOptions, finished: Collection[int]
) -> tuple[list[TablePlan], list[Table], list[Table]]:
    """What is to be copied, which tables the copy does not know, and which have other columns there."""
    defined = {(table.schema, table.name): table for table in catalog.tables(copy)}
    with connect(source_conninfo, "save") as source:
        end_sessions(source, COPYING)
        tables = [table for table in catalog.tables(source) if table.oid not in finished]
        new = [table for table in tables if (table.schema, table.name) not in defined]
        known = [table for table in tables if (table.schema, table.name) in defined]
        changed = [table for table in known if _misfit(table, defined[table.schema, table.name])]
        fitting = [table for table in known if table not in changed]
        return plan(source, fitting, options.split_bytes), new, changed


def _misfit(table: Table, there: Table) -> bool:
    return bool(catalog.misfit(table.type_by_column, there.type_by_column))


def _end_all_sessions(*conninfos: str) -> None:
    for conninfo in conninfos:
        with contextlib.suppress(Unreachable, psycopg.Error), connect(conninfo, "save") as node:
            end_sessions(node, COPYING)


def _passes(means: Means, options: SaveOptions, plans: list[TablePlan], stop: threading.Event) -> Saved:
    saved = Saved()
    alone: set[int] = set()
    for _ in range(_PASSES):
        attempts = _in_order(means, plans, options.savact, alone)
        _one_pass(means, attempts, options.jobs, stop)
        saved.copied += [attempt.table for attempt in attempts if attempt.finished]
        saved.vanished += [attempt.table for attempt in attempts if isinstance(attempt.hindrance, Gone)]
        again = [a for a in attempts if not a.finished and not isinstance(a.hindrance, Gone)]
        alone |= {a.table.oid for a in again if not isinstance(a.hindrance, Locked)}
        plans = [attempt.planned for attempt in again]
        saved.stopped = means.halt.is_set()
        if not plans or saved.stopped:
            break
    saved.skipped = [planned.table for planned in plans]
    return saved


def _in_order(means: Means, plans: list[TablePlan], savact: str, alone: set[int]) -> list[Attempt]:
    """The largest first, but what shares a checkpoint together: a snapshot is not to be held for long."""
    attempts = []
    sizes: Counter[Scope] = Counter()
    for planned in plans:
        table = planned.table
        scope = scope_of(SYSDFN if table.oid in alone else savact, table.schema, table.name)
        sizes[scope] += table.bytes
        attempts.append(Attempt(means, planned, scope))
    return sorted(attempts, key=lambda each: (-sizes[each.scope], each.scope, -each.table.bytes))


def _one_pass(means: Means, attempts: list[Attempt], jobs: int, stop: threading.Event) -> None:
    """Try every table once. Raises what a worker has raised first, after all have ended."""
    failure: BaseException | None = None
    with Watch(means.route.source, means.report) as watch, ThreadPoolExecutor(jobs) as pool:
        running: set[Future[None]] = {
            pool.submit(attempt.run, chunk) for attempt in attempts for chunk in attempt.planned.chunks
        }
        while running:
            done, running = wait(running, _LOOK_SECONDS, FIRST_EXCEPTION)
            for future in done:
                if error := future.exception():
                    means.halt.set()
                    failure = failure or (None if isinstance(error, Stopped) else error)
            if stop.is_set():
                means.halt.set()
            watch.look([attempt.table for attempt in attempts])
    if failure:
        raise failure
