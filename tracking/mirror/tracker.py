"""Turns the messages of a slot into entries of the object tracking list."""

import struct
from collections.abc import Iterable

from .keylist import KeyList, Page
from .pgoutput import ReadKey, Relation, key_reader, relation, truncated, tuples_end
from .stream import HEADER_BYTES

_LSN = struct.Struct("!q")
_AT = HEADER_BYTES  # where pgoutput's own data begins in a message
_HEAD = struct.Struct("!BIB").unpack_from  # of a row's change: kind, relation, kind of the row
_ROW_AT = _AT + 6
_ROW_CHANGES = b"UID"
# Our own table in the stream: what stands in it is carried as what it is, a definition change.
_UNLISTED = Page(entry=0, limit=0, whole_reason="not a table of the application's")


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
        changes, open_oid, last_change, commit = 0, 0, self.last_change, self._commit
        for message in messages:
            kind, oid, row = _HEAD(message, _AT)
            if kind in _ROW_CHANGES:
                changes += 1
                last_change = commit
                if oid != open_oid:
                    page, read = self._open(oid)
                    seen, open_oid = page.seen, oid
                page.changes += 1
                if page.whole_reason:
                    continue
                key = read(message, _ROW_AT)
                if key not in seen:
                    seen.add(key)
                    page.fresh.append(key)
                if row == 0x4B and kind == 0x55:  # U with K: the key itself changed
                    page.add(read(message, tuples_end(message, _ROW_AT) + 1))
            elif kind == 0x42:  # B
                self.in_transaction = True
                commit = self._commit = _LSN.unpack_from(message, _AT + 1)[0]
            elif kind == 0x43:  # C
                self.in_transaction = False
                self.position = _LSN.unpack_from(message, _AT + 10)[0]
            elif kind == 0x52:  # R
                self._announce(relation(message, _AT))
                open_oid = 0
            elif kind == 0x54:  # T
                changes += 1
                last_change = commit
                for each in truncated(message, _AT):
                    self._truncate(self._open(each)[0])
        self.last_change = last_change
        return changes

    def _announce(self, found: Relation) -> None:
        self._relations[found.oid] = (found, key_reader(found))
        self._pages.pop(found.oid, None)

    def _open(self, oid: int) -> tuple[Page, ReadKey]:
        found, read = self._relations[oid]
        page = self._pages.get(oid)
        if page is None:
            page = self._pages[oid] = _UNLISTED if found.schema == "mwa" else self._keys.page(found)
        return page, read

    def _truncate(self, page: Page) -> None:
        page.changes += 1
        if not page.whole_reason:
            self._keys.go_whole(page, "it was truncated")
