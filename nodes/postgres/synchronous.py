"""Synchronous ACTIVE: a commit on the primary returns when the secondary has it.

Its danger is a secondary that vanishes: every commit would wait for ever. A session of the server itself
(`synchronous_guard.sql`) ends such waits, also when every process of ours is dead.
"""

import threading
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from . import outside, standbys
from .connect import Connection, connect, one
from .standbys import CannotCombine

__all__ = ["CannotCombine", "Guard", "is_on", "turn_off", "turn_on"]

_GUARD = (Path(__file__).with_name("synchronous_guard.sql")).read_text()


def is_on(connection: Connection, name: str) -> bool:
    """Whether commits wait for this standby."""
    return f'"{name}"' in standbys.present(connection)


def turn_on(connection: Connection, name: str) -> None:
    """Let commits wait for `name` from now on; it is on the node's list of changes.

    Raises `CannotCombine`.
    """
    present = standbys.present(connection)
    wanted = standbys.combine(present, name)
    if wanted != present:
        outside.note_standby(connection, name, present)
        standbys.put(connection, wanted)


def turn_off(connection: Connection, name: str) -> None:
    """Take the standby's name out of the setting again; nothing happens where it is not in it."""
    before = one(
        connection,
        "select value_before from mwa.changed_outside where setting = %s and object = %s order by id limit 1",
        (standbys.SETTING, name),
    )
    standbys.remove(connection, name, before or "")
    connection.execute(
        "delete from mwa.changed_outside where setting = %s and object = %s", (standbys.SETTING, name)
    )


class Guard:
    """The session that ends waits for a secondary that has not answered for `seconds`."""

    def __init__(self, conninfo: str, name: str, *, seconds: float) -> None:
        self._connection = connect(conninfo, f"sync guard {name}", client_connection_check_interval="0")
        self._statement = sql.SQL(_GUARD).format(
            standby=sql.Literal(name), listed=sql.Literal(f'"{name}"'), seconds=sql.Literal(seconds)
        )
        self._thread = threading.Thread(target=self._watch, daemon=True, name=f"sync guard {name}")
        self._thread.start()

    def alive(self) -> bool:
        """Whether it watches."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End the session on the server too."""
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=5)
        self._thread.join(5)
        self._connection.close()

    def _watch(self) -> None:
        with suppress(psycopg.Error):
            self._connection.execute(self._statement)
