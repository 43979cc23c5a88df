"""The steps of the file application: what one system call or few do to a file."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mwaportal.workload.file_account import Changes

Step = Callable[[], object]
Made = tuple[Changes, list[Step]]


@dataclass(frozen=True)
class Plan:
    """An operation that can be made now, chosen by what the account says.

    `make` reads the files it needs, and returns what will change and the steps that change it. It is called,
    and its steps are taken, within a transaction.
    """

    make: Callable[[Path], Made]
    row: str | None = None  # the path that a new row of public.invoices names, with the operation's number
    rows_first: tuple[str, ...] = ()  # paths whose rows have to be gone before


def make_parent(whole: Path) -> None:
    """Make the directories that lead to a path."""
    whole.parent.mkdir(parents=True, exist_ok=True)


def put(whole: Path, content: bytes, mode: int = 0o644) -> None:
    """Write and close a file, with the directories that lead to it. Raises OSError."""
    make_parent(whole)
    with whole.open("wb", buffering=0) as file:
        os.fchmod(file.fileno(), mode)
        _write(file.fileno(), content)


def append(whole: Path, line: bytes, mode: int) -> None:
    """Add to the end of a file, which is made if need be. Raises OSError."""
    make_parent(whole)
    with whole.open("ab", buffering=0) as file:
        os.fchmod(file.fileno(), mode)
        _write(file.fileno(), line)


def write_at(whole: Path, where: int, content: bytes) -> None:
    """Write over a part of a file. Raises OSError."""
    with whole.open("r+b", buffering=0) as file:
        file.seek(where)
        _write(file.fileno(), content)


def remove_if_empty(whole: Path) -> None:
    """Remove a directory, unless it is not empty or gone already."""
    with suppress(OSError):
        whole.rmdir()


def content_of(whole: Path) -> bytes:
    """What a file holds; nothing where there is none."""
    try:
        return whole.read_bytes()
    except FileNotFoundError:
        return b""


def _write(fd: int, content: bytes) -> None:
    if os.write(fd, content) != len(content):
        raise OSError("there is room for a part of it only")
