"""What is copied in which order: the biggest table first, large tables in ranges of their pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection

_TEXT_ONLY = (Path(__file__).with_name("text_only.sql")).read_text()
# pg_relation_size would wait for a locked table; relpages is the answer of the last vacuum or analyze.
_HEAP_PAGES = """
    select c.oid, case when c.oid in (select l.relation from pg_locks l
                                      where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock')
                       then c.relpages::bigint
                       else coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int end
    from pg_class c join pg_am a on a.oid = c.relam
    where c.oid = any (%s) and a.amname = 'heap'
"""


@dataclass(frozen=True)
class Chunk:
    """A range of a table's pages, `end_page` not included; the last range is open, for the table grows."""

    table: Table
    number: int
    of: int
    first_page: int = 0
    end_page: int | None = None
    binary: bool = True

    def __str__(self) -> str:
        return str(self.table) if self.of == 1 else f"{self.table} ({self.number} of {self.of})"


@dataclass(frozen=True)
class TablePlan:
    """A table and the chunks that it is copied in; all of them see the same snapshot."""

    table: Table
    chunks: tuple[Chunk, ...]


def plan(source: Connection, tables: Sequence[Table], split_bytes: int) -> list[TablePlan]:
    """How to copy the tables, biggest first; one larger than `split_bytes` is split.

    Only ordinary heaps are split: other table access methods need not give pages a meaning.
    """
    as_text = {row[0] for row in source.execute(_TEXT_ONLY, ([table.oid for table in tables],))}
    large = [table.oid for table in tables if table.bytes > split_bytes]
    pages: dict[int, int] = dict(source.execute(_HEAP_PAGES, (large,)).fetchall())
    return [
        TablePlan(table, _chunks(table, pages.get(table.oid, 0), split_bytes, table.oid not in as_text))
        for table in sorted(tables, key=lambda table: (-table.bytes, str(table)))
    ]


def _chunks(table: Table, pages: int, split_bytes: int, binary: bool) -> tuple[Chunk, ...]:
    wanted = min(-(-table.bytes // split_bytes), pages)  # a page is the least; TOAST counts, but has none
    if wanted < 2:
        return (Chunk(table, 1, 1, binary=binary),)
    starts = [pages * number // wanted for number in range(wanted)]
    ends = [*starts[1:], None]
    return tuple(
        Chunk(table, number, wanted, first, end, binary)
        for number, (first, end) in enumerate(zip(starts, ends, strict=True), 1)
    )
