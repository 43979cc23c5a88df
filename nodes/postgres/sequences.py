"""The values of sequences, carried from node to node.

`last_value` of a sequence with CACHE is already the end of what sessions have taken, so no number that was
given out can be given out again on the other node (PostgreSQL documentation, CREATE SEQUENCE, "Notes").
"""

from psycopg import sql

from .catalog import Sequence, sequences
from .connect import Connection

Value = tuple[int, bool]  # last_value, is_called
_BATCH = 400


def read(connection: Connection) -> dict[Sequence, Value]:
    """Where every sequence stands."""
    found: dict[Sequence, Value] = {}
    names = sequences(connection)
    for start in range(0, len(names), _BATCH):
        batch = names[start : start + _BATCH]
        query = sql.SQL(" union all ").join(
            sql.SQL("select {}, last_value, is_called from {}").format(number, sequence.identifier)
            for number, sequence in enumerate(batch)
        )
        for number, value, called in connection.execute(query).fetchall():
            found[batch[number]] = (value, called)
    return found


def carry(source: Connection, copy: Connection) -> int:
    """Make every sequence of the copy stand where the source's does; returns how many did not."""
    here, there = read(source), {(s.schema, s.name): value for s, value in read(copy).items()}
    behind = [
        (sequence, value)
        for sequence, value in here.items()
        if (sequence.schema, sequence.name) in there and there[sequence.schema, sequence.name] != value
    ]
    if behind:
        copy.execute(
            "select setval(name::regclass, value, called)"
            " from unnest(%s::text[], %s::bigint[], %s::bool[]) as t(name, value, called)",
            (
                [sequence.identifier.as_string() for sequence, _ in behind],
                [value for _, (value, _) in behind],
                [called for _, (_, called) in behind],
            ),
        )
    return len(behind)
