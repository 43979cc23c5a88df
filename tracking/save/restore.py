"""pg_restore, entry by entry."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Collection, Mapping

from nodes.postgres import programs
from nodes.postgres.connect import session_conninfo

from .archive import Archive, Entry
from .child import end, start
from .failure import DefinitionFailed

RESTORING = "save restore"
_FINISHED = "finished item "
_FAILED_ENTRY = re.compile(r"from TOC entry (\d+);")
_SERVER_SAYS = re.compile(r"could not execute query: (.*?)(?:^Command was:|\Z)", re.MULTILINE | re.DOTALL)


def restore(
    archive: Archive,
    copy_conninfo: str,
    entries: Collection[Entry],
    *options: str,
    finished: Callable[[], None] = lambda: None,
    settings: Mapping[str, str] | None = None,
) -> None:
    """Restore the entries; `finished` is called for each one.

    Raises `DefinitionFailed` for the first that fails.
    """
    if not entries:
        return
    session = session_conninfo(
        copy_conninfo, RESTORING, **{"session_replication_role": "replica", **(settings or {})}
    )
    with tempfile.NamedTemporaryFile("w") as listed:
        listed.writelines(entry.line for entry in entries)
        listed.flush()
        command = [
            programs.program("pg_restore"), "--exit-on-error", "--verbose", "--no-password", *options,
            f"--use-list={listed.name}", f"--dbname={programs.argument(session)}", str(archive.path),
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
    if process.returncode:
        raise _failure("".join(said), entries)
    for _ in range(owed):  # one job alone does not say when it has finished an entry
        finished()


def _failure(said: str, entries: Collection[Entry]) -> DefinitionFailed:
    """In the server's own words, where it has said any."""
    what = "the definitions"
    if found := _FAILED_ENTRY.findall(said):
        what = next((entry.what for entry in entries if entry.id == int(found[-1])), what)
    message = _SERVER_SAYS.findall(said)
    errors = [line for line in said.splitlines() if "error:" in line] or said.splitlines()[-1:]
    return DefinitionFailed(
        what, message[-1].strip() if message else " ".join(errors) or "pg_restore was killed"
    )
