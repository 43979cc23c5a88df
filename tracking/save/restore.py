"""Restore entries of an archive in one transaction, by a script of pg_restore's.

Not by pg_restore itself: its version 18 begins each session by setting `transaction_timeout`, which servers
before 17 do not know, and `lock_timeout`, so that it would wait without end for somebody who reads there.
"""

import re
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import IO

from nodes.postgres import programs
from nodes.postgres.connect import session_conninfo

from .archive import Archive, Entry
from .child import end, psql, start
from .failure import DefinitionFailed
from .route import copy_settings

RESTORING = "save restore"
_NOT_WANTED = (b"SET transaction_timeout = 0;\n", b"SET lock_timeout = 0;\n")
# Before each entry of a script: its number; in front of psql's error: the line of the script
_BEGINS = re.compile(r"^-- TOC entry (\d+) ", re.MULTILINE)
_AT_LINE = re.compile(r"^psql:<stdin>:(\d+): (?=\w+:  )", re.MULTILINE)


def restore(archive: Archive, copy_conninfo: str, entries: Collection[Entry]) -> None:
    """Restore the entries in their order and in one transaction.

    Raises `DefinitionFailed` for the first that fails, with nothing made.
    """
    if not entries:
        return
    script = _script(archive, entries)
    session = session_conninfo(copy_conninfo, RESTORING, **copy_settings())
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


@contextmanager
def listed(entries: Collection[Entry]) -> Iterator["IO[str]"]:
    """A file for `pg_restore --use-list`."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.writelines(entry.line for entry in entries)
        file.flush()
        yield file


def _script(archive: Archive, entries: Collection[Entry]) -> bytes:
    with listed(entries) as file:
        command = [
            programs.program("pg_restore"), "--verbose", f"--use-list={file.name}", "--file=-",
            str(archive.path),
        ]  # fmt: skip
        made = subprocess.run(command, capture_output=True, check=False, timeout=600)
    if made.returncode:
        raise DefinitionFailed(str(archive.path), made.stderr.decode(errors="replace").strip())
    script = made.stdout
    for line in _NOT_WANTED:
        script = script.replace(line, b"\n", 1)
    return script


def _failed_at(said: str, script: str, entries: Collection[Entry]) -> DefinitionFailed:
    """In the server's own words; the entry is the last that begins before the line with the error."""
    found = _AT_LINE.search(said)
    if not found:
        return DefinitionFailed("the definitions", said.strip() or "psql was killed")
    before = "\n".join(script.split("\n")[: int(found[1])])
    numbers = _BEGINS.findall(before)
    return DefinitionFailed(named(numbers[-1:], entries), said[found.end() :].strip())


def named(numbers: list[str], entries: Collection[Entry]) -> str:
    """What the first of these entries is called."""
    names = [entry.what for entry in entries if str(entry.id) in numbers]
    return names[0] if names else "the definitions"
