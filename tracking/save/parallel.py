"""Indexes, and the constraints that stand on them, by several processes of pg_restore."""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import IO

from nodes.postgres import programs
from nodes.postgres.connect import Connection, session_conninfo

from . import route
from .archive import Archive, Entry
from .child import end, start
from .failure import DefinitionFailed
from .restore import RESTORING, listed, named

_FINISHED = "finished item "
_SETTING = "transaction_timeout"  # pg_restore 18 sets it in each session; servers before 17 do not know it
_UNKNOWN = f"SET {_SETTING}"
_POLL_SECONDS = 0.2
_HELD = """
    select l.relation::regclass::text, format('pid %%s (%%s, %%s)', b.pid, b.usename,
                                              coalesce(nullif(b.application_name, ''), b.backend_type))
    from pg_stat_activity w
    join pg_locks l on l.pid = w.pid and not l.granted
                   and l.waitstart < clock_timestamp() - make_interval(secs => %(seconds)s)
    cross join unnest(pg_blocking_pids(w.pid)) p(pid)
    join pg_stat_activity b on b.pid = p.pid and b.application_name <> %(ours)s
    where w.datname = current_database() and w.application_name = %(ours)s
    limit 1
"""
_FAILED_ENTRY = re.compile(r"from TOC entry (\d+);")
_SERVER_SAYS = re.compile(r"could not execute query: (.*?)(?:^Command was:|\Z)", re.MULTILINE | re.DOTALL)


def restore_indexes(
    archive: Archive,
    copy: Connection,
    copy_conninfo: str,
    entries: Collection[Entry],
    jobs: int,
    finished: Callable[[], None],
    settings: Mapping[str, str],
) -> None:
    """Restore the entries, each by itself, by so many processes; `finished` is called for each one.

    Raises `DefinitionFailed` for the first that fails (the others are made all the same), or where somebody
    else is waited for too long.
    """
    if not entries:
        return
    session = session_conninfo(copy_conninfo, RESTORING, **route.copy_settings(), **settings)
    with listed(entries) as file, tempfile.TemporaryFile() as output:
        command = [
            programs.program("pg_restore"), "--verbose", "--no-password", f"--jobs={jobs}",
            "--section=post-data", f"--use-list={file.name}",
            f"--dbname={programs.argument(session)}", str(archive.path),
        ]  # fmt: skip
        process = start(command, session, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=output)
        told = 0
        try:
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_SECONDS)
                for _ in range(told, min(_text(output).count(_FINISHED), len(entries))):
                    told += 1
                    finished()
                _look_for_others(copy)
        finally:
            end(process)
        said = _text(output)
    if process.returncode and (failure := _failure(said, entries, process.returncode)):
        raise failure
    for _ in range(told, len(entries)):  # one job alone does not say when it has finished an entry
        finished()


def _look_for_others(copy: Connection) -> None:
    """Raise `DefinitionFailed` where pg_restore, which has no timeout for locks, waits for somebody else."""
    seconds = route.COPY_LOCK_SECONDS
    if held := copy.execute(_HELD, {"seconds": seconds, "ours": f"mwa {RESTORING}"}).fetchone():
        route.end_sessions(copy, RESTORING)
        raise DefinitionFailed(f"index or constraint of {held[0]}", f"waited {seconds:g} s for {held[1]}")


def _failure(said: str, entries: Collection[Entry], returncode: int) -> DefinitionFailed | None:
    """In the server's own words, where it has said any; None if it did not know a setting, and no more.

    Processes that complain at the same time write between each other's words: counted is, not read.
    """
    unknown = said.count(_UNKNOWN)
    if unknown and said.count("error:") == unknown and returncode > 0:
        return None
    messages = [each.strip() for each in _SERVER_SAYS.findall(said) if _SETTING not in each]
    errors = [line for line in said.splitlines() if "error:" in line and _SETTING not in line]
    message = messages[0] if messages else " ".join(errors) or "pg_restore was killed"
    return DefinitionFailed(named(_FAILED_ENTRY.findall(said)[:1], entries), message)


def _text(output: IO[bytes]) -> str:
    # Not by reading: the process that still writes shares the position in the file.
    file = output.fileno()
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")
