"""Where a check looks: two nodes, their sessions, and one database at a time."""

from dataclasses import dataclass

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict

from nodes.postgres.connect import Connection, Unreachable, connect, for_database, one
from nodes.postgres.preflight.check import Options, Side

# Enforced by the server: nothing that a check runs can change a node, and none can hang on a lock.
_STATEMENT = "30s"
_LOCK = "5s"
_SECRETS = ("password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")


class Node:
    """One node under test and our read-only sessions on it, opened when they are first needed."""

    def __init__(self, side: Side, conninfo: str) -> None:
        self.side = side
        self.conninfo = conninfo
        self._sessions: dict[str | None, Connection] = {}

    def session(self, database: str | None = None) -> Connection:
        """A read-only session in `database`, or where the connection string leads.

        Raises `Unreachable`.
        """
        session = self._sessions.get(database)
        if session is None or session.closed:
            if reason := unreadable(self.conninfo):
                raise Unreachable(reason)
            conninfo = self.conninfo_in(database)
            session = connect(conninfo, "preflight", statement_timeout=_STATEMENT, lock_timeout=_LOCK)
            # Not while connecting: target_session_attrs=read-write would take it for a read-only server.
            session.execute("set default_transaction_read_only = on")
            self._sessions[database] = session
        return session

    def conninfo_in(self, database: str | None) -> str:
        """The node's connection string, leading to `database` if one is given."""
        return for_database(self.conninfo, database) if database else self.conninfo

    def has(self, database: str | None) -> bool:
        """Whether the node has a database of this name that can be connected to."""
        return database is not None and bool(
            one(
                self.session(),
                "select datallowconn and datconnlimit <> -2 from pg_database where datname = %s",
                (database,),
            )
        )

    def nearest(self, database: str | None) -> str | None:
        """The database itself if the node has it; None, the one of the connection string, otherwise."""
        return database if self.has(database) else None

    @property
    def version(self) -> int:
        """As in server_version_num: 160014 is 16.14."""
        return self.session().info.server_version

    def close(self) -> None:
        """Close every session."""
        for session in self._sessions.values():
            session.close()


@dataclass(frozen=True)
class Place:
    """Everything a check is told: the pair, what is to be migrated, and where to look now."""

    source: Node
    copy: Node
    databases: tuple[str, ...]
    options: Options
    side: Side
    database: str | None = None

    @property
    def node(self) -> Node:
        """The node looked at (the copy where it is both)."""
        return self.source if self.side == "source" else self.copy

    @property
    def session(self) -> Connection:
        """A session on that node, in the database looked at."""
        return self.node.session(self.database)

    @property
    def on_source(self) -> Connection:
        """A session on the source, in the database looked at."""
        return self.source.session(self.database)

    @property
    def on_copy(self) -> Connection:
        """A session on the copy, in the database looked at if it is already there."""
        return self.copy.session(self.copy.nearest(self.database))


def unreadable(conninfo: str) -> str | None:
    """Why a connection string cannot be used at all, without quoting any of it; None if it can.

    A password with an unescaped @ or / makes libpq take the rest of it for a host, a port or a database,
    and name that in its messages (PostgreSQL documentation, "Connection URIs").
    """
    if not conninfo.strip():
        return "the connection string is empty"
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(conninfo).items()}
    except Error:
        return "the connection string cannot be read"
    uri = conninfo.lstrip().startswith(("postgres://", "postgresql://"))
    if "@" in parts.get("host", "")[1:] or (uri and "@" in parts.get("dbname", "")):
        return "the connection string cannot be read: it has more than one @"
    if not parts.get("port", "").replace(",", "").isdigit() and parts.get("port"):
        return "the connection string cannot be read: its port is not a number"
    return None


def shown_secret(conninfo: str) -> str | None:
    """The name of a secret that has no place but the command line of psql or pg_dump, if there is one."""
    parts = conninfo_to_dict(conninfo)
    return next((name for name in _SECRETS if name != "password" and parts.get(name)), None)


def redact(text: str, *conninfos: str) -> str:
    """`text`, which comes from a server or libpq, without the secrets of the connection strings."""
    for conninfo in conninfos:
        if unreadable(conninfo):  # it is never quoted
            continue
        parts = conninfo_to_dict(conninfo)
        for secret in _SECRETS:
            if parts.get(secret):
                text = text.replace(str(parts[secret]), "***")
    return text
