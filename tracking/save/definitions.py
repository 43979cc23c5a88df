"""The definitions of a database: everything before its data, and everything after."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from psycopg import sql

from nodes.postgres import catalog
from nodes.postgres.connect import Connection, connect, one

from . import foreign_keys, large
from .archive import Archive, Facts, read_addresses, read_left_out
from .dumping import pg_dump
from .failure import DefinitionFailed
from .indexes import build_indexes
from .restore import RESTORING, restore
from .route import connect_copy, end_sessions
from .snapshot import Checkpoint

__all__ = ["DefinitionFailed", "definitions_in", "dump", "restore_post_data", "restore_pre_data"]

Progress = Callable[[str, int, int], None]  # what is being made, how many are done, how many there are
_INDEX_KINDS = ("INDEX ", "INDEX ATTACH ", "CONSTRAINT ")


def dump(
    source_conninfo: str, directory: Path, snapshot: str | None = None, lock_wait_seconds: float = 120
) -> Path:
    """Write the source's definitions into the directory; returns the archive.

    Schema mwa, and publications, subscriptions and event triggers called mwa or mwa_*, are left out.
    Raises `DefinitionFailed`, also when a table stays locked for `lock_wait_seconds`, or `Unreachable`.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    archive = Archive(directory / "definitions.dump")
    with ExitStack() as stack:
        held = snapshot or stack.enter_context(Checkpoint(source_conninfo)).name
        pg_dump(source_conninfo, archive, lock_wait_seconds, f"--snapshot={held}", "--exclude-schema=mwa")
        source = stack.enter_context(connect(source_conninfo, "save definitions"))
        source.execute("begin isolation level repeatable read read only")
        source.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(held)))
        _facts(source, archive).save(archive.facts_path)
    return archive.path


def restore_pre_data(archive_path: Path, copy_conninfo: str) -> bool:
    """Make everything that has to be there before the data, in one transaction.

    Returns False where an earlier call has done it. Raises `DefinitionFailed`, with nothing made.
    """
    archive = Archive(archive_path)
    entries = archive.entries("pre-data")
    with connect(copy_conninfo, "save") as copy:
        end_sessions(copy, RESTORING)
        if archive.restored(copy, entries):
            return False
    restore(archive, copy_conninfo, entries)
    return True


def restore_post_data(
    archive_path: Path, copy_conninfo: str, jobs: int, progress: Progress = lambda what, done, of: None
) -> None:
    """Make what comes after the data: indexes `jobs` at a time, foreign keys NOT VALID, the rest.

    What is there already is kept, so it can be called again after a kill. Raises `DefinitionFailed`.
    """
    archive = Archive(archive_path)
    entries = archive.entries("post-data")
    others = {entry.id for entry in entries if not entry.what.startswith(_INDEX_KINDS)}
    # A materialized view that needs a primary key comes after the data too, and its indexes after it
    indexes = [entry for entry in entries if entry.id not in others and not entry.depends & others]
    rest = [entry for entry in entries if entry not in indexes]
    with connect_copy(copy_conninfo, "save") as copy:
        end_sessions(copy, RESTORING)
        build_indexes(archive, copy, copy_conninfo, indexes, jobs, progress)
        keys = [key for key in archive.facts.foreign_keys if key.at_once]
        progress("foreign keys", 0, len(keys))
        foreign_keys.create_not_valid(copy, keys)
        progress("foreign keys", len(keys), len(keys))
        progress("others", 0, len(rest))
        if not archive.restored(copy, rest):  # triggers, rules, policies, statistics, publications, comments
            restore(archive, copy_conninfo, rest)
        progress("others", len(rest), len(rest))


def definitions_in(archive_path: Path) -> list[int]:
    """The numbers of the source's definition changes that an archive has."""
    return Archive(archive_path).facts.definitions


def _changes(source: Connection) -> list[int]:
    rows = source.execute("select id from mwa.definition_changes where origin = mwa.node() order by id")
    return [row[0] for row in rows.fetchall()]


def _facts(source: Connection, archive: Archive) -> Facts:
    tracked = one(source, "select to_regclass('mwa.known') is not null")
    entries = archive.all_entries()
    return Facts(
        read_addresses(source, entries),
        foreign_keys.read(source),
        large.read_large(source, catalog.tables(source)),
        large.read_late(source),
        _changes(source) if tracked else [],
        read_left_out(source, entries) if tracked else [],
    )
