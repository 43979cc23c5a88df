"""For preflight: whether the host of the copy can be worked with."""

import os
import tempfile
from pathlib import Path

from nodes.postgres.preflight.check import Finding, finding

from .host import Connection, Facts, Host, Refused, Version, connected
from .not_reached import NotReached, Problem
from .rsync import NEEDED, local_version, metadata, push
from .temporary import new_name

_NEEDED = "a host that is reached by ssh, has the pinned key, lets the node's key in and has rsync"
_REMEDIES: dict[Problem, str] = {
    "unreachable": "see that the host is up, and that no firewall is in between",
    "host key": "compare the fingerprint with the one on the host's console, then pin the new one",
    "login": "put the public half of the node's key into authorized_keys of that user",
    "rsync": "install a good rsync on both hosts",
}
# A file of ours, made and removed: rights, a read-only file system and a full one all show.
_TRY = """
cd -P -- "$1" || exit
name=.mwa-ifs-$(printf %016x $$)
touch -- "$name" && rm -f -- "$name"
"""


def check(host: Host, copy: Path) -> Finding:
    """Whether files can be carried to the directory `copy` of a host; what is wrong first is said."""
    try:
        local = local_version()
        with connected(host) as connection:
            facts = connection.facts
            problem = _directory(connection, copy)
            if not problem and facts.rsync >= NEEDED:
                _trial(connection, copy)
    except NotReached as error:
        return finding(False, str(error), _NEEDED, _REMEDIES[error.problem])
    if problem:
        needed = f"a directory that user {host.user} may write to"
        return finding(
            False, f"{copy} on {host.host}: {problem}", needed, "make it, or give that user the right"
        )
    return _versions(host, facts, local)


def _directory(connection: Connection, copy: Path) -> str:
    try:
        connection.run(_TRY, str(copy))
    except Refused as error:
        return str(error)
    return ""


def _trial(connection: Connection, copy: Path) -> None:
    """Have rsync say what it would do about a name that neither side has. Raises `NotReached`."""
    with tempfile.TemporaryDirectory(prefix="mwa-nothing-") as nothing:
        options = [*metadata(connection), "--dry-run"]
        push(connection, options, os.fsencode(nothing), os.fsencode(copy), [b"./" + new_name()])


def _versions(host: Host, facts: Facts, local: Version) -> Finding:
    there = f"{_dotted(facts.rsync)} on {host.host}, user {host.user} (uid {facts.uid})"
    seen = f"rsync {_dotted(local)} here, {there}"
    if min(local, facts.rsync) < NEEDED:
        return finding(False, seen, f"rsync {_dotted(NEEDED)} on both", "install a newer rsync")
    remedy = "let the node's key in as root, or know that all files on the copy will belong to that user"
    return finding(not facts.uid, seen, "uid 0, to give files to their owners", remedy, otherwise="warning")


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
