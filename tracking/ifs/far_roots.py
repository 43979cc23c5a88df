"""Whether the copies of a pair's roots can be what they are told to be, on another host."""

from collections.abc import Sequence
from pathlib import Path

from .host import Connection
from .roots import SYSTEM, End, Refusal, Root, overlaps

_Identity = tuple[int, int]
# Of each path: the directory, then all above it; nothing where it is none.
_ABOVE = """
for path do
    if cd -P -- "$path" 2>/dev/null; then
        while stat -c "%d %i" . && [ "$(pwd -P)" != / ]; do cd -P .. || break; done
    fi
    echo .
done
"""


def check(connection: Connection, roots: Sequence[Root], forbidden: Sequence[Path]) -> list[Refusal]:
    """Copies that are in each other, or where they must not be; those that are not there are passed over.

    Raises `NotReached`.
    """
    copies, never = [root.copy for root in roots], [*SYSTEM, *forbidden]
    found = dict(zip([*copies, *never], _above(connection, [*copies, *never]), strict=True))
    where = connection.host.host
    ends = [
        End(f"copy {path} on {where}", path, found[path][0], frozenset(found[path][1:]))
        for path in copies
        if found[path]
    ]
    return overlaps(ends, [(path, found[path][0]) for path in never if found[path]])


def _above(connection: Connection, paths: Sequence[Path]) -> list[list[_Identity]]:
    said = connection.run(_ABOVE, *map(str, paths)).decode()
    return [
        [(int(device), int(inode)) for device, inode in map(str.split, lines.splitlines())]
        for lines in said.split(".\n")[:-1]
    ]
