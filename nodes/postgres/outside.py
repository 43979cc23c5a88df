"""What we change outside schema mwa: on the node's list, with its way back."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from . import standbys
from .connect import Connection


@contextmanager
def unnoticed(connection: Connection) -> Iterator[None]:
    """No event trigger of the application's fires: it might forbid what we do, or act upon it."""
    connection.execute("set session_replication_role = replica")
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # where the session is lost, that is what the caller gets to know
            connection.execute("reset session_replication_role")


def note_change(
    connection: Connection, what: str, setting: str, before: str, undo: str, table_oid: int | None = None
) -> None:
    """Put something that we change outside schema mwa on the node's list, with its way back."""
    connection.execute(
        "insert into mwa.changed_outside (object, setting, value_before, undo, table_oid)"
        " values (%s, %s, %s, %s, %s)",
        (what, setting, before, undo, table_oid),
    )


def note_standby(connection: Connection, name: str, before: str) -> None:
    """The same for our name among the synchronous standbys, which goes out again and leaves others in."""
    note_change(connection, name, standbys.SETTING, before, f"take {name} out of {standbys.SETTING}")
