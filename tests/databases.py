"""Databases on the servers of the tests, made and dropped as cheaply as a server can."""

from psycopg import sql

from nodes.postgres.connect import connect, for_database
from nodes.postgres.embedded import EmbeddedServer

# A test kills processes, and what a process has written outlives it without fsync, too.
NO_POWER_CUT = "fsync = off\n"


def create_database(server: EmbeddedServer, name: str) -> None:
    """A new, empty database; its files are copied, which writes less WAL than their pages."""
    with connect(server.conninfo(), "test") as admin:
        admin.execute(sql.SQL("create database {} strategy file_copy").format(sql.Identifier(name)))


def drop_database(server: EmbeddedServer, name: str) -> None:
    """Drop a database with whatever replication still holds it."""
    with connect(server.conninfo(), "test") as admin:
        admin.execute(sql.SQL("alter database {} allow_connections true").format(sql.Identifier(name)))
        with connect(for_database(server.conninfo(), name), "test") as inside:
            for (subscription,) in inside.execute(
                "select subname from pg_subscription where subdbid = (select oid from pg_database"
                " where datname = current_database())"
            ).fetchall():
                which = sql.Identifier(subscription)
                inside.execute(sql.SQL("alter subscription {} disable").format(which))
                inside.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(which))
                inside.execute(sql.SQL("drop subscription {}").format(which))
        for slot, pid in admin.execute(
            "select slot_name, active_pid from pg_replication_slots where database = %s", (name,)
        ).fetchall():
            if pid:
                admin.execute("select pg_terminate_backend(%s, 5000)", (pid,))
            admin.execute("select pg_drop_replication_slot(%s)", (slot,))
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
