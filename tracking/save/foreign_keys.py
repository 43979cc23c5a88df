"""Foreign keys: made NOT VALID before the hand-over, validated after it.

Before it the copy's tables come from different moments: rows that others refer to may be missing.
"""

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from nodes.postgres import criteria
from nodes.postgres.connect import Connection, connect

from .failure import DefinitionFailed
from .route import connect_copy
from .workers import each

_PURPOSE = "save foreign keys"
_FOREIGN_KEYS = Path(__file__).with_name("foreign_keys.sql").read_text()


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key as the node has it."""

    schema: str
    table: str
    name: str
    definition: str  # pg_get_constraintdef
    valid: bool
    partitioned: bool  # whether the referencing table is
    comment: str | None

    def __str__(self) -> str:
        return f"foreign key {self.name} of {self.schema}.{self.table}"

    @property
    def address(self) -> tuple[str, str, str]:
        """What tells it from all others."""
        return (self.schema, self.table, self.name)

    @property
    def at_once(self) -> bool:
        """Whether it can be made NOT VALID: PostgreSQL before 18 refuses that for a partitioned table."""
        return not (self.partitioned and self.valid)

    def statement(self, *, valid: bool) -> sql.Composed:
        """The ALTER TABLE that makes it, and its comment."""
        table, name = sql.Identifier(self.schema, self.table), sql.Identifier(self.name)
        only = sql.SQL("" if self.partitioned else "only")
        text = self.definition + ("" if valid or not self.valid else " NOT VALID")
        made = sql.SQL("alter table {} {} add constraint {} {};").format(only, table, name, sql.SQL(text))
        if self.comment is None:
            return made
        comment = sql.SQL("comment on constraint {} on {} is {}").format(
            name, table, sql.Literal(self.comment)
        )
        return made + comment


def read(node: Connection) -> list[ForeignKey]:
    """The foreign keys of a database, but for those of tables that are not to be on the copy."""
    out = criteria.excluded(node)
    keys = [ForeignKey(*row) for row in node.execute(_FOREIGN_KEYS).fetchall()]
    return [key for key in keys if (key.schema, key.table) not in out]


def create_not_valid(copy: Connection, wanted: list[ForeignKey]) -> None:
    """Make those that are missing on the copy, without looking at a row.

    Those that cannot be made `at_once` are left to `validate_foreign_keys`. Raises `DefinitionFailed`.
    """
    there = {key.address for key in read(copy)}
    for key in wanted:
        if key.address not in there and key.at_once:
            _execute(copy, key, key.statement(valid=False))


def validate_foreign_keys(source_conninfo: str, copy_conninfo: str, jobs: int) -> int:
    """Validate on the copy what is valid on the source, making what is missing; returns how many.

    To be called when the copy is consistent: after the hand-over. It can be called again. Raises
    `DefinitionFailed`, which names the foreign key and the row that refers to nothing.
    """
    with connect(source_conninfo, _PURPOSE) as source:
        wanted = [key for key in read(source) if key.valid]
    with connect_copy(copy_conninfo, _PURPOSE) as copy:
        there = {key.address: key.valid for key in read(copy)}
        missing = [key for key in wanted if key.address not in there]
        for key in missing:  # one by one: each locks both its tables against writing, and two could deadlock
            _execute(copy, key, key.statement(valid=True))
    unproved = [key for key in wanted if there.get(key.address) is False]
    each(_by_table(unproved), lambda keys: _validate(copy_conninfo, keys), jobs)
    return len(missing) + len(unproved)


def _by_table(keys: list[ForeignKey]) -> list[list[ForeignKey]]:
    """Two of one table would wait for each other."""
    tables: dict[tuple[str, str], list[ForeignKey]] = {}
    for key in keys:
        tables.setdefault((key.schema, key.table), []).append(key)
    return list(tables.values())


def _validate(copy_conninfo: str, keys: list[ForeignKey]) -> None:
    with connect_copy(copy_conninfo, _PURPOSE) as session:
        for key in keys:
            table, name = sql.Identifier(key.schema, key.table), sql.Identifier(key.name)
            _execute(session, key, sql.SQL("alter table {} validate constraint {}").format(table, name))


def _execute(copy: Connection, key: ForeignKey, statement: sql.Composed) -> None:
    try:
        with copy.transaction():
            copy.execute(statement)
    except psycopg.Error as error:
        raise DefinitionFailed(str(key), str(error).strip()) from error
