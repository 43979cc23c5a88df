"""Where the sequences of both nodes stand. Logical replication does not carry them."""

from psycopg import sql

from nodes.postgres import catalog
from nodes.postgres.connect import Connection
from tracking.compare.results import SequenceDifference, SequenceState, TableName

_AT_ONCE = 500  # sequences in one statement


def compare_sequences(source: Connection, copy: Connection) -> list[SequenceDifference]:
    """The sequences that do not stand at the same value on both nodes, by schema and name."""
    here, there = _states(source), _states(copy)
    return [
        SequenceDifference(*name, here.get(name), there.get(name))
        for name in sorted(here.keys() | there.keys())
        if here.get(name) != there.get(name)
    ]


def _states(connection: Connection) -> dict[TableName, SequenceState]:
    # The view pg_sequences will not do: it hides whether the first value has been handed out.
    found = catalog.sequences(connection)
    select = sql.SQL("select {}, {}, last_value, is_called from {}")
    states = {}
    for first in range(0, len(found), _AT_ONCE):
        selects = [
            select.format(sql.Literal(each.schema), sql.Literal(each.name), each.identifier)
            for each in found[first : first + _AT_ONCE]
        ]
        for schema, name, *state in connection.execute(sql.SQL(" union all ").join(selects)):
            states[TableName(schema, name)] = SequenceState(*state)
    return states
