"""What rsync prints, a line for each object: what it is, and what was or would be done to it."""

import re
from typing import NamedTuple

from .entry import CHRSF, DIR, FIFO, STMF, SYMLNK
from .outcome import What

FORMAT = "%i %l %n"
FAR_FORMAT = "%i %l %U %G %B %n"
_LINE = re.compile(rb"([<>ch.][fdLDS][ .+?a-zA-Z]{9}|\*deleting  ) +(\d+) (.*)\Z", re.DOTALL)
_FAR_LINE = re.compile(rb"[>c.h]([fdLDS])[ .+?a-zA-Z]{9} +(\d+) (\d+) (\d+) (\S+) (.*)\Z", re.DOTALL)
_ESCAPED = re.compile(rb"\\#([0-7]{3})")
_TYPES = {b"f": STMF, b"d": DIR, b"L": SYMLNK, b"D": CHRSF, b"S": FIFO}
_METADATA = {
    ord("t"): "modified at another time", ord("T"): "modified at another time", ord("p"): "mode",
    ord("o"): "owner", ord("g"): "group", ord("a"): "ACL", ord("x"): "extended attributes",
}  # fmt: skip


class Item(NamedTuple):
    """An object that differs; `flags` as in rsync(1), --itemize-changes."""

    flags: bytes
    length: int
    path: bytes
    is_dir: bool

    @property
    def deleted(self) -> bool:
        """It is on the copy only."""
        return self.flags.startswith(b"*")

    @property
    def new(self) -> bool:
        """The copy has nothing there, or something of another type."""
        return self.flags[2:3] == b"+"

    @property
    def content(self) -> bool:
        """What it holds differs: bytes, or where a link points to."""
        return not self.new and (b"c" in self.flags[2:4] or b"s" in self.flags[3:4])

    @property
    def sent(self) -> bool:
        """Its bytes went over."""
        return self.flags[:2] == b"<f"

    @property
    def metadata(self) -> str:
        """What else differs, in words; empty: which names are one file."""
        words = dict.fromkeys(_METADATA[letter] for letter in self.flags[4:] if letter in _METADATA)
        return ", ".join(words)

    @property
    def what(self) -> What:
        """What has been done to it."""
        if self.deleted:
            return "removed"
        if self.flags.startswith(b"h"):
            return "linked"
        if self.new:
            return "created"
        if self.sent:
            return "content"
        return "replaced" if self.content else "metadata"


class FarEntry(NamedTuple):
    """An object as it is on the copy."""

    path: bytes
    type: str
    size: int
    uid: int
    gid: int
    mode: str  # as 'rwxr-x---'


def decoded(line: bytes) -> bytes:
    """Names as they are: rsync writes what cannot be printed as backslash, # and three octal digits."""
    return _ESCAPED.sub(lambda match: bytes([int(match.group(1), 8) & 0xFF]), line)


def item(line: bytes) -> Item | None:
    """Of a line in `FORMAT`; None where it is none, but a message."""
    match = _LINE.match(line)
    if match is None:
        return None
    name = decoded(match.group(3))
    return Item(match.group(1), int(match.group(2)), _path(name), name.endswith(b"/"))


def far_entry(line: bytes) -> FarEntry | None:
    """Of a line in `FAR_FORMAT`."""
    match = _FAR_LINE.match(line)
    if match is None:
        return None
    kind, size, uid, gid, mode, name = match.groups()
    return FarEntry(_path(decoded(name)), _TYPES[kind], int(size), int(uid), int(gid), mode.decode())


def _path(name: bytes) -> bytes:
    path = name.rstrip(b"/")
    return b"" if path == b"." else path
