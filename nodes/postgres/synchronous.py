"""Synchronous ACTIVE: a commit on the primary returns when the secondary has it.

The setting `synchronous_standby_names` may have an owner already: it is combined with, never overwritten.
Its danger is a secondary that vanishes: every commit would wait for ever. A session of the server itself
(`synchronous_guard.sql`) ends such waits, also when every process of ours is dead.
"""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg import sql

from . import install
from .connect import Connection, connect, one, wait_until

SETTING = "synchronous_standby_names"
_GUARD = (Path(__file__).with_name("synchronous_guard.sql")).read_text()
_PRIORITY = re.compile(r"^\s*(?:(?:FIRST\s+)?(\d+)\s*\((.*)\)|([^()]*))\s*$", re.IGNORECASE | re.DOTALL)


class CannotCombine(Exception):
    """The standbys that are set already cannot be combined with ours."""


def combine(present: str, name: str) -> str:
    """The setting that waits for `name` and for what it waited for before.

    Raises `CannotCombine` for a quorum (ANY n): no list can say "ours, and any n of the others".
    """
    if not present.strip():
        return f'"{name}"'
    if f'"{name}"' in present:
        return present
    found = _PRIORITY.match(present)
    if not found:
        raise CannotCombine(
            f"{SETTING} is {present!r}; a quorum cannot be combined with another standby,"
            " needed is a list of priorities (FIRST n)"
        )
    count, names = int(found[1] or 1), found[2] or found[3]
    return f'FIRST {count + 1} ("{name}", {names.strip()})'


def is_on(connection: Connection, name: str) -> bool:
    """Whether commits wait for this standby."""
    return f'"{name}"' in str(one(connection, f"show {SETTING}"))


def turn_on(connection: Connection, name: str) -> None:
    """Let commits wait for `name` from now on; the value before is on the node's list of changes."""
    present = str(one(connection, f"show {SETTING}"))
    wanted = combine(present, name)
    if wanted == present:
        return
    own = one(
        connection,
        "select setting from pg_file_settings where name = %s and sourcefile like '%%postgresql.auto.conf'",
        (SETTING,),
    )
    undo = f"alter system reset {SETTING}" if own is None else _set(own)
    install.note_change(connection, "server", SETTING, present, undo)
    _apply(connection, _set(wanted), lambda: is_on(connection, name))


def turn_off(connection: Connection, name: str) -> None:
    """Take the standby's name out of the setting again; nothing happens where it is not in it."""
    row = connection.execute(
        "select id, undo from mwa.changed_outside where setting = %s order by id limit 1", (SETTING,)
    ).fetchone()
    if row is None:
        return
    _apply(connection, row[1], lambda: not is_on(connection, name))
    connection.execute("delete from mwa.changed_outside where setting = %s", (SETTING,))


class Guard:
    """The session that ends waits for a secondary that has not answered for `seconds`."""

    def __init__(self, conninfo: str, name: str, *, seconds: float) -> None:
        self._connection = connect(conninfo, f"sync guard {name}", client_connection_check_interval="0")
        self._statement = sql.SQL(_GUARD).format(standby=sql.Literal(name), seconds=sql.Literal(seconds))
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


def _set(value: str) -> str:
    return sql.SQL("alter system set {} = {}").format(sql.SQL(SETTING), value).as_string()


def _apply(connection: Connection, statement: str, done: Callable[[], bool]) -> None:
    connection.execute(statement)
    connection.execute("select pg_reload_conf()")
    wait_until(done, f"the server to take over {SETTING}", seconds=5)
