"""Looking at one path on both sides: is it the same object?"""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from . import metadata
from .difference import Difference, NotCompared
from .entry import INELIGIBLE, STMF, look, type_of
from .hashing import hash_file
from .opened import Opened, below
from .outcome import Changed
from .paths import parted, shown

Version = tuple[int, ...]


class Seen(NamedTuple):
    """What was found at a path. The versions tell whether one side changes between two looks."""

    difference: Difference | NotCompared | None
    source: Version | None
    copy: Version | None
    bytes: int = 0


@dataclass
class Sight:
    """Looks at paths of an open root; `content`: also at what files hold."""

    opened: Opened
    content: bool

    def look(self, path: bytes) -> Seen:
        """At a path on the source and on the copy."""
        directory, name = parted(path)
        if not path:
            return self._compared(path, b".", self.opened.source, self.opened.copy)
        try:
            with below(self.opened.source, directory) as here:
                try:
                    with below(self.opened.copy, directory) as there:
                        return self.at(path, name, here, there)
                except (FileNotFoundError, NotADirectoryError):
                    return self.at(path, name, here, None)
        except (FileNotFoundError, NotADirectoryError):
            try:
                with below(self.opened.copy, directory) as there:
                    return self.at(path, name, None, there)
            except (FileNotFoundError, NotADirectoryError):
                return Seen(None, None, None)
            except OSError as error:
                return _unreadable(path, "copy", error)
        except OSError as error:
            return _unreadable(path, "source", error)

    def one_file(self, path: bytes, other: bytes) -> Difference | None:
        """Whether two names are one file on both sides, or on none."""
        here, there = _one_file(self.opened.source, path, other), _one_file(self.opened.copy, path, other)
        if here == there:
            return None
        side = "source" if here else "copy"
        return Difference(path, "metadata", STMF, f"one file with {shown(other)} on the {side} only")

    def at(self, path: bytes, name: bytes, here: int | None, there: int | None) -> Seen:
        """At a name in a directory that is open on both sides, None where it is not there."""
        try:
            source = look(here, name) if here is not None else None
            copy = look(there, name) if there is not None else None
        except OSError as error:
            return _unreadable(path, "side", error)
        kind = type_of(source.st_mode) if source else ""
        if source is None or kind in INELIGIBLE:
            if copy is None:
                return Seen(None, None, None)
            found = type_of(copy.st_mode)
            return Seen(Difference(path, "extra", found, f"{found} on the copy only"), None, _version(copy))
        if copy is None:
            return Seen(
                Difference(path, "missing", kind, f"{kind} on the source only"), _version(source), None
            )
        if type_of(copy.st_mode) != kind or copy.st_rdev != source.st_rdev:
            what = f"{kind} {source.st_rdev or ''} on the source, {type_of(copy.st_mode)} on the copy"
            return Seen(Difference(path, "type", kind, what), _version(source), _version(copy))
        assert here is not None and there is not None
        return self._compared(path, name, here, there, source, copy)

    def _compared(
        self,
        path: bytes,
        name: bytes,
        here: int,
        there: int,
        source: os.stat_result | None = None,
        copy: os.stat_result | None = None,
    ) -> Seen:
        """Both are there and of one type."""
        source = source or os.stat(name, dir_fd=here, follow_symlinks=False)
        copy = copy or os.stat(name, dir_fd=there, follow_symlinks=False)
        versions = _version(source), _version(copy)
        kind = type_of(source.st_mode)
        try:
            what, read = self._content(name, here, there, source, copy)
            if what:
                return Seen(Difference(path, "content", kind, what), *versions, read)
            wanted = metadata.of_name(here, name, source)
            found = metadata.differences(wanted, metadata.of_name(there, name, copy))
        except Changed:
            return Seen(Difference(path, "content", kind, "it was another object meanwhile"), (), (), 0)
        except OSError as error:
            return _unreadable(path, getattr(error, "__notes__", ["source or the copy"])[0], error)
        if found:
            return Seen(Difference(path, "metadata", kind, ", ".join(found)), *versions, read)
        return Seen(None, *versions, read)

    def _content(
        self, name: bytes, here: int, there: int, source: os.stat_result, copy: os.stat_result
    ) -> tuple[str, int]:
        if stat.S_ISLNK(source.st_mode):
            targets = os.readlink(name, dir_fd=here), os.readlink(name, dir_fd=there)
            return ("" if targets[0] == targets[1] else f"points to {targets[0]!r}, copy {targets[1]!r}", 0)
        if not stat.S_ISREG(source.st_mode):
            return "", 0
        if source.st_size != copy.st_size:
            return f"{source.st_size:,} bytes, copy {copy.st_size:,}", 0
        if not self.content or not source.st_size:
            return "", 0
        hashes = hash_file(here, name).hex(), hash_file(there, name).hex()
        same = hashes[0] == hashes[1]
        return ("" if same else f"blake3 {hashes[0][:16]}, copy {hashes[1][:16]}"), source.st_size


def _version(status: os.stat_result) -> Version:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _one_file(top: int, path: bytes, other: bytes) -> bool:
    found = []
    for each in (path, other):
        directory, name = parted(each)
        with suppress(OSError), below(top, directory) as fd:
            if status := look(fd, name):
                found.append((status.st_dev, status.st_ino))
    return len(found) == 2 and found[0] == found[1]


def _unreadable(path: bytes, side: str, error: OSError) -> Seen:
    who = f": uid {os.geteuid()} needs the right" if isinstance(error, PermissionError) else ""
    return Seen(NotCompared(path, f"the {side} says {error.strerror}{who}"), None, None)
