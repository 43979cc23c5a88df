"""What pg_restore makes of an archive: in one transaction, or indexes by several processes.

pg_restore 18 begins each session by setting `transaction_timeout`, which servers before 17 do not know.
"""

import re
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from nodes.postgres import programs
from nodes.postgres.connect import session_conninfo

from .archive import Archive, Entry
from .child import end, psql, start
from .failure import DefinitionFailed

RESTORING = "save restore"
_UNKNOWN = b"SET transaction_timeout = 0;\n"
_FINISHED = "finished item "
# Before each entry of a script: its number; in front of psql's error: the line of the script
_BEGINS = re.compile(r"^-- TOC entry (\d+) ", re.MULTILINE)
_AT_LINE = re.compile(r"^psql:<stdin>:(\d+): (?=\w+:  )", re.MULTILINE)
_FAILED_ENTRY = re.compile(r"from TOC entry (\d+);")
_SERVER_SAYS = re.compile(r"could not execute query: (.*?)(?:^Command was:|\Z)", re.MULTILINE | re.DOTALL)


def restore(archive: Archive, copy_conninfo: str, entries: Collection[Entry]) -> None:
    """Restore the entries in their order and in one transaction.

    Raises `DefinitionFailed` for the first that fails, with nothing made.
    """
    if not entries:
        return
    script = _script(archive, entries)
    session = _session(copy_conninfo, {})
    with tempfile.TemporaryFile() as file:
        file.write(script)
        file.seek(0)
        process = start(
            psql(session, quiet=True, script=True), session,
            stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            said = process.communicate()[1].decode(errors="replace")
        finally:
            end(process)
    if process.returncode:
        raise _failed_at(said, script.decode(errors="replace"), entries)


def restore_indexes(
    archive: Archive,
    copy_conninfo: str,
    entries: Collection[Entry],
    jobs: int,
    finished: Callable[[], None],
    settings: Mapping[str, str],
) -> None:
    """Restore the entries, each by itself, by so many processes; `finished` is called for each one.

    Raises `DefinitionFailed` for the first that fails; the others are made all the same.
    """
    if not entries:
        return
    session = _session(copy_conninfo, settings)
    with _listed(entries) as listed:
        command = [
            programs.program("pg_restore"), "--verbose", "--no-password", f"--jobs={jobs}",
            "--section=post-data", f"--use-list={listed.name}",
            f"--dbname={programs.argument(session)}", str(archive.path),
        ]  # fmt: skip
        process = start(
            command, session, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        said: list[str] = []
        owed = len(entries)
        assert process.stderr is not None
        try:
            for line in process.stderr:
                said.append(line.decode(errors="replace"))
                for _ in range(min(owed, said[-1].count(_FINISHED))):  # two lines may have run together
                    owed -= 1
                    finished()
            process.wait()
        finally:
            end(process)
            process.stderr.close()
    if process.returncode and (failure := _failure("".join(said), entries)):
        raise failure
    for _ in range(owed):  # one job alone does not say when it has finished an entry
        finished()


def _session(copy_conninfo: str, settings: Mapping[str, str]) -> str:
    return session_conninfo(copy_conninfo, RESTORING, session_replication_role="replica", **settings)


@contextmanager
def _listed(entries: Collection[Entry]) -> Iterator["IO[str]"]:
    with tempfile.NamedTemporaryFile("w") as listed:
        listed.writelines(entry.line for entry in entries)
        listed.flush()
        yield listed


def _script(archive: Archive, entries: Collection[Entry]) -> bytes:
    with _listed(entries) as listed:
        command = [
            programs.program("pg_restore"), "--verbose", f"--use-list={listed.name}", "--file=-",
            str(archive.path),
        ]  # fmt: skip
        made = subprocess.run(command, capture_output=True, check=False, timeout=600)
    if made.returncode:
        raise DefinitionFailed(str(archive.path), made.stderr.decode(errors="replace").strip())
    return made.stdout.replace(_UNKNOWN, b"\n", 1)  # `psql` has done the same


def _failed_at(said: str, script: str, entries: Collection[Entry]) -> DefinitionFailed:
    """In the server's own words; the entry is the last that begins before the line with the error."""
    found = _AT_LINE.search(said)
    if not found:
        return DefinitionFailed("the definitions", said.strip() or "psql was killed")
    before = "\n".join(script.split("\n")[: int(found[1])])
    numbers = _BEGINS.findall(before)
    return DefinitionFailed(_what(numbers[-1:], entries), said[found.end() :].strip())


def _failure(said: str, entries: Collection[Entry]) -> DefinitionFailed | None:
    """In the server's own words, where it has said any; None if it did not know a setting, and no more."""
    errors = [line for line in said.splitlines() if "error:" in line]
    messages = _SERVER_SAYS.findall(said)
    if errors and all("transaction_timeout" in line for line in errors):
        return None
    message = [each for each in messages if "transaction_timeout" not in each]
    return DefinitionFailed(
        _what(_FAILED_ENTRY.findall(said)[:1], entries),
        message[0].strip() if message else " ".join(errors) or "pg_restore was killed",
    )


def _what(numbers: list[str], entries: Collection[Entry]) -> str:
    names = [entry.what for entry in entries if str(entry.id) in numbers]
    return names[0] if names else "the definitions"
