"""Which rows a logical replication message touches: pgoutput read for keys only.

Format: PostgreSQL documentation, "Logical Replication Message Formats", protocol version 1.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

_LENGTH = struct.Struct("!i")
_OID = struct.Struct("!I")
_length_at = _LENGTH.unpack_from
_SAFE = bytes(range(0x30, 0x3A)) + bytes(range(0x41, 0x5B)) + bytes(range(0x61, 0x7B)) + b"-+.:_@/"

ReadKey = Callable[[memoryview, int], bytes]


@dataclass(frozen=True)
class Relation:
    """A table as the stream announces it. `key` are positions of the replica identity's columns."""

    oid: int
    schema: str
    name: str
    columns: tuple[str, ...]
    key: tuple[int, ...]
    whole_reason: str

    @property
    def key_columns(self) -> list[str]:
        """The names of the key's columns, in the order in which the stream gives their values."""
        return [self.columns[position] for position in self.key]


def relation(data: memoryview, start: int) -> Relation:
    """Read a Relation message (R) whose type byte stands at `start`."""
    raw = bytes(data[start + 1 :])
    oid = _OID.unpack_from(raw)[0]
    schema_end = raw.index(0, 4)
    name_end = raw.index(0, schema_end + 1)
    identity, count = chr(raw[name_end + 1]), int.from_bytes(raw[name_end + 2 : name_end + 4], "big")
    at, columns, key = name_end + 4, [], []
    for position in range(count):
        end = raw.index(0, at + 1)
        if raw[at] & 1:
            key.append(position)
        columns.append(raw[at + 1 : end].decode())
        at = end + 9  # past the zero byte, the type and its modifier
    reason = "" if identity in "di" and key else "the table has no key"
    schema = raw[4:schema_end].decode() or "pg_catalog"
    return Relation(oid, schema, raw[schema_end + 1 : name_end].decode(), tuple(columns), tuple(key), reason)


def truncated(data: memoryview, start: int) -> list[int]:
    """The relation oids of a Truncate message (T)."""
    count = _LENGTH.unpack_from(data, start + 1)[0]
    return [_OID.unpack_from(data, start + 6 + 4 * number)[0] for number in range(count)]


def key_reader(relation: Relation) -> ReadKey:
    """A function that reads the raw key values of a tuple that begins at a position of a message."""
    if relation.key == (0,):
        return _first_column
    last, wanted = max(relation.key), frozenset(relation.key)

    def read(data: memoryview, at: int) -> bytes:
        at += 2
        parts = b""
        for position in range(last + 1):
            begin, length = at, 1
            if data[at] == 0x74:  # t: a value as text
                length += 4 + _LENGTH.unpack_from(data, at + 1)[0]
            at += length
            if position in wanted:
                parts += data[begin + 1 : at]
        return parts

    return read


def _first_column(data: memoryview, at: int) -> bytes:
    return bytes(data[at + 3 : at + 7 + _length_at(data, at + 3)[0]])


def array_literal(raw: bytes) -> bytes:
    """The text array literal of raw key values (each with its length before it)."""
    values, at = [], 0
    while at < len(raw):
        length = _LENGTH.unpack_from(raw, at)[0]
        value = raw[at + 4 : at + 4 + length]
        if not value or value.translate(None, _SAFE) or value.upper() == b"NULL":
            value = b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        values.append(value)
        at += 4 + length
    return b"{" + b",".join(values) + b"}"


def tuples_end(data: memoryview, at: int) -> int:
    """Where the tuple that begins at `at` ends: needed to find the new row behind an old key."""
    count = int.from_bytes(data[at : at + 2], "big")
    at += 2
    for _ in range(count):
        at += 5 + _LENGTH.unpack_from(data, at + 1)[0] if data[at] == 0x74 else 1
    return at
