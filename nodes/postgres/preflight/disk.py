"""Is there room on the copy for what the source holds?"""

import os
import struct
from pathlib import Path

from psycopg import errors

from nodes.postgres.connect import Connection, one
from nodes.postgres.preflight.check import Finding, finding
from nodes.postgres.preflight.place import Place

_MARGIN = 1.2  # sorts for the indexes, and WAL until the next checkpoint
_START_SECONDS = 5  # postmaster.pid is written a moment before the start that SQL reports


def disk_space(place: Place) -> Finding:
    """The copy's data directory has room for the source's databases (an estimate: size times 1.2)."""
    query = "select sum(pg_database_size(datname))::bigint from pg_database where datname = any(%s)"
    size = int(one(place.source.session(), query, (list(place.databases),)) or 0)
    needed = int(size * _MARGIN)
    text = f"{needed:,} bytes (the source's {size:,} times {_MARGIN:g})"
    free = free_bytes(place.copy.session())
    if free is None:
        return finding(
            False,
            "unknown: the copy's data directory cannot be seen from here",
            text,
            "On the copy's host compare it with: df --block-size=1 <data directory>",
            otherwise="warning",
        )
    remedy = "Make room on the copy's volume, or move its data directory to a larger one."
    return finding(free >= needed, f"{free:,} bytes free", text, remedy)


def free_bytes(session: Connection) -> int | None:
    """Bytes free where the server's data directory lies; None unless this host certainly sees it."""
    directory = seen_directory(session)
    try:
        volume = os.statvfs(directory) if directory else None
    except OSError:
        return None
    return volume.f_bavail * volume.f_frsize if volume else None


def seen_directory(session: Connection) -> Path | None:
    """The server's data directory; None unless this host certainly sees that directory.

    PostgreSQL has no function for what is free. A path that exists here as well may be another server's, so
    its control file and its postmaster must be those the session is connected to.
    """
    directory = one(session, "select setting from pg_settings where name = 'data_directory'")
    if directory is None:  # only pg_read_all_settings may see it
        return None
    try:
        return Path(directory) if _is_the_same(session, Path(directory)) else None
    except (OSError, ValueError, IndexError, errors.InsufficientPrivilege):
        return None


def _is_the_same(session: Connection, directory: Path) -> bool:
    """pg_control begins with the system identifier; postmaster.pid has start and port in lines 3 and 4."""
    identifier = one(session, "select system_identifier from pg_control_system()")
    started = float(one(session, "select extract(epoch from pg_postmaster_start_time())"))
    with (directory / "global" / "pg_control").open("rb") as file:
        (found,) = struct.unpack("=q", file.read(8))
    lines = (directory / "postmaster.pid").read_text().splitlines()
    return (
        found == identifier
        and abs(int(lines[2]) - started) <= _START_SECONDS
        and int(lines[3]) == int(one(session, "show port"))
    )
