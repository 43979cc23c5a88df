"""Definition changes that a node has noted, and what became of them on the other one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .connect import Connection, one

_CHANGES = """
    select id, at, command, coalesce(object_type, ''), table_oid, coalesce(schema_name, ''),
           coalesce(identity, ''), coalesce(failure, ''),
           array(select parse_ident(name) from unnest(whole) name)
    from mwa.definition_changes where origin = mwa.node() and id > %s and id <= %s order by id
"""
_ARRIVALS = """
    select id, carried_at, coalesce(carry_failure, ''), coalesce(carry_sqlstate, '')
    from mwa.definition_changes
    where origin = %s and id = any(%s) and carried_at is not null order by id
"""
_BEING_WRITTEN = """
    select exists (select from pg_locks where relation = 'mwa.definition_changes'::regclass
    and database = (select oid from pg_database where datname = current_database())
    and mode = 'RowExclusiveLock' and pid is distinct from pg_backend_pid())
"""


@dataclass(frozen=True)
class DefinitionChange:
    """A definition that was changed on the primary since the last one handled."""

    id: int
    at: datetime
    command: str
    object_type: str
    table_oid: int | None  # the table that it is, or is a part of
    schema: str
    identity: str
    failure: str  # why it could not be noted; what to do is not known then
    whole: tuple[tuple[str, str], ...]  # tables, by schema and name, whose rows have to be brought anew

    def __str__(self) -> str:
        return f"{self.command} {self.identity}".strip()


@dataclass(frozen=True)
class Arrival:
    """What became of a change on the secondary; `failure` is the server's message."""

    id: int
    at: datetime
    failure: str
    sqlstate: str


def noted(connection: Connection, after: int) -> list[DefinitionChange]:
    """What was changed on the node since the entry `after`.

    Numbers are given out before they are committed: none is reported while a smaller one may still come.
    The order of the three questions is what makes that certain.
    """
    last = one(connection, "select last_value from mwa.definition_changes_id_seq where is_called") or 0
    if last <= after or one(connection, _BEING_WRITTEN):
        return []
    rows = connection.execute(_CHANGES, (after, last)).fetchall()
    return [_change(*row) for row in rows]


def _change(*values: Any) -> DefinitionChange:
    whole = tuple((schema, name) for schema, name in values[-1])
    return DefinitionChange(*[*values[:-1], whole])


def arrivals(secondary: Connection, origin: int, numbers: Sequence[int]) -> list[Arrival]:
    """Which changes of the node `origin` (`mwa.node()`) have come to the secondary, and how they fared."""
    rows = secondary.execute(_ARRIVALS, (origin, list(numbers))).fetchall()
    return [Arrival(*row) for row in rows]


def carry_again(secondary: Connection, origin: int, number: int) -> None:
    """Try once more what failed on the secondary."""
    secondary.execute("select mwa.carry_again(%s, %s)", (origin, number))


def hold_back(primary: Connection, numbers: Sequence[int]) -> None:
    """Of the tables that these changes are about no row is mirrored, until they are not named any more."""
    primary.execute("select mwa.hold_back(%s::bigint[])", (list(numbers),))
