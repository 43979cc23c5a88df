"""Work off sheets of the object tracking list with several sessions on each node at once."""

from collections.abc import Callable
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
from .refresh import Refreshed, RefreshFailed


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
                        connect(copy_conninfo, "resync"),
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

    def refresh(
        self, owed: list[Owed], snapshot: str | None, report: Callable[[Refreshed], None] | None = None
    ) -> int:
        """Bring everything owed, as of `snapshot` (None: as of now); returns the rows brought.

        Raises `RefreshFailed` after all tables have been tried; those that worked have been brought.
        """

        def work(table: Owed) -> Refreshed:
            sessions = self._free.get()
            try:
                return _refresh_one(sessions, table, snapshot)
            finally:
                self._free.put(sessions)

        failures, rows = [], 0
        with ThreadPoolExecutor(len(self._all)) as threads:
            for result in [threads.submit(work, table) for table in owed]:
                try:
                    done = result.result()
                except RefreshFailed as error:
                    failures.append(str(error))
                    continue
                rows += done.rows
                if report:
                    report(done)
        if failures:
            raise RefreshFailed("; ".join(failures))
        return rows

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


def _refresh_one(sessions: Sessions, owed: Owed, snapshot: str | None) -> Refreshed:
    source = sessions.source
    with source.transaction():
        source.execute("set transaction isolation level repeatable read, read only")
        if snapshot:
            source.execute(sql.SQL("set transaction snapshot {}").format(snapshot))
        table = _table(source, owed)
        if table is None:
            return Refreshed(str(owed), 0, whole=False)  # dropped: its definition change is on the list
        same_definition(table, _table(sessions.copy, owed))
        if owed.whole_reason or not table.tracked_by_key:
            return refresh.whole(source, sessions.copy, table)
        batches = keylist.keys(sessions.portal, owed)
        return refresh.rows(source, sessions.copy, table, owed.key_columns, batches)


def _table(connection: Connection, owed: Owed) -> Table | None:
    return catalog.table(connection, owed.schema, owed.table)


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
