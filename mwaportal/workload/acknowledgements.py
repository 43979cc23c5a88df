"""The writers' ledger: one file per writer of what a server has acknowledged, outside all databases.

A record is three signed 64-bit numbers in this machine's byte order: the transaction's number, the wall time
of its acknowledgement in nanoseconds, and the system identifier of the server that gave it. It is handed to
the kernel before the next transaction begins, so a killed writer forgets one acknowledgement at most.
"""

import fcntl
import os
import struct
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

_RECORD = struct.Struct("=qqq")
# Wall time read once and carried on by the monotonic clock: setting the clock makes no gap.
_EPOCH_NS = time.time_ns() - time.monotonic_ns()


class LedgerInUse(Exception):
    """Another process writes this ledger."""


class LedgerFile:
    """The acknowledgements of one writer, to be added to."""

    def __init__(self, directory: Path, writer: int) -> None:
        """Open or create the file. Raises `LedgerInUse` where another process holds it."""
        path = directory / f"writer-{writer}.ledger"
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise LedgerInUse(f"{path} is being written by another process") from error
        size = os.fstat(self._file).st_size
        os.ftruncate(self._file, size - size % _RECORD.size)  # a record the disk had no room for

    def add(self, number: int, server: int) -> None:
        """Record that `server` has just acknowledged the transaction `number`. Raises OSError."""
        os.write(self._file, _RECORD.pack(number, _EPOCH_NS + time.monotonic_ns(), server))

    def close(self) -> None:
        """Close the file and let another process have it."""
        os.close(self._file)


@dataclass(frozen=True)
class Acknowledged:
    """What one writer had acknowledged, in order: parallel arrays, 24 bytes for a transaction."""

    numbers: "array[int]"
    times: "array[int]"  # wall time in ns
    servers: "array[int]"  # system identifiers


def read(directory: Path) -> dict[int, Acknowledged]:
    """The acknowledgements by writer; the writers may go on meanwhile."""
    found = {}
    for path in sorted(directory.glob("writer-*.ledger")):
        data = path.read_bytes()
        records = array("q", data[: len(data) - len(data) % _RECORD.size])
        writer = int(path.stem.removeprefix("writer-"))
        found[writer] = Acknowledged(records[0::3], records[1::3], records[2::3])
    return found
