"""How far what is running on the copy has come, asked of the copy itself."""

from dataclasses import dataclass
from datetime import datetime

from nodes.postgres.connect import Connection

from .restore import RESTORING

_COPYING = """
    select n.nspname || '.' || c.relname, sum(p.tuples_processed)::bigint, sum(p.bytes_processed)::bigint
    from pg_stat_progress_copy p
    join pg_stat_activity a using (pid)
    join pg_class c on c.oid = p.relid
    join pg_namespace n on n.oid = c.relnamespace
    where p.datname = current_database() and p.command = 'COPY FROM'
      and a.application_name like 'mwa save copy %'
    group by 1
    having sum(p.bytes_processed) > 0  -- the copy has begun where the source still waits for a lock
"""


def copying(copy: Connection) -> dict[str, tuple[int, int]]:
    """Rows and bytes of the stream so far by table (as `str(Table)`), of the chunks that run now.

    Chunks that are through have left this view; they have been reported as `ChunkCopied`.
    """
    return {table: (rows, size) for table, rows, size in copy.execute(_COPYING).fetchall()}


_BUILDING = """
    select n.nspname || '.' || c.relname, btrim(left(a.query, 200), E' \n'), p.phase,
           nullif(p.blocks_total, 0), p.blocks_done, nullif(p.tuples_total, 0), p.tuples_done, a.query_start
    from pg_stat_progress_create_index p
    join pg_stat_activity a using (pid)
    join pg_class c on c.oid = p.relid
    join pg_namespace n on n.oid = c.relnamespace
    where p.datname = current_database() and a.application_name = %s
    order by a.query_start, p.pid
"""


@dataclass(frozen=True)
class Building:
    """An index that is being built now; which one, the statement says: while it is built the view does not.

    `part` is how much of the present phase is done, None where the server does not say.
    """

    table: str
    statement: str
    phase: str
    part: float | None
    since: datetime


def building(copy: Connection) -> list[Building]:
    """The indexes that a restore is building now, the oldest first."""
    found = []
    for table, query, phase, blocks, blocks_done, tuples, tuples_done, since in copy.execute(
        _BUILDING, (f"mwa {RESTORING}",)
    ).fetchall():
        part = tuples_done / tuples if tuples else blocks_done / blocks if blocks else None
        found.append(Building(table, query, phase, min(1.0, part) if part is not None else None, since))
    return found
