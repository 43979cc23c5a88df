"""The portal's own PostgreSQL: a server given by DATABASE_URL, or one of ours below the state directory."""

import atexit
import contextlib
import fcntl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from nodes.postgres.connect import TimedOut, connect, one
from nodes.postgres.embedded import EmbeddedServer

NEEDS_NO_DATABASE = frozenset({"help", "--help", "version", "--version", "check", "collectstatic"})
DATABASE = "portal"
_CONFIGURATION = """\
fsync = on
shared_buffers = 128MB
max_connections = 100
wal_level = replica
max_wal_senders = 0
logging_collector = on
log_filename = 'server.log'
log_truncate_on_rotation = off
log_checkpoints = off
"""
_START_SECONDS = 150
_users: IO[str] | None = None
_starting = threading.Lock()


def embedded(home: Path) -> EmbeddedServer:
    """The portal's server below its state directory; nothing is started."""
    directory = home / "portal"
    directory.mkdir(parents=True, exist_ok=True)
    return EmbeddedServer(directory, 18, _CONFIGURATION)


def embedded_conninfo(server: EmbeddedServer) -> str:
    """Where the portal's database will be, whether the server runs or not."""
    with _lock(server.directory.parent / "portal.lock"):  # finding the socket's directory tries it out
        return server.conninfo(DATABASE)


def database(conninfo: str) -> dict[str, Any]:
    """Django's DATABASES entry for a PostgreSQL URL or connection string."""
    try:
        parts: dict[str, Any] = conninfo_to_dict(conninfo)
    except psycopg.Error as error:
        raise ImproperlyConfigured("DATABASE_URL is not a PostgreSQL URL or connection string") from error
    if not parts.get("dbname"):
        raise ImproperlyConfigured("DATABASE_URL names no database: postgresql://user@host/database")
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    entry = {ours: parts.pop(theirs, "") for ours, theirs in names.items()}
    options = {"application_name": "mwa portal", "connect_timeout": 10, **parts}
    return {"ENGINE": "django.db.backends.postgresql", "OPTIONS": options, **entry}


def portal_conninfo() -> str:
    """The connection string of the database that Django uses now, also in a test.

    For the processes that write to the portal's tables without Django.
    """
    entry = settings.DATABASES["default"]
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {theirs: entry[ours] for theirs, ours in names.items() if entry.get(ours)}
    options = {k: v for k, v in entry.get("OPTIONS", {}).items() if k != "application_name"}
    return make_conninfo("", **given, **options)


def ensure_running() -> None:
    """Start the embedded server and make its database where they are missing; 20 ms where they are there.

    The server stays as long as one process is using it: each holds a shared lock, which also a killed
    process gives back, and the one that gets it alone in the end stops the server.
    """
    server: EmbeddedServer | None = settings.PORTAL_SERVER
    if server is None:
        return
    with _starting:
        _become_user(server)
        with _lock(server.directory.parent / "portal.lock"):
            server.start()
            with connect(server.conninfo(), "portal start") as admin:
                if not one(admin, "select 1 from pg_database where datname = %s", (DATABASE,)):
                    admin.execute(f"create database {DATABASE}")


def release() -> None:
    """Give the embedded server up; whoever is last stops it."""
    global _users
    if _users is None:
        return
    _users.close()
    _users = None
    server: EmbeddedServer = settings.PORTAL_SERVER
    with _users_file(server).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        server.stop()


def crash() -> None:
    """Stop the embedded server as a crash would, for those who try that out.

    Nobody starts it again before it is down: pg_ctl would take the new server for the old one, and wait on.
    """
    server: EmbeddedServer = settings.PORTAL_SERVER
    with _lock(server.directory.parent / "portal.lock"):
        server.stop("immediate")


def _become_user(server: EmbeddedServer) -> None:
    global _users
    if _users is None:
        file = _users_file(server).open("a")
        fcntl.flock(file, fcntl.LOCK_SH)  # waits while the last one before us is stopping the server
        _users = file
        atexit.register(release)


def _users_file(server: EmbeddedServer) -> Path:
    return server.directory.parent / "portal.users"


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    deadline = time.monotonic() + _START_SECONDS
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimedOut(f"waited {_START_SECONDS} s for {path}, held by another start") from None
                time.sleep(0.05)
        yield
