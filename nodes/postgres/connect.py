"""Sessions of ours on a node: how they are opened, and what they must never do to it."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

Connection = psycopg.Connection[tuple[Any, ...]]

# Whatever somebody has set for the server, a database or a role does not hold for our sessions.
_SESSION = {
    # A commit of ours never waits for a standby: we may be the ones who have just disconnected it.
    "synchronous_commit": "local",
    # We write on a node that routes everybody else away by this setting.
    "default_transaction_read_only": "off",
    # What we read while the application works serializably could make its transactions fail.
    "default_transaction_isolation": r"read\ committed",
    # We hold snapshots, wait and copy for hours. What may not wait long says so itself.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "search_path": "pg_catalog",
    "row_security": "off",  # an error rather than rows silently left out
    # Rows and keys travel as text: one node has to read what the other has written, nothing rounded.
    "datestyle": "ISO",  # the only one that psycopg reads
    "intervalstyle": "postgres",
    "extra_float_digits": "3",
    "lc_monetary": "C",
    "xmloption": "content",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",  # names of types are compared
    "client_min_messages": "warning",
}
# The same for a setting of PostgreSQL 17: an older server would refuse a session that names it. The second is
# for client programs, which do not know the server's version beforehand.
_TRANSACTION_TIMEOUT, _KNOWN_SINCE = "set transaction_timeout = 0", 170000
NO_TRANSACTION_TIMEOUT = (
    f"do $$ begin if current_setting('server_version_num')::int >= {_KNOWN_SINCE}"
    f" then {_TRANSACTION_TIMEOUT}; end if; end $$"
)


class Unreachable(Exception):
    """A node does not answer. The message names the server, never the password."""


def describe(conninfo: str) -> str:
    """Where a connection string leads, without its password: for messages and logs."""
    try:
        parts = conninfo_to_dict(conninfo)
    except psycopg.Error:
        return "an unreadable connection string"
    keep = {key: str(value) for key, value in parts.items() if key in ("host", "port", "dbname", "user")}
    return make_conninfo("", **keep) or "the default server"


def for_database(conninfo: str, dbname: str) -> str:
    """The same server, another database."""
    return make_conninfo(conninfo, dbname=dbname)


def session_conninfo(conninfo: str, purpose: str, **settings: str) -> str:
    """A connection string with our session settings, and `mwa <purpose>` as its application name."""
    given = conninfo_to_dict(conninfo)
    options = str(given.get("options") or "")
    for name, value in {**_SESSION, **settings}.items():
        options += f" -c {name}={value}"
    return make_conninfo(
        conninfo,
        options=options.strip(),
        application_name=f"mwa {purpose}",
        client_encoding="UTF8",
        connect_timeout=given.get("connect_timeout") or 5,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=20_000,  # ms; a host that vanished while something was under way to it
    )


def connect(conninfo: str, purpose: str, *, autocommit: bool = True, **settings: str) -> Connection:
    """Open a session for `purpose`.

    Raises `Unreachable`, whose message names the server and PostgreSQL's reason.
    """
    try:
        connection = psycopg.connect(session_conninfo(conninfo, purpose, **settings), autocommit=True)
        if connection.info.server_version >= _KNOWN_SINCE:
            connection.execute(_TRANSACTION_TIMEOUT)
        connection.autocommit = autocommit
        return connection
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(f"{describe(conninfo)}: {reason}") from error
    except psycopg.ProgrammingError as error:
        raise Unreachable(f"the connection string cannot be read: {type(error).__name__}") from error


class TimedOut(Exception):
    """A bounded wait has ended without what it waited for."""


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float, every: float = 0.02) -> None:
    """Wait until `condition()` holds; raises `TimedOut`, which says what was waited for and how long."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise TimedOut(f"waited {seconds:g} s for {what}")
        time.sleep(every)


def one(connection: Connection, query: Any, params: Any = None) -> Any:
    """The first column of the first row, or None where there is no row."""
    row = connection.execute(query, params).fetchone()
    return None if row is None else row[0]
