"""What tables and materialized views hold, told by the number of their rows and the sum of their hashes."""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from nodes.postgres.connect import Connection
from tracking.compare.hashing import Column, row_hash
from tracking.compare.session import read

from .carrying import LOCK_TIMEOUT, words


class Unreadable(Exception):
    """A relation's rows could not be read; the message is the server's."""


def fingerprint(connection: Connection, name: sql.Identifier, columns: Sequence[Column]) -> str:
    """Equal on both nodes exactly when the rows are, in whatever order. Raises `Unreadable`."""
    hashed = row_hash(columns) if columns else sql.SQL("1")
    query = sql.SQL("select count(*)::text || ' ' || coalesce(sum({}), 0) from only {} t").format(
        hashed, name
    )
    try:
        return str(read(connection, query, {"lock_timeout": LOCK_TIMEOUT})[0][0])
    except psycopg.Error as error:
        if connection.broken:
            raise
        raise Unreadable(words(error)) from error
