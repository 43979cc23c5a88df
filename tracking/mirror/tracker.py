"""Turns the messages of a slot into entries of the object tracking list."""

import struct
from collections.abc import Iterable

from .keylist import KeyList, Page
from .pgoutput import ReadKey, Relation, key_reader, relation, truncated, tuples_end
from .stream import HEADER_BYTES

_OID = struct.Struct("!I")
_LSN = struct.Struct("!q")
_AT = HEADER_BYTES  # where pgoutput's own data begins in a message


class Tracker:
    """Reads row changes for their keys only.

    `position` is the end of the last transaction that was read whole; `last_change` the commit
    position of the last one that touched a row, which is what proves that a fence holds.
    """

    def __init__(self, keys: KeyList) -> None:
        self.position = 0
        self.last_change = 0
        self.in_transaction = False
        self._keys = keys
        self._relations: dict[int, tuple[Relation, ReadKey]] = {}
        self._pages: dict[int, Page] = {}
        self._commit = 0

    def begin_sheet(self) -> None:
        """List again from here on, see `KeyList.begin_sheet`."""
        self._keys.begin_sheet()
        self._pages.clear()

    def take(self, messages: Iterable[memoryview]) -> int:
        """Read messages; returns how many of them changed a row."""
        changes, pages, oid_at = 0, self._pages, _OID.unpack_from
        for message in messages:
            kind = message[_AT]
            if kind in b"IUD":
                changes += 1
                self.last_change = self._commit
                oid = oid_at(message, _AT + 1)[0]
                page = pages.get(oid) or self._open(oid)
                page.changes += 1
                if page.whole_reason:
                    continue
                read = self._relations[oid][1]
                key = read(message, _AT + 6)
                if key not in page.seen:
                    page.seen.add(key)
                    page.fresh.append(key)
                if kind == 0x55 and message[_AT + 5] == 0x4B:  # U with K: the key itself changed
                    page.add(read(message, tuples_end(message, _AT + 6) + 1))
            elif kind == 0x42:  # B
                self.in_transaction, self._commit = True, _LSN.unpack_from(message, _AT + 1)[0]
            elif kind == 0x43:  # C
                self.in_transaction = False
                self.position = _LSN.unpack_from(message, _AT + 10)[0]
            elif kind == 0x52:  # R
                self._announce(relation(message, _AT))
            elif kind == 0x54:  # T
                changes += 1
                self.last_change = self._commit
                for oid in truncated(message, _AT):
                    self._truncate(pages.get(oid) or self._open(oid))
        return changes

    def _announce(self, found: Relation) -> None:
        self._relations[found.oid] = (found, key_reader(found))
        self._pages.pop(found.oid, None)

    def _open(self, oid: int) -> Page:
        page = self._pages[oid] = self._keys.page(self._relations[oid][0])
        return page

    def _truncate(self, page: Page) -> None:
        page.changes += 1
        if not page.whole_reason:
            self._keys.go_whole(page, "it was truncated")
