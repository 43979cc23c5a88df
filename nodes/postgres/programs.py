"""PostgreSQL's client programs: always the newest of the wheel, so no system package is needed."""

import os
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .wheel import POSTGRES_VERSIONS

# pg_dump must be at least as new as the server it reads (pg_dump(1), "Notes").
DIRECTORY: Path = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]


def program(name: str) -> str:
    """The path of psql, pg_dump, pg_restore or pgbench."""
    return str(DIRECTORY / name)


def environment(conninfo: str) -> dict[str, str]:
    """The environment for a client program: its password is passed here, never on a command line."""
    password = conninfo_to_dict(conninfo).get("password")
    return {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}


def argument(conninfo: str) -> str:
    """The connection string as it may stand on a command line; `environment` has the password."""
    parts = conninfo_to_dict(conninfo)
    parts.pop("password", None)
    return make_conninfo("", **parts)
