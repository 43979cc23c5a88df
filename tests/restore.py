"""What the tests of objects outside event triggers' reach share."""

import itertools
from contextlib import suppress

import psycopg
from psycopg import sql

from nodes.postgres.connect import Connection
from tracking.restore.inspect import Difference, carry, inspect

NASTY = """we%ird %s {0} "Näme's" \\ ;"""
_serial = itertools.count(1)


def named(what: str) -> str:
    """A name that no other test has, and that has to be quoted."""
    return f"{what} {next(_serial)} {NASTY}"


def found(database, object_type: str, having: str = "") -> list[Difference]:
    """The differences of one kind whose name holds a text."""
    return [
        each
        for each in inspect(database.source, database.copy)
        if each.object_type == object_type and having in each.name
    ]


def one_found(database, object_type: str, having: str = "") -> Difference:
    """The only such difference."""
    (difference,) = found(database, object_type, having)
    return difference


def carried(database, object_type: str, having: str = "") -> list[str]:
    """Carry every such difference twice; it must be gone. Returns what the changes were."""
    differences = found(database, object_type, having)
    assert {each.state for each in differences} <= {"READY"}, differences
    for difference in [*differences, *differences]:
        carry(difference, database.source, database.copy)
    assert found(database, object_type, having) == []
    return [each.change for each in differences]


def run(connection: Connection, statement: str, *names: str) -> None:
    """A statement with quoted names in it."""
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def drop_roles(database, names: list[str]) -> None:
    """With all that they own and were granted, on both nodes."""
    for session in (database.source, database.copy):
        for name in names:
            for statement in ("reassign owned by {} to postgres", "drop owned by {} cascade"):
                with suppress(psycopg.errors.UndefinedObject):
                    run(session, statement, name)
        for name in names:
            run(session, "drop role if exists {}", name)
