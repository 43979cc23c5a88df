"""Compare the tables of a database, several at a time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event, local

from nodes.postgres.connect import Connection, Unreachable, connect
from tracking.compare.recheck import CaughtUp
from tracking.compare.results import CompareOptions, TableName, TableResult
from tracking.compare.table import Progress, compare_table

_POLL_SECONDS = 0.1
# As nodes.postgres.catalog, but it asks no table for its size, which would wait for a locked one.
_TABLES = """
    select n.nspname, c.relname, c.relpages
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
      and not exists (select from pg_depend d
                      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
"""


def compare_database(
    source_conninfo: str,
    copy_conninfo: str,
    options: CompareOptions | None = None,
    *,
    tables: Collection[tuple[str, str]] | None = None,
    keys: Mapping[tuple[str, str], Sequence[str]] | None = None,
    skip: Collection[tuple[str, str]] = (),
    jobs: int = 2,
    caught_up: CaughtUp | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
) -> Iterator[TableResult]:
    """Compare all tables that either node has, or those given, `jobs` at a time, the largest first.

    Those in `skip` are left out of all. Of a table in `keys` only the rows with these are compared.

    Results come as they are ready. Each job has a session of its own on each node. `caught_up` and
    `progress` are called from several threads (see `compare_table`). After `stop`, or when the iterator is
    closed, running statements are cancelled and no more results come. Raises `Unreachable` where a node
    cannot be reached at the start; later that is a table's result.
    """
    names = (
        [TableName(*table) for table in tables]
        if tables is not None
        else listed(source_conninfo, copy_conninfo, skip)
    )
    halt = Event()
    sessions = _Sessions(source_conninfo, copy_conninfo)

    def compare(table: TableName) -> TableResult:
        try:
            source, copy = sessions.get()
        except Unreachable as error:
            return TableResult(table, "not comparable", str(error))
        return compare_table(
            source, copy, table, options,
            keys=(keys or {}).get(table), caught_up=caught_up, progress=progress, stop=halt,
        )  # fmt: skip

    threads = ThreadPoolExecutor(jobs, thread_name_prefix="mwa compare")
    try:
        yield from _as_ready({threads.submit(compare, name) for name in names}, stop)
    finally:
        halt.set()
        threads.shutdown(cancel_futures=True)
        sessions.close()


def _as_ready(pending: set[Future[TableResult]], stop: Event | None) -> Iterator[TableResult]:
    while pending and not (stop and stop.is_set()):
        done, pending = wait(pending, _POLL_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def listed(
    source_conninfo: str, copy_conninfo: str, skip: Collection[tuple[str, str]] = ()
) -> list[TableName]:
    """The tables that either node has, but for those in `skip`, the largest first; raises `Unreachable`."""
    pages: dict[TableName, int] = {}
    for conninfo in (source_conninfo, copy_conninfo):
        with connect(conninfo, "compare") as connection:
            for schema, name, size in connection.execute(_TABLES):
                if (schema, name) not in skip:
                    pages[TableName(schema, name)] = max(size, pages.get(TableName(schema, name), 0))
    return sorted(pages, key=lambda name: (-pages[name], name))


class _Sessions:
    """A session on each node for every thread, opened again where it was lost."""

    def __init__(self, source_conninfo: str, copy_conninfo: str) -> None:
        self._conninfos = {"source": source_conninfo, "copy": copy_conninfo}
        self._of_thread = local()
        self._opened: list[Connection] = []

    def get(self) -> tuple[Connection, Connection]:
        """This thread's sessions on the source and the copy; raises `Unreachable`."""
        return self._usable("source"), self._usable("copy")

    def close(self) -> None:
        """Close them all."""
        for connection in self._opened:
            connection.close()

    def _usable(self, node: str) -> Connection:
        connection: Connection | None = getattr(self._of_thread, node, None)
        if connection is None or connection.closed:
            connection = connect(self._conninfos[node], "compare")
            setattr(self._of_thread, node, connection)
            self._opened.append(connection)
        return connection
