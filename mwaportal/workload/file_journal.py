"""The file application's own account, kept outside all databases.

It is a file of JSON lines that is added to, each handed to the kernel by one call: an operation is announced
with what it is going to change, before it touches a file, and done once the server has acknowledged its
commit. So a killed application leaves one operation at most of which it is not known how far it came.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from mwaportal.workload.file_account import Account, Changes, State

_COMPACT_BYTES = 64 << 20


class AccountInUse(Exception):
    """Another process writes this account."""


class AccountFailed(Exception):
    """The account cannot be written: nobody may go on without it."""


def exists(directory: Path) -> bool:
    """Whether an account is kept there."""
    return _name(directory).exists()


def read(directory: Path) -> Account:
    """The account as it stands; an application may go on meanwhile. Raises FileNotFoundError."""
    account = Account()
    for line in _name(directory).read_bytes().split(b"\n")[:-1]:  # an end without a newline was torn
        account.apply(json.loads(line))
    return account


def write(directory: Path, account: Account) -> None:
    """Put a whole account in the place of the one that is there, if any, in one step."""
    new = _name(directory).with_suffix(".new")
    new.write_bytes(b"".join(_encoded(line) for line in account.lines()))
    new.replace(_name(directory))


class AccountFile:
    """An account that is being added to, and what it says now."""

    def __init__(self, directory: Path) -> None:
        """Open it, or begin an empty one. Raises `AccountInUse` where another process holds it."""
        self._directory = directory
        self._lock = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise AccountInUse(f"{_name(directory)} is being written by another process") from error
        self.now = read(directory) if exists(directory) else Account()
        self._compact()

    def begin(self, number: int, kind: str, changes: Changes) -> None:
        """Announce an operation, before it touches a file. Raises `AccountFailed`, as all of these."""
        self._add(["begun", number, kind, changes])

    def done(self) -> None:
        """The commit of what was begun has been acknowledged."""
        self._add(["done"])

    def settle(self, found: dict[str, State]) -> None:
        """What was begun has ended otherwise, and this has become of its paths."""
        self._add(["settled", found])

    def lose(self, path: str, found: State) -> None:
        """Note that a path is not as it has to be; from here on it has to be as it was found."""
        self._add(["lost", path, found])

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._file)
        os.close(self._lock)

    def _compact(self) -> None:
        write(self._directory, self.now)
        self._file = os.open(_name(self._directory), os.O_WRONLY | os.O_APPEND)
        self._size = os.fstat(self._file).st_size
        self._limit = self._size + _COMPACT_BYTES

    def _add(self, line: list[Any]) -> None:
        data = _encoded(line)
        try:
            if os.write(self._file, data) != len(data):
                raise OSError("there is room for a part of a line only")
            self.now.apply(line)
            self._size += len(data)
            if self._size > self._limit:
                os.close(self._file)
                self._compact()
        except OSError as error:
            raise AccountFailed(f"{_name(self._directory)}: {error}") from error


def _encoded(line: list[Any]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _name(directory: Path) -> Path:
    return directory / "files.account"
