"""How far what is running on the copy has come, asked of the copy itself."""

from dataclasses import dataclass

from nodes.postgres.connect import Connection

_COPYING = """
    select n.nspname || '.' || c.relname, sum(p.tuples_processed)::bigint, sum(p.bytes_processed)::bigint
    from pg_stat_progress_copy p
    join pg_stat_activity a using (pid)
    join pg_class c on c.oid = p.relid
    join pg_namespace n on n.oid = c.relnamespace
    where p.datname = current_database() and p.command = 'COPY FROM'
      and a.application_name like 'mwa save copy %'
    group by 1
"""
_INDEXING = """
    select n.nspname || '.' || c.relname, coalesce(i.relname, ''), p.phase,
           case when p.blocks_total > 0 then p.blocks_done::float / p.blocks_total
                when p.tuples_total > 0 then p.tuples_done::float / p.tuples_total else 0 end
    from pg_stat_progress_create_index p
    join pg_class c on c.oid = p.relid
    join pg_namespace n on n.oid = c.relnamespace
    left join pg_class i on i.oid = p.index_relid
    where p.datname = current_database()
    order by 1, 2
"""


@dataclass(frozen=True)
class IndexProgress:
    """An index that is being built. `part` is how much of `phase` is done, from 0 to 1."""

    table: str
    index: str  # empty until the index is visible to others
    phase: str
    part: float


def copying(copy: Connection) -> dict[str, tuple[int, int]]:
    """Rows and bytes of the stream so far by table (as `str(Table)`), of the chunks that run now.

    Chunks that are through have left this view; they have been reported as `ChunkCopied`.
    """
    return {table: (rows, size) for table, rows, size in copy.execute(_COPYING).fetchall()}


def indexing(copy: Connection) -> list[IndexProgress]:
    """The indexes that are being built now."""
    return [IndexProgress(*row) for row in copy.execute(_INDEXING).fetchall()]
