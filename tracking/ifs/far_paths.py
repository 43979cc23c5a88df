"""Whether paths lead to an object on another host."""

import stat
from collections.abc import Iterable, Sequence
from itertools import islice

from .paths import parted, relative
from .sending import Sending

_AT_ONCE = 10_000
_LONGEST = 4096  # PATH_MAX; a longer one is not asked for, and does not exist
# GNU's. Of a link, its own mode: `stat` follows only those that lead to a name, which are asked for, too.
_MODES = 'cd -P -- "$1" || exit; xargs -0 -r stat --printf "%f %n\\0" -- 2>/dev/null; true'


def dangling(sending: Sending, paths: Iterable[bytes]) -> list[tuple[bytes, str]]:
    """Which of these paths do not lead to an object on the copy, each with the reason, as on one host.

    No link is followed. Raises `NotReached`, and OSError where the host cannot be asked in this way.
    """
    found = []
    left = iter(paths)
    while batch := list(islice(left, _AT_ONCE)):
        modes = _modes(sending, batch)
        found += [(path, reason) for path in batch if (reason := _missing(path, modes))]
    return found


def _modes(sending: Sending, paths: Sequence[bytes]) -> dict[bytes, int]:
    """The modes of these and of every directory that leads to one, as far as they are there."""
    names = {b""}
    for path in filter(_below_root, paths):
        while path not in names and len(path) < _LONGEST:
            names.add(path)
            path = parted(path)[0]
    given = b"".join(b"./" + name + b"\0" for name in sorted(names))
    said = sending.connection.run(_MODES, str(sending.root.copy), given=given)
    parts = (line.split(b" ", 1) for line in said.split(b"\0")[:-1])
    found = {name.removeprefix(b"./"): int(mode, 16) for mode, name in parts}
    if b"" not in found:
        raise OSError(f"{sending.connection.host.host} has no GNU xargs and stat; needed are both")
    return found


def _missing(path: bytes, modes: dict[bytes, int]) -> str:
    if not _below_root(path):
        return "is not below the root"
    directory = path
    while directory := parted(directory)[0]:
        if not stat.S_ISDIR(modes.get(directory, 0)):
            return "its directory does not exist on the copy"
    return "" if path in modes else "does not exist on the copy"


def _below_root(path: bytes) -> bool:
    try:
        relative(path)
    except ValueError:
        return False
    return True
