"""Whether rows are the same on both nodes, by one read or two on each: for the time under a fence."""

from collections import Counter
from typing import Any

from psycopg import sql

from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection
from tracking.compare.hashing import row_hash
from tracking.compare.session import BY_INDEX, read
from tracking.compare.shape import Subject

from . import keysql
from .refresh import Listed

Hashes = Counter[tuple[Any, ...]]


class LastRows:
    """Whole tables and rows by listed keys, to be counted and hashed on each node."""

    def __init__(self, whole: list[Table], listed: list[Listed]) -> None:
        self._names = [str(table) for table in whole]
        self._names += [f"{entry.table} (among the rows brought last)" for entry in listed]
        by_scan = [_part(number, table, sql.SQL("")) for number, table in enumerate(whole)]
        by_key = [
            _part(number, entry.table, _join(entry, batch))
            for number, entry in enumerate(listed, len(whole))
            for batch in entry.batches
        ]
        self._reads = [(_union(parts), how) for parts, how in ((by_scan, {}), (by_key, BY_INDEX)) if parts]

    def hashes(self, session: Connection) -> Hashes:
        """What a node holds of them."""
        return Counter(row for query, settings in self._reads for row in read(session, query, settings))

    def differing(self, here: Hashes, there: Hashes) -> list[str]:
        """Where two nodes differ."""
        return [self._names[number] for number in sorted({row[0] for row in (here - there) + (there - here)})]


def _union(parts: list[sql.Composed]) -> sql.SQL:
    """Put together once: for both nodes, and before it is needed."""
    return sql.SQL(sql.SQL(" union all ").join(parts).as_string())


def _join(entry: Listed, batch: list[str]) -> sql.Composed:
    return sql.SQL(" join {}").format(keysql.join(entry.table, entry.key_columns, batch))


def _part(number: int, table: Table, condition: sql.Composable) -> sql.Composed:
    subject = Subject.of(table)
    return sql.SQL("select {}, count(*), coalesce(sum({}), 0) from {}{}").format(
        number, row_hash(subject.columns), subject.relation, condition
    )
