"""Materialized views: they are not copied but made anew from the copy's own tables."""

from graphlib import TopologicalSorter
from pathlib import Path

import psycopg
from psycopg import sql

from nodes.postgres import criteria
from nodes.postgres.connect import Connection, connect

from .failure import DefinitionFailed
from .route import connect_copy

_VIEWS = Path(__file__).with_name("views.sql").read_text()
_PURPOSE = "save views"


def refresh_materialized_views(source_conninfo: str, copy_conninfo: str) -> list[str]:
    """Refresh those that hold rows on the source, each after those that it reads; returns their names.

    To be called when the copy's tables are complete; may be called again. What a view reads through a
    function is not known to PostgreSQL. Raises `DefinitionFailed`.
    """
    with connect(source_conninfo, _PURPOSE) as source:
        out = criteria.unmirrored(source)
        views = in_reading_order(source).items()
        order = [view for view, holds_rows in views if holds_rows and view not in out]
    with connect_copy(copy_conninfo, _PURPOSE) as copy:
        for view in order:
            try:
                copy.execute(sql.SQL("refresh materialized view {}").format(sql.Identifier(*view)))
            except psycopg.Error as error:
                raise DefinitionFailed(f"materialized view {'.'.join(view)}", str(error).strip()) from error
    return [".".join(view) for view in order]


def in_reading_order(connection: Connection) -> dict[tuple[str, str], bool]:
    """All materialized views, each after those that it reads, with whether it holds rows."""
    rows = connection.execute(_VIEWS).fetchall()
    populated = {(schema, name): holds_rows for schema, name, holds_rows, _ in rows}
    reads = {(schema, name): {(each[0], each[1]) for each in needed} for schema, name, _, needed in rows}
    return {view: populated[view] for view in TopologicalSorter(reads).static_order()}
