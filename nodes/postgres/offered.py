"""What a server says when somebody names it: its version, which cluster it is, and its databases."""

from dataclasses import dataclass
from pathlib import Path

from psycopg import errors

from nodes.postgres.connect import Connection, Unreachable, connect
from nodes.postgres.preflight.identity import identifier
from nodes.postgres.preflight.place import redact, unreadable

_OFFERED = Path(__file__).with_name("offered.sql").read_text()
_TIMEOUT = "5s"


@dataclass(frozen=True)
class Database:
    """A database that could be mirrored; `bytes` is None where that is not known within some seconds."""

    name: str
    encoding: str
    bytes: int | None


@dataclass(frozen=True)
class Server:
    """One that has answered; `version` is the major one, `identifier` None where we may not read it."""

    version: int
    identifier: int | None


def ask(conninfo: str) -> Server:
    """Ask a server who it is; raises `Unreachable`, whose message holds no secret. Takes seconds at most."""
    with _session(conninfo) as session:
        return Server(session.info.server_version // 10_000, identifier(session))


def databases(conninfo: str) -> list[Database]:
    """Those that are no templates and let us in, by name; raises `Unreachable` as `ask`."""
    with _session(conninfo) as session:
        try:
            rows = session.execute(_OFFERED, {"sizes": True}).fetchall()
        except errors.QueryCanceled:
            rows = session.execute(_OFFERED, {"sizes": False}).fetchall()
    return [Database(*row) for row in rows]


def _session(conninfo: str) -> Connection:
    if reason := unreadable(conninfo):
        raise Unreachable(
            f"{reason}; needed is one as psql takes it: host=... dbname=... user=... password=..."
        )
    try:
        return connect(conninfo, "offered", statement_timeout=_TIMEOUT)
    except Unreachable as error:
        raise Unreachable(redact(str(error), conninfo)) from None
