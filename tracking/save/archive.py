"""An archive of pg_dump and what has to be known beside it; what of it is on the copy already."""

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

from nodes.postgres import programs
from nodes.postgres.connect import Connection

from .failure import DefinitionFailed
from .foreign_keys import ForeignKey
from .large import LargeIndex

_ENTRY = re.compile(r"^(\d+); (\d+) (\d+) (.*)$")
_DEPENDS = ";\tdepends on:"
# Ours on the source. A name that begins so is never the application's.
_OURS = re.compile(r"^(PUBLICATION|SUBSCRIPTION|EVENT TRIGGER) - mwa(_\S*)? ")
# A view that needs a primary key: an empty one of its name stands for it until after the data
_REPLACED = re.compile(r"^RULE .* _RETURN ")
_FOREIGN_KEY = "FK CONSTRAINT "

Address = tuple[str, list[str], list[str]]


@dataclass(frozen=True)
class Entry:
    """One entry of an archive's table of contents, as `pg_restore --list --verbose` shows it."""

    id: int
    catalog: int  # the catalog that the object's `oid` on the source belongs to
    oid: int
    what: str  # kind, schema, name and owner
    depends: frozenset[int]

    @property
    def line(self) -> str:
        """The line for `pg_restore --use-list`."""
        return f"{self.id}; {self.catalog} {self.oid} {self.what}\n"


@dataclass(frozen=True)
class Facts:
    """What an archive does not tell, from the same snapshot of the source."""

    addresses: dict[int, Address]  # by entry: how to find the object on another server
    foreign_keys: list[ForeignKey]
    large: list[LargeIndex]
    late: list[int]  # the oids of indexes that are built after all others
    definitions: list[int]  # the entries of mwa.definition_changes whose changes it has
    left_out: list[int]  # entries of what is not to be on the copy

    def save(self, path: Path) -> None:
        """Write them down beside the archive."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "Facts":
        """Read them again."""
        found = json.loads(path.read_text())
        return cls(
            {int(entry): tuple(address) for entry, address in found["addresses"].items()},
            [ForeignKey(**each) for each in found["foreign_keys"]],
            [LargeIndex(**each) for each in found["large"]],
            found["late"],
            found["definitions"],
            found["left_out"],
        )


@dataclass(frozen=True)
class Archive:
    """A custom-format archive, without what is ours and without foreign keys: those are made later."""

    path: Path

    @property
    def facts_path(self) -> Path:
        """Where the facts are."""
        return self.path.with_suffix(".json")

    @cached_property
    def facts(self) -> Facts:
        """What was found out when the archive was made."""
        return Facts.load(self.facts_path)

    def entries(self, section: str) -> list[Entry]:
        """The table of contents of `pre-data` or `post-data`, in the order of restoring."""
        chosen = {entry.id for entry in self._list(f"--section={section}")}
        entries = _without(self.all_entries(), set(self.facts.left_out))
        return [entry for entry in entries if entry.id in chosen]

    def all_entries(self) -> list[Entry]:
        """The whole table of contents, foreign keys and all."""
        return self._list("--verbose")  # with dependencies, but whatever the section

    def _list(self, *options: str) -> list[Entry]:
        command = [programs.program("pg_restore"), "--list", *options, str(self.path)]
        listed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if listed.returncode:
            raise DefinitionFailed(str(self.path), listed.stderr.strip())
        return _parse(listed.stdout)

    def is_there(self, copy: Connection, entry: Entry) -> bool | None:
        """Whether the entry's object exists on the copy; None where that cannot be told."""
        address = self.facts.addresses.get(entry.id)
        if _REPLACED.match(entry.what):
            return None
        return None if address is None else exists(copy, address)

    def restored(self, copy: Connection, entries: Iterable[Entry]) -> bool:
        """Whether these entries, restored in one transaction, are all there: the last is, if any is."""
        for entry in reversed(list(entries)):
            there = self.is_there(copy, entry)
            if there is not None:
                return there
        return False


def exists(copy: Connection, address: Address) -> bool:
    """Whether an object with this address (pg_identify_object_as_address) exists."""
    try:
        copy.execute("select pg_get_object_address(%s, %s, %s)", address)
    except psycopg.ProgrammingError:  # undefined table, function, schema ...
        return False
    return True


def read_addresses(source: Connection, entries: Iterable[Entry]) -> dict[int, Address]:
    """How the objects can be found on another server; those without an identity of their own are left out."""
    asked = [(entry.id, entry.catalog, entry.oid) for entry in entries if entry.catalog]
    rows: list[Any] = source.execute(
        """
        select e.id, a.type, a.object_names, a.object_args
        from unnest(%s::int[], %s::oid[], %s::oid[]) e(id, catalog, oid),
             pg_identify_object_as_address(e.catalog, e.oid, 0) a
        where a.type is not null
        """,
        tuple([each[number] for each in asked] for number in range(3)),
    ).fetchall()
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def read_left_out(source: Connection, entries: Iterable[Entry]) -> list[int]:
    """The entries of objects that the replication criteria exclude."""
    asked = [(entry.id, entry.catalog, entry.oid) for entry in entries if entry.catalog]
    rows = source.execute(
        """
        select e.id from unnest(%s::int[], %s::oid[], %s::oid[]) e(id, catalog, oid),
             mwa.whole_object(e.catalog, e.oid) w
        join mwa.known k on (k.class, k.object) = (w.class, w.object)
        where k.inclusion = 'EXCLUDE' order by 1
        """,
        tuple([each[number] for each in asked] for number in range(3)),
    ).fetchall()
    return [row[0] for row in rows]


def _parse(listing: str) -> list[Entry]:
    entries: list[Entry] = []
    for line in listing.split("\n"):
        if line.startswith(_DEPENDS):
            last = entries.pop()
            depends = frozenset(int(number) for number in line.removeprefix(_DEPENDS).split())
            entries.append(Entry(last.id, last.catalog, last.oid, last.what, depends))
        elif found := _ENTRY.match(line):
            entries.append(Entry(int(found[1]), int(found[2]), int(found[3]), found[4], frozenset()))
    return entries


def _without(entries: list[Entry], left_out: set[int]) -> list[Entry]:
    """What belongs to an entry that is left out (a comment, a published table) is left out with it."""
    ours = {entry.id for entry in entries if _OURS.match(entry.what) or entry.what.startswith(_FOREIGN_KEY)}
    out = ours | left_out
    return [entry for entry in entries if entry.id not in out and not entry.depends & out]
