"""Whether rows are the same on both nodes, in a round trip or two to each: for the time under a fence."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from psycopg import sql

from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection
from tracking.compare.hashing import row_hash
from tracking.compare.session import BY_INDEX, Rows, Settings, read
from tracking.compare.shape import Subject

from . import keysql
from .refresh import Listed


def same_rows(source: Connection, copy: Connection, whole: list[Table], listed: list[Listed]) -> list[str]:
    """Count and hash whole tables and the rows of listed keys on both nodes; returns what differs."""
    names = [str(table) for table in whole] + [f"{e.table} (among the rows brought last)" for e in listed]
    by_scan = [_part(number, table, sql.SQL("")) for number, table in enumerate(whole)]
    by_key = [
        _part(number, entry.table, _join(entry, batch))
        for number, entry in enumerate(listed, len(whole))
        for batch in entry.batches
    ]

    def hashes(session: Connection) -> Rows:
        return _hashes(session, by_scan, {}) + _hashes(session, by_key, BY_INDEX)

    with ThreadPoolExecutor(2) as threads:
        here, there = threads.map(hashes, (source, copy))
    differing = (Counter(here) - Counter(there)) + (Counter(there) - Counter(here))
    return [names[number] for number in sorted({row[0] for row in differing})]


def _hashes(session: Connection, parts: list[sql.Composed], settings: Settings) -> Rows:
    return read(session, sql.SQL(" union all ").join(parts), settings) if parts else []


def _join(entry: Listed, batch: list[str]) -> sql.Composed:
    return sql.SQL(" join {}").format(keysql.join(entry.table, entry.key_columns, batch))


def _part(number: int, table: Table, condition: sql.Composable) -> sql.Composed:
    subject = Subject.of(table)
    return sql.SQL("select {}, count(*), coalesce(sum({}), 0) from {}{}").format(
        number, row_hash(subject.columns), subject.relation, condition
    )
