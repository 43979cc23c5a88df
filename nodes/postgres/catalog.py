"""What a database holds, read from its catalogs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from psycopg import sql

from nodes.postgres.connect import Connection

_TABLES = Path(__file__).with_name("tables.sql").read_text()
_SEQUENCES = """
    select n.nspname, c.relname, s.seqcache
    from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
    where c.relpersistence <> 't' and n.nspname <> 'mwa' order by 1, 2
"""


@dataclass(frozen=True)
class Table:
    """An ordinary table; `key` names the columns of its replica identity index or primary key, if any."""

    oid: int
    schema: str
    name: str
    replica_identity: str  # pg_class.relreplident: d default, i index, f full, n nothing
    persistence: str  # pg_class.relpersistence: p permanent, u unlogged
    is_partition: bool
    rows: int  # the planner's estimate
    pages: int
    bytes: int
    columns: tuple[str, ...]
    generated: tuple[str, ...]
    types: tuple[str, ...]  # beside `columns`, schema-qualified where needed
    key: tuple[str, ...]
    equals: tuple[str, ...]  # beside `key`, the operator that its index knows for equality, as SQL

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        """The quoted, qualified name."""
        return sql.Identifier(self.schema, self.name)

    @cached_property
    def stored(self) -> tuple[str, ...]:
        """The columns that carry values of their own: all but the generated ones."""
        return tuple(column for column in self.columns if column not in self.generated)

    @property
    def tracked_by_key(self) -> bool:
        """Whether changes to it can be kept as row keys; otherwise it is resynchronized whole."""
        return bool(self.key) and self.replica_identity in "di"

    @cached_property
    def type_by_column(self) -> dict[str, str]:
        """Its columns with their types, as SQL."""
        return dict(zip(self.columns, self.types, strict=True))

    def type_of(self, column: str) -> str:
        """The type of a column, as SQL."""
        return self.type_by_column[column]


@dataclass(frozen=True)
class Sequence:
    """A sequence and how many values a session takes of it at once."""

    schema: str
    name: str
    cache: int

    @property
    def identifier(self) -> sql.Identifier:
        """The quoted, qualified name."""
        return sql.Identifier(self.schema, self.name)


def misfit(source: Mapping[str, str], copy: Mapping[str, str]) -> str:
    """How the columns of one table, with their types, differ on the copy; empty where they do not."""
    complaints = [f"column {name} is missing on the copy" for name in source if name not in copy]
    complaints += [f"column {name} is missing on the source" for name in copy if name not in source]
    complaints += [
        f"column {name} is {source[name]} on the source, {copy[name]} on the copy"
        for name in source
        if name in copy and source[name] != copy[name]
    ]
    return "; ".join(complaints)


def tables(connection: Connection) -> list[Table]:
    """All tables with rows of their own, by schema and name."""
    rows = connection.execute(f"{_TABLES} order by n.nspname, c.relname").fetchall()
    return [Table(*row[:9], *(tuple(names) for names in row[9:])) for row in rows]


def table(connection: Connection, schema: str, name: str) -> Table | None:
    """One table, or None where there is none of that name."""
    row = connection.execute(f"{_TABLES} and n.nspname = %s and c.relname = %s", (schema, name)).fetchone()
    return Table(*row[:9], *(tuple(names) for names in row[9:])) if row else None


def sequences(connection: Connection) -> list[Sequence]:
    """All sequences, also those of identity columns."""
    return [Sequence(*row) for row in connection.execute(_SEQUENCES).fetchall()]
