"""The values of sequences, carried from node to node.

`last_value` of a sequence with CACHE is already the end of what sessions have taken, so no number that was
given out can be given out again on the other node (PostgreSQL documentation, CREATE SEQUENCE, "Notes").
"""

from collections.abc import Iterable

from psycopg import sql

from . import criteria
from .catalog import Sequence
from .connect import Connection

Value = tuple[int, bool]  # last_value, is_called
_BATCH = 400


def read(connection: Connection, names: Iterable[Sequence] | None = None) -> dict[Sequence, Value]:
    """Where sequences stand: all that are mirrored, or those whose names are known."""
    found: dict[Sequence, Value] = {}
    wanted = criteria.sequences(connection) if names is None else list(names)
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        query = sql.SQL(" union all ").join(
            sql.SQL("select {}, last_value, is_called from {}").format(number, sequence.identifier)
            for number, sequence in enumerate(batch)
        )
        for number, value, called in connection.execute(query).fetchall():
            found[batch[number]] = (value, called)
    return found


def carry(source: Connection, copy: Connection) -> int:
    """Make every sequence of the copy stand where the source's does; returns how many did not."""
    there = {(s.schema, s.name): value for s, value in read(copy).items()}
    here = read(source).items()
    behind = {s: value for s, value in here if there.get((s.schema, s.name), value) != value}
    put(copy, behind)
    return len(behind)


def put(copy: Connection, values: dict[Sequence, Value]) -> None:
    """Make these sequences stand so."""
    if values:
        copy.execute(
            "select setval(name::regclass, value, called)"
            " from unnest(%s::text[], %s::bigint[], %s::bool[]) as t(name, value, called)",
            (
                [sequence.identifier.as_string() for sequence in values],
                [value for value, _ in values.values()],
                [called for _, called in values.values()],
            ),
        )
