"""How far what is running on the copy has come, asked of the copy itself."""

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


def copying(copy: Connection) -> dict[str, tuple[int, int]]:
    """Rows and bytes of the stream so far by table (as `str(Table)`), of the chunks that run now.

    Chunks that are through have left this view; they have been reported as `ChunkCopied`.
    """
    return {table: (rows, size) for table, rows, size in copy.execute(_COPYING).fetchall()}
