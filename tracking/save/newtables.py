"""Make tables on the copy that were created on the source after the definitions had been restored."""

from collections.abc import Collection
from pathlib import Path

from psycopg import sql

from nodes.postgres.catalog import Table
from nodes.postgres.connect import connect, one

from .archive import Archive, Entry
from .dumping import pg_dump
from .restore import restore

# A partition brings its indexes along and then joins a parent that has its own already: they are adopted.
# Were it to join first, it would be given new ones beside those that the archive has for it.
_LATE = ("TABLE ATTACH ", "INDEX ATTACH ", "FK CONSTRAINT ", "COMMENT ")
_ANCESTORS = """
    select distinct n.nspname::text, c.relname::text
    from unnest(%s::oid[]) t(oid), pg_partition_ancestors(t.oid) a
    join pg_class c on c.oid = a.relid join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'p'
"""


def define(
    source_conninfo: str, copy_conninfo: str, tables: Collection[Table], directory: Path,
    lock_wait_seconds: float = 120,
) -> None:  # fmt: skip
    """Make the tables with all that belongs to them, empty, in one transaction.

    Partitioned tables above them are made where the copy lacks them. Raises `DefinitionFailed`, with
    nothing made; so it does where a table needs a type or function that the copy lacks.
    """
    archive = Archive(directory / "tables.dump")
    parents = _missing_parents(source_conninfo, copy_conninfo, tables)
    chosen = [*parents, *(table.identifier for table in tables)]
    patterns = [f"--table={identifier.as_string()}" for identifier in chosen]
    pg_dump(source_conninfo, archive, lock_wait_seconds, "--no-publications", *patterns)
    restore(archive, copy_conninfo, sorted(archive.all_entries(), key=_rank))


def _rank(entry: Entry) -> int:
    return next((rank for rank, kind in enumerate(_LATE, 1) if entry.what.startswith(kind)), 0)


def _missing_parents(
    source_conninfo: str, copy_conninfo: str, tables: Collection[Table]
) -> list[sql.Identifier]:
    with connect(source_conninfo, "save definitions") as source:
        found = source.execute(_ANCESTORS, ([table.oid for table in tables],)).fetchall()
    parents = [sql.Identifier(schema, name) for schema, name in found]
    with connect(copy_conninfo, "save definitions") as copy:
        there = "select to_regclass(%s) is not null"
        return [parent for parent in parents if not one(copy, there, (parent.as_string(),))]
