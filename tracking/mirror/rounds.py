"""Work off sheets of the object tracking list with several sessions on each node at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType

from psycopg import sql

from nodes.postgres import catalog
from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, connect

from . import keylist, refresh
from .keylist import Owed
from .refresh import Listed, RefreshFailed

Name = tuple[str, str]
_SMALL_ROWS = 20_000
_ROWS_PER_TABLE = 50  # planning a table's statements takes as long as bringing so many rows
_SMALLEST_ROW = 28  # bytes
_LOCK_TIMEOUT = "10s"  # while we wait on the copy, the source keeps its log
_FLUSH = """
    begin; set local synchronous_commit = local; select pg_logical_emit_message(true, 'mwa', 'flush'); commit
"""


@dataclass(frozen=True)
class Known:
    """The tables of both nodes by schema and name."""

    source: dict[Name, Table]
    copy: dict[Name, Table]


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

    def tables(self) -> Known:
        """What both nodes hold now."""
        first = self._all[0]
        return Known(_by_name(first.source), _by_name(first.copy))

    def refresh(self, owed: list[Owed], snapshot: str | None, known: Known | None = None) -> int:
        """Bring everything owed, as of `snapshot` (None: as of now), durably; returns the rows brought.

        `known` spares reading the catalogs where nothing can have changed them. Raises `RefreshFailed`
        after all tables have been tried; those that worked have been brought.
        """
        if not owed:
            return 0
        try:
            return self.bring(owed, snapshot, known or self.tables())
        finally:
            self.flush()

    def bring(self, owed: list[Owed], snapshot: str | None, known: Known) -> int:
        """The same, but durable only after `flush`."""

        def work(group: list[Owed]) -> int:
            sessions = self._free.get()
            try:
                return _bring(sessions, group, known, snapshot)
            finally:
                self._free.put(sessions)

        failures, rows = [], 0
        with ThreadPoolExecutor(len(self._all)) as threads:
            for result in [threads.submit(work, group) for group in _groups(owed, known, len(self._all))]:
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


def _groups(owed: list[Owed], known: Known, count: int) -> list[list[Owed]]:
    """What goes in one conversation: a large table alone, of the small ones as many groups as workers."""
    sized = [(_rows(table, known), table) for table in owed]
    large = [[table] for rows, table in sized if rows > _SMALL_ROWS]
    groups: list[list[Owed]] = [[] for _ in range(count)]
    filled = [0] * count
    for rows, table in sorted((s for s in sized if s[0] <= _SMALL_ROWS), key=lambda s: -s[0]):
        least = filled.index(min(filled))
        groups[least].append(table)
        filled[least] += rows + _ROWS_PER_TABLE
    return large + [group for group in groups if group]


def _rows(owed: Owed, known: Known) -> int:
    """About how many rows have to be brought."""
    table = known.source.get((owed.schema, owed.table))
    if not owed.whole_reason or table is None:
        return owed.keys
    # The planner's estimate is -1 for a table that was never analyzed: then by its size.
    return table.rows if table.rows >= 0 else table.bytes // _SMALLEST_ROW


def _bring(sessions: Sessions, group: list[Owed], known: Known, snapshot: str | None) -> int:
    there = []
    for owed in group:
        table = known.source.get((owed.schema, owed.table))
        if table is not None:  # else it was dropped, and its definition change is on the list
            same_definition(table, known.copy.get((owed.schema, owed.table)))
            there.append((owed, table))
    whole, listed = split(sessions.portal, there)
    source = sessions.source
    with source.transaction():
        source.execute("set transaction isolation level repeatable read, read only")
        if snapshot:
            source.execute(sql.SQL("set transaction snapshot {}").format(snapshot))
        return refresh.bring(source, sessions.copy, whole, listed)


def split(portal: Connection, owed: list[tuple[Owed, Table]]) -> tuple[list[Table], list[Listed]]:
    """The tables that go whole, and the others with their listed keys."""
    whole = [table for entry, table in owed if not _by_key(entry, table)]
    by_key = [(entry, table) for entry, table in owed if _by_key(entry, table)]
    keys = keylist.keys(portal, [entry for entry, _ in by_key])
    return whole, [Listed(table, entry.key_columns, keys[entry]) for entry, table in by_key]


def _by_key(owed: Owed, table: Table) -> bool:
    return not owed.whole_reason and table.tracked_by_key


def _by_name(connection: Connection) -> dict[Name, Table]:
    return {(table.schema, table.name): table for table in catalog.tables(connection)}


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
