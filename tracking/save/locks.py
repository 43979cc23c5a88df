"""Who holds the tables that a save is waiting for."""

from collections.abc import Iterable
from types import TracebackType

import psycopg

from nodes.postgres.catalog import Table
from nodes.postgres.connect import connect

from .events import Report, Waiting

_BLOCKED = """
    select right(w.application_name, -length('mwa save copy '))::oid,
           array(select format('pid %s (%s, %s)', b.pid, b.usename,
                        coalesce(nullif(b.application_name, ''), b.backend_type))
                 from pg_stat_activity b where b.pid = any (pg_blocking_pids(w.pid)) order by b.pid),
           coalesce((select min(l.waitstart) from pg_locks l where l.pid = w.pid and not l.granted),
                    clock_timestamp())
    from pg_stat_activity w
    where w.datname = current_database() and w.application_name like 'mwa save copy %'
      and w.wait_event_type = 'Lock'
"""


class Watch:
    """Says once for each table of a pass that it is waited for, and for whom."""

    def __init__(self, source_conninfo: str, report: Report) -> None:
        self._session = connect(source_conninfo, "save watch")
        self._report = report
        self._said: set[int] = set()

    def look(self, tables: Iterable[Table]) -> None:
        """Report what is newly waited for."""
        try:
            rows = self._session.execute(_BLOCKED).fetchall()
        except psycopg.Error:
            return  # the source has gone: those who copy from it say so
        blocked = {oid: (tuple(blockers), since) for oid, blockers, since in rows}
        for table in tables:
            if table.oid in blocked and table.oid not in self._said:
                self._said.add(table.oid)
                self._report(Waiting(table, *blocked[table.oid]))

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()
