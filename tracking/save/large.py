"""Indexes of large tables: all of one table at the same time, also those of its primary key.

pg_restore builds one after the other where one of them belongs to a constraint. Measured with two indexes
of 5,000,000 rows on two cores: 1.5 s instead of 1.9 s.
"""

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, one

from .failure import DefinitionFailed

LARGE_BYTES = 64 << 20
# An index that the table is clustered on, or that is its replica identity, locks the table more strongly
# after it has been built. With one of each on the same table pg_restore --jobs runs into a deadlock.
_LATE = """
    select array(select i.indexrelid::bigint from pg_index i
                 where i.indisreplident and exists (
                     select from pg_index c where c.indrelid = i.indrelid and c.indisclustered
                     and c.indexrelid <> i.indexrelid))
"""
_LARGE = Path(__file__).with_name("large.sql").read_text()


@dataclass(frozen=True)
class LargeIndex:
    """An index of a large table; with `kind` 'p' or 'u' a constraint stands on it."""

    oid: int
    constraint: int | None
    schema: str
    table: str
    name: str
    definition: str
    tablespace: str
    kind: str | None
    deferrable: bool
    deferred: bool
    clustered: bool
    replica_identity: bool

    def __str__(self) -> str:
        return f"index {self.schema}.{self.name}"

    @property
    def entry(self) -> tuple[int, int]:
        """The archive's entry for it: its constraint in pg_constraint, or itself in pg_class."""
        return (1259, self.oid) if self.constraint is None else (2606, self.constraint)

    @property
    def address(self) -> tuple[str, list[str], list[str]]:
        """The index itself, with or without its constraint."""
        return ("index", [self.schema, self.name], [])

    def build(self, copy: Connection) -> None:
        """Build the index of a constraint. Raises `DefinitionFailed`."""
        space = sql.SQL("set default_tablespace = {}").format(sql.Literal(self.tablespace))
        _execute(copy, self, [space, sql.SQL(self.definition)])

    def adopt(self, copy: Connection) -> None:
        """Make the constraint on the index that has been built, with what else hangs on it."""
        table, name = sql.Identifier(self.schema, self.table), sql.Identifier(self.name)
        kind = sql.SQL("primary key" if self.kind == "p" else "unique")
        when = sql.SQL(" initially deferred" if self.deferred else " deferrable" if self.deferrable else "")
        add = "alter table only {} add constraint {} {} using index {}{}"
        statements: list[sql.SQL | sql.Composed] = [sql.SQL(add).format(table, name, kind, name, when)]
        if self.clustered:
            statements.append(sql.SQL("alter table {} cluster on {}").format(table, name))
        if self.replica_identity:
            statements.append(
                sql.SQL("alter table only {} replica identity using index {}").format(table, name)
            )
        _execute(copy, self, statements)


def read_large(source: Connection, tables: list[Table]) -> list[LargeIndex]:
    """The indexes of the tables that are large enough, by the tables' size."""
    large = sorted((table for table in tables if table.bytes >= LARGE_BYTES), key=lambda table: -table.bytes)
    rows = source.execute(_LARGE, {"tables": [table.oid for table in large]}).fetchall()
    return [LargeIndex(*row) for row in rows]


def read_late(source: Connection) -> list[int]:
    """The indexes that must not be built beside others of their table."""
    return list(one(source, _LATE))


def _execute(copy: Connection, index: LargeIndex, statements: list[sql.SQL | sql.Composed]) -> None:
    try:
        with copy.transaction():
            for statement in statements:
                copy.execute(statement)
    except psycopg.Error as error:
        raise DefinitionFailed(str(index), str(error).strip()) from error
