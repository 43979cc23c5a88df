"""Looking at the copy on another host, and removing there what the source has not."""

import os
import stat
import tempfile
from collections.abc import Iterable, Sequence
from threading import Event
from typing import NamedTuple

from .itemized import FAR_FORMAT, FarEntry, Item, far_entry
from .paths import joined, parted, text
from .rsync import Ran, pull, push
from .sending import Sending

_LOOK = (
    "-lptgoD",
    "--no-implied-dirs",
    "--numeric-ids",
    "--ignore-missing-args",
    f"--out-format={FAR_FORMAT}",
)
# GNU's: without them nothing is known of files with several names.
_NAMES = 'cd -P -- "$1" && xargs -0 -r stat --printf "%h %f %d:%i %n\\0" -- 2>/dev/null; true'
_ALL_NAMES = 'cd -P -- "$1" && find "./$2" -type f -links +1 -printf "%n 8000 %D:%i %p\\0" 2>/dev/null; true'
_EXTRAS = ("-rlD", "--dry-run", "--delete", "--existing", "--ignore-existing", "--ignore-errors")


def listing(
    sending: Sending, paths: Sequence[bytes], *, inside: bool = False, stop: Event | None = None
) -> dict[bytes, FarEntry]:
    """What the copy has at these paths; `inside`: also below those that are directories.

    A directory that leads to a path may be a link there: such a path is not to be acted upon.
    """
    if not paths:
        return {}
    options = ["-r", *_LOOK] if inside else list(_LOOK)
    ran = pull(sending.connection, options, sending.there, paths, stop)
    found = {entry.path: entry for line in ran.lines if (entry := far_entry(line))}
    tops = set(paths)
    return {path: entry for path, entry in found.items() if path in tops or (inside and _below(path, tops))}


def extras(sending: Sending, path: bytes, stop: Event | None = None) -> list[Item]:
    """All names that the copy has below a directory and the source has not, whatever is left out of the root.

    Both have to have the directory, and no link on the copy where the source has a directory: rsync would
    look through it.
    """
    here, there = joined(sending.here, path) if path else sending.here, joined(sending.there, path)
    ran = push(sending.connection, _EXTRAS, here, there, None, stop)
    return [item._replace(path=joined(path, item.path)) for item in ran.items if item.deleted]


class Shared(NamedTuple):
    """A file of the copy that has several names: how many, and which file it is."""

    names: int
    file: bytes


def shared_at(sending: Sending, paths: Sequence[bytes]) -> dict[bytes, Shared]:
    """Which of these paths are one of several names on the copy."""
    given = b"".join(b"./" + path + b"\0" for path in paths)
    return _shared(sending.connection.run(_NAMES, str(sending.root.copy), given=given)) if paths else {}


def shared_below(sending: Sending, path: bytes) -> dict[bytes, Shared]:
    """All such names in a directory of the copy and below it."""
    return _shared(sending.connection.run(_ALL_NAMES, str(sending.root.copy), text(path)))


def _shared(said: bytes) -> dict[bytes, Shared]:
    found = {}
    for line in said.split(b"\0")[:-1]:
        names, mode, file, path = line.split(b" ", 3)
        if int(names) > 1 and stat.S_ISREG(int(mode, 16)):
            found[path.removeprefix(b"./")] = Shared(int(names), file)
    return found


def removable(found: Iterable[tuple[bytes, bool]], sending: Sending) -> tuple[list[bytes], list[bytes]]:
    """Which of (path, is a directory) may go, and which directories have to stay.

    The first are the fewest, to be removed with all that is in them. The others stay because something in
    them is left out of the root.
    """
    kinds = dict(found)
    stay: set[bytes] = set()
    for path, is_dir in kinds.items():
        if sending.stays(path, is_dir):
            stay.add(path)
            while (path := parted(path)[0]) and path in kinds and path not in stay:
                stay.add(path)
    tops = [path for path in kinds if path not in stay and (_top(parted(path)[0], kinds, stay))]
    kept = [path for path in stay if not sending.stays(path, kinds[path])]
    return sorted(tops), sorted(kept)


def remove(sending: Sending, paths: Sequence[bytes]) -> Ran | None:
    """Remove these from the copy, directories with all that is in them, whatever the source has there.

    What leads to a path is told to rsync as a directory, of a tree made for that: a link on the copy in its
    place is replaced, and not followed.
    """
    if not paths:
        return None
    with tempfile.TemporaryDirectory(prefix="mwa-nothing-") as nothing:
        top = nothing.encode()
        for directory in {parted(path)[0] for path in paths} - {b""}:
            os.makedirs(joined(top, directory), exist_ok=True)
        options = ["--force", "--delete-missing-args"]
        return push(sending.connection, options, top, sending.there, paths)


def _top(directory: bytes, kinds: dict[bytes, bool], stay: set[bytes]) -> bool:
    return directory not in kinds or directory in stay


def _below(path: bytes, tops: set[bytes]) -> bool:
    while path := parted(path)[0]:
        if path in tops:
            return True
    return False
