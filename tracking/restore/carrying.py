"""The transaction on the copy in which a difference is carried."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from nodes.postgres.connect import Connection

LOCK_TIMEOUT = "5s"  # who reads on the copy never queues behind us for longer


@contextmanager
def carrying(secondary: Connection) -> Iterator[None]:
    """A transaction in which no trigger and no event trigger of the application's fires."""
    with secondary.transaction():
        secondary.execute("set local session_replication_role = replica")
        secondary.execute(sql.SQL("set local lock_timeout = {}").format(LOCK_TIMEOUT))
        yield


def run(connection: Connection, statements: Iterable[sql.Composable]) -> None:
    """Execute them in one round trip."""
    if joined := sql.SQL("; ").join(statements).as_string(connection):
        connection.execute(sql.SQL(joined), prepare=False)


def words(error: psycopg.Error) -> str:
    """What the server says, without the statement, which may hold a password."""
    said = [error.diag.message_primary or " ".join(str(error).split()), error.diag.message_detail]
    return "; ".join(filter(None, said))
