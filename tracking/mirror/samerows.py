"""Whether listed rows are the same on both nodes, in one round trip to each: for the time under a fence."""

from concurrent.futures import ThreadPoolExecutor

from psycopg import sql

from nodes.postgres.connect import Connection
from tracking.compare.hashing import row_hash
from tracking.compare.session import BY_INDEX, read
from tracking.compare.shape import Subject

from . import keysql
from .refresh import Listed


def same_rows(source: Connection, copy: Connection, listed: list[Listed]) -> list[str]:
    """Count and hash the rows of each table's keys on both nodes; returns the tables that differ."""
    parts = [_part(number, entry, batch) for number, entry in enumerate(listed) for batch in entry.batches]
    if not parts:
        return []
    query = sql.SQL(" union all ").join(parts)
    with ThreadPoolExecutor(2) as threads:
        here, there = threads.map(lambda session: sorted(read(session, query, BY_INDEX)), (source, copy))
    differing = {row[0] for row in set(here) ^ set(there)}
    return [f"{listed[number].table} (among the rows brought last)" for number in sorted(differing)]


def _part(number: int, entry: Listed, batch: list[str]) -> sql.Composed:
    subject = Subject.of(entry.table)
    return sql.SQL("select {}, count(*), coalesce(sum({}), 0) from {} join {}").format(
        number, row_hash(subject.columns), subject.relation,
        keysql.join(entry.table, entry.key_columns, batch),
    )  # fmt: skip
