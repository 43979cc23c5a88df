"""pg_dump."""

import subprocess

from nodes.postgres import programs
from nodes.postgres.connect import connect, describe, session_conninfo

from .archive import Archive
from .child import end, start
from .failure import DefinitionFailed

_PURPOSE = "save definitions"
_LOCKED = """
    select string_agg(format('%s is locked by pid %s', l.relation::regclass, l.pid), '; ')
    from pg_locks l
    where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock' and l.granted
      and l.database = (select oid from pg_database where datname = current_database())
"""


def pg_dump(source_conninfo: str, archive: Archive, lock_wait_seconds: float, *options: str) -> None:
    """Write definitions into the archive. Raises `DefinitionFailed`, which names locked tables."""
    archive.path.touch()
    archive.path.chmod(0o600)  # an application's subscription holds a password
    session = session_conninfo(source_conninfo, _PURPOSE)
    command = [
        programs.program("pg_dump"), "--format=custom", "--schema-only", "--no-password", *options,
        f"--lock-wait-timeout={int(lock_wait_seconds * 1000)}", f"--file={archive.path}",
        f"--dbname={programs.argument(session)}",
    ]  # fmt: skip
    process = start(
        command, session, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        said = process.communicate()[1].decode(errors="replace").strip()
    finally:
        end(process)
    if process.returncode:
        with connect(source_conninfo, _PURPOSE) as source:
            row = source.execute(_LOCKED).fetchone()
        locked = f" ({row[0]})" if row and row[0] else ""
        raise DefinitionFailed(
            f"definitions of {describe(source_conninfo)}", (said or "pg_dump was killed") + locked
        )
