"""Between which databases a save goes, and what the sessions on both have to agree on."""

from dataclasses import dataclass

from psycopg.conninfo import make_conninfo

from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, connect, one, session_conninfo

COPYING = "save copy"
COPY_LOCK_SECONDS = 60.0  # nobody but us writes on the copy; somebody may read there


@dataclass(frozen=True)
class Route:
    """From where to where, and what both sessions have to agree on."""

    source: str
    copy: str
    any_bytes: bool  # whether the source has no encoding (SQL_ASCII)
    wait_seconds: float | None  # SAVACTWAIT; None is *NOMAX

    @classmethod
    def between(cls, source: str, copy: str, wait_seconds: float | None) -> "Route":
        """Ask the source what has to be known. Raises `Unreachable`."""
        with connect(source, "save") as session:
            any_bytes = one(session, "select getdatabaseencoding() = 'SQL_ASCII'")
            return cls(source, copy, any_bytes, wait_seconds)

    def source_session(self, table: Table) -> str:
        """The connection string of the session that reads a table."""
        wait = 0 if self.wait_seconds is None else max(1, int(self.wait_seconds * 1000))
        settings = {"lock_timeout": f"{wait}ms", "synchronize_seqscans": "off"}
        return self._session(self.source, table, settings)

    def copy_session(self, table: Table) -> str:
        """Of the session that writes it. What we report as finished is on disk: no asynchronous commit."""
        return self._session(self.copy, table, copy_settings())

    def _session(self, conninfo: str, table: Table, settings: dict[str, str]) -> str:
        session = session_conninfo(conninfo, application_name(table), **settings)
        # A database without an encoding may hold any bytes.
        return make_conninfo(session, client_encoding="SQL_ASCII" if self.any_bytes else "UTF8")


def copy_settings() -> dict[str, str]:
    """Of every session that changes the copy: no trigger of the application's fires, nor an event trigger."""
    return {"session_replication_role": "replica", "lock_timeout": f"{int(COPY_LOCK_SECONDS * 1000)}ms"}


def connect_copy(conninfo: str, purpose: str) -> Connection:
    """Open such a session. Raises `Unreachable`."""
    return connect(conninfo, purpose, autocommit=True, **copy_settings())


def application_name(table: Table) -> str:
    """What the sessions that copy a table are called, without `mwa `: there it is known by its oid."""
    return f"{COPYING} {table.oid}"


def end_sessions(connection: Connection, purpose: str) -> None:
    """End the sessions that serve a purpose in this database, of a program of ours that was killed.

    The server may notice only much later that a client has gone. Until then it goes on writing, building
    an index or waiting for a lock.
    """
    connection.execute(
        """
        select pg_terminate_backend(pid, 10000) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
          and starts_with(application_name, 'mwa ' || %s)
        """,
        (purpose,),
    )
