"""The parts a table is read in: short reads, so that neither a snapshot nor a lock is held for long."""

from typing import Any

from psycopg import sql

from tracking.compare.reads import Part
from tracking.compare.session import Nodes
from tracking.compare.shape import Shape, Subject

_PAGES_PER_CHUNK = 20  # read for the sample: the chunks' sizes then vary by about a fifth
_ROWS_PER_PAGE = 3  # taken from each of them
_PAGE_BYTES = 8192
# The rows' order within the sample is the node's own, as that of the ranges.
_SAMPLE = sql.SQL("""
    select s.key from (
        select array[{key}]::text[] as key, row_number() over (order by {order}) as number,
               count(*) over () as rows
        from {relation} tablesample system ({percent}) where random() < {share}) s
    where s.number % greatest(s.rows / {chunks}, 1) = 0 order by s.number""")


def expected_rows(nodes: Nodes, subject: Subject) -> int:
    """The planner's estimate of the source's rows, which looks at the table's size as it is now."""
    explain = sql.SQL("explain (format json) select from {}").format(subject.relation)
    plan: Any = nodes.on_source(explain, {})[0][0]
    return int(plan[0]["Plan"]["Plan Rows"])


def by_range(nodes: Nodes, subject: Subject, source: Shape, rows: int, chunk_rows: int) -> list[Part]:
    """Ranges of the key that hold about `chunk_rows` each, the first and the last one open."""
    chunks = -(-rows // chunk_rows)
    borders = _borders(nodes, subject, source, rows, chunks) if chunks > 1 else []
    lows, highs = [None, *borders], [*borders, None]
    return [Part.between(subject.key, low, high) for low, high in zip(lows, highs, strict=True)]


def _borders(nodes: Nodes, subject: Subject, source: Shape, rows: int, chunks: int) -> list[list[str]]:
    """Keys between the chunks, from a sample of the source's pages (5,000,000 rows: 10 ms).

    Walking the index instead (`offset chunk_rows limit 1`) gives even chunks, in 230 ms.
    """
    pages = max(source.bytes // _PAGE_BYTES, 1)
    references = [column.reference for column in subject.key]
    statement = _SAMPLE.format(
        key=sql.SQL(", ").join(sql.SQL("{}::text").format(reference) for reference in references),
        order=sql.SQL(", ").join(references),
        relation=subject.relation,
        percent=min(100.0, 100.0 * chunks * _PAGES_PER_CHUNK / pages),
        share=min(1.0, _ROWS_PER_PAGE * pages / rows),
        chunks=chunks,
    )
    return [key for (key,) in nodes.on_source(statement, {})]
