"""Work off sheets of the object tracking list with several sessions on each node at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import TypeVar

from psycopg import sql

from nodes.postgres import catalog, criteria
from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, connect

from . import keylist, refresh
from .keylist import Owed
from .refresh import Listed, RefreshFailed

Name = tuple[str, str]
T = TypeVar("T")
_SMALL_ROWS = 20_000
_ROWS_PER_TABLE = 50  # planning a table's statements takes as long as bringing so many rows
_SMALLEST_ROW = 28  # bytes
_LOCK_TIMEOUT = "10s"  # while we wait on the copy, the source keeps its log
_FLUSH = """
    begin; set local synchronous_commit = local; select pg_logical_emit_message(true, 'mwa', 'flush'); commit
"""


@dataclass(frozen=True)
class Known:
    """The mirrored tables of the source, and all of the copy, by schema and name."""

    source: dict[Name, Table]
    copy: dict[Name, Table]

    def still_there(self, owed: list[Owed]) -> list[tuple[Owed, Table]]:
        """Without those that were dropped (a definition change, and on the list) or are mirrored no longer.

        Raises `RefreshFailed` where a table is not the same on both nodes.
        """
        found = []
        for each in owed:
            name = (each.schema, each.table)
            if table := self.source.get(name):
                same_definition(table, self.copy.get(name))
                found.append((each, table))
        return found


@dataclass(frozen=True)
class Sessions:
    """One worker's sessions."""

    source: Connection
    copy: Connection
    portal: Connection

    def close(self) -> None:
        """Close all three."""
        for session in (self.source, self.copy, self.portal):
            session.close()


class Workers:
    """Sessions opened beforehand: under a fence nobody, not even we, can open a new one."""

    def __init__(self, source_conninfo: str, copy_conninfo: str, portal_conninfo: str, count: int) -> None:
        self._free: SimpleQueue[Sessions] = SimpleQueue()
        self._all: list[Sessions] = []
        try:
            for _ in range(count):
                self._all.append(
                    Sessions(
                        connect(source_conninfo, "resync", enable_seqscan="off"),
                        connect(
                            copy_conninfo,
                            "resync",
                            synchronous_commit="off",
                            session_replication_role="replica",
                            lock_timeout=_LOCK_TIMEOUT,
                        ),
                        connect(portal_conninfo, "resync"),
                    )
                )
                self._free.put(self._all[-1])
        except BaseException:
            self.close()
            raise

    def source_pids(self) -> set[int]:
        """Our sessions on the source: a fence must leave them alone."""
        return {sessions.source.info.backend_pid for sessions in self._all}

    @property
    def on_copy(self) -> Connection:
        """One of the sessions on the copy; not while the workers are at work."""
        return self._all[0].copy

    def tables(self) -> Known:
        """What both nodes hold now."""
        first = self._all[0]
        return Known(_by_name(criteria.tables(first.source)), _by_name(catalog.tables(first.copy)))

    def refresh(self, owed: list[Owed], snapshot: str, known: Known | None = None) -> int:
        """Bring everything owed, as of `snapshot`, durably; returns the rows brought.

        `known` spares reading the catalogs where nothing can have changed them. Raises `RefreshFailed`
        after all tables have been tried; those that worked have been brought.
        """
        if not owed:
            return 0
        both = known or self.tables()

        def bring(sessions: Sessions, group: list[Owed]) -> int:
            whole, listed = split(sessions.portal, both.still_there(group))
            with sessions.source.transaction():
                sessions.source.execute("set transaction isolation level repeatable read, read only")
                sessions.source.execute(sql.SQL("set transaction snapshot {}").format(snapshot))
                return refresh.bring(sessions.source, sessions.copy, whole, listed)

        try:
            return self._share(_groups(owed, [_rows(each, both) for each in owed], len(self._all)), bring)
        finally:
            self.flush()

    def bring(self, whole: list[Table], listed: list[Listed]) -> int:
        """The same for a source on which nobody writes, with keys that were read before.

        What was brought is durable only after `flush`.
        """
        items: list[Table | Listed] = [*whole, *listed]
        rows = [table.rows for table in whole] + [each.keys for each in listed]

        def bring(sessions: Sessions, group: list[Table | Listed]) -> int:
            tables = [each for each in group if isinstance(each, Table)]
            by_key = [each for each in group if isinstance(each, Listed)]
            return refresh.bring(sessions.source, sessions.copy, tables, by_key)

        return self._share(_groups(items, rows, len(self._all)), bring)

    def _share(self, groups: list[list[T]], bring: Callable[[Sessions, list[T]], int]) -> int:
        def work(group: list[T]) -> int:
            sessions = self._free.get()
            try:
                return bring(sessions, group)
            finally:
                self._free.put(sessions)

        failures, rows = [], 0
        with ThreadPoolExecutor(len(self._all)) as threads:
            for result in [threads.submit(work, group) for group in groups]:
                try:
                    rows += result.result()
                except RefreshFailed as error:
                    failures.append(str(error))
        if failures:
            raise RefreshFailed("; ".join(failures))
        return rows

    def flush(self) -> None:
        """The sessions commit asynchronously; one that does not takes all of them along."""
        self._all[0].copy.execute(_FLUSH)

    def close(self) -> None:
        """Close every session."""
        for sessions in self._all:
            sessions.close()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _groups(items: list[T], rows: list[int], count: int) -> list[list[T]]:
    """What goes in one conversation: a large table alone, of the small ones as many groups as workers."""
    groups: list[list[T]] = [[] for _ in range(count)]
    filled = [0] * count
    large = []
    for size, item in sorted(zip(rows, items, strict=True), key=lambda sized: -sized[0]):
        if size > _SMALL_ROWS:
            large.append([item])
            continue
        least = filled.index(min(filled))
        groups[least].append(item)
        filled[least] += size + _ROWS_PER_TABLE
    return large + [group for group in groups if group]


def _rows(owed: Owed, known: Known) -> int:
    """About how many rows have to be brought."""
    table = known.source.get((owed.schema, owed.table))
    if not owed.whole_reason or table is None:
        return owed.keys
    # The planner's estimate is -1 for a table that was never analyzed: then by its size.
    return table.rows if table.rows >= 0 else table.bytes // _SMALLEST_ROW


def split(portal: Connection, owed: list[tuple[Owed, Table]]) -> tuple[list[Table], list[Listed]]:
    """The tables that go whole, and the others with their listed keys."""
    whole = [table for entry, table in owed if not _by_key(entry, table)]
    by_key = [(entry, table) for entry, table in owed if _by_key(entry, table)]
    keys = keylist.keys(portal, [entry for entry, _ in by_key])
    return whole, [Listed(table, entry.key_columns, keys[entry]) for entry, table in by_key]


def _by_key(owed: Owed, table: Table) -> bool:
    return not owed.whole_reason and table.tracked_by_key


def _by_name(tables: list[Table]) -> dict[Name, Table]:
    return {(table.schema, table.name): table for table in tables}


def same_definition(source: Table, copy: Table | None) -> None:
    """Raise `RefreshFailed`, naming the columns, where the table is not the same on both nodes."""
    if copy is None:
        raise RefreshFailed(f"{source}: there is no such table on the copy")
    here = dict(zip(source.columns, source.types, strict=True))
    there = dict(zip(copy.columns, copy.types, strict=True))
    if here != there:
        differing = sorted(
            f"{name} (source: {here.get(name, 'not there')}, copy: {there.get(name, 'not there')})"
            for name in here.keys() | there.keys()
            if here.get(name) != there.get(name)
        )
        raise RefreshFailed(f"{source}: its columns differ: {', '.join(differing)}")
