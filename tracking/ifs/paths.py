"""Paths below a root: bytes, relative, whatever they are named; and how they are written for a reader."""

import re

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")


def relative(path: bytes | str) -> bytes:
    """The path as bytes; text may hold surrogates for what is not UTF-8. Empty: the root itself.

    Raises ValueError for one that is absolute, or has a part that is empty, `.` or `..`.
    """
    raw = path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path
    if raw and any(part in (b"", b".", b"..") for part in raw.split(b"/")):
        raise ValueError(f"{shown(raw)} is not a path below a root: needed is one without '', '.' and '..'")
    if b"\0" in raw:
        raise ValueError(f"{shown(raw)} holds a zero byte, which no name can")
    return raw


def joined(directory: bytes, name: bytes) -> bytes:
    """The path of something in a directory."""
    return directory + b"/" + name if directory else name


def parted(path: bytes) -> tuple[bytes, bytes]:
    """The directory and the name."""
    directory, _, name = path.rpartition(b"/")
    return directory, name


def text(path: bytes) -> str:
    """As Python's own functions have it: not UTF-8 becomes surrogates."""
    return path.decode("utf-8", "surrogateescape")


def shown(path: bytes) -> str:
    """For a message: on one line, and nothing in it that cannot be printed.

    Each `\\x..` is one byte, so no two paths look the same. `qsys2.path_name` writes the same in SQL.
    """
    return _UNPRINTABLE.sub(_escaped, text(path)) or "."


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    in_bytes = "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
    return {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character, in_bytes)
