"""Planner statistics for a copy that has just been filled."""

from psycopg import sql

from nodes.postgres.connect import connect

from .workers import each

# ANALYZE of a partitioned table goes through its partitions too.
_RELATIONS = """
    select n.nspname, c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm') and not c.relispartition and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema', 'mwa')
    order by c.relpages desc, 1, 2
"""
_PURPOSE = "save analyze"


def analyze(copy_conninfo: str, jobs: int) -> None:
    """ANALYZE every table of the copy, the largest first, `jobs` at a time; may be done again."""

    def one(relation: tuple[str, str]) -> None:
        with connect(copy_conninfo, _PURPOSE) as session:
            session.execute(sql.SQL("analyze {}").format(sql.Identifier(*relation)))

    with connect(copy_conninfo, _PURPOSE) as copy:
        relations: list[tuple[str, str]] = copy.execute(_RELATIONS).fetchall()
    each(relations, one, jobs)
