"""Large objects: which differ, by owner, privileges, comment, size, and a hash of each MiB."""

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from nodes.postgres.connect import Connection

from . import privileges, roles
from .difference import CHANGED, GONE, MISSING, Difference

TYPE = "LARGE OBJECT"
PAGE = 1 << 20  # bytes
DESCRIPTION, CONTENT = "description", "content"  # what of it is to be carried: the second part of a key
_PAGES_AT_ONCE = 256
_OBJECTS_AT_ONCE = 10_000
_QUERY = sql.SQL(Path(__file__).with_name("large_objects.sql").read_text())
_HASHES = """
    select p.oid, p.number, sha256(lo_get(p.oid, p.number * %s, %s))
    from unnest(%s::oid[], %s::bigint[]) p(oid, number)
    where exists (select from pg_catalog.pg_largeobject_metadata m where m.oid = p.oid)
"""

Page = tuple[int, int]  # the object's number, the page's


@dataclass(frozen=True)
class LargeObject:
    """A large object without its content."""

    size: int  # bytes
    owner: str
    comment: str | None
    grants: privileges.Grants

    @property
    def pages(self) -> int:
        """How many pages it has; the last may be short."""
        return -(-self.size // PAGE)


def read(
    connection: Connection, known: Collection[str], oids: Collection[int] | None = None
) -> dict[int, LargeObject]:
    """All large objects of the database, or those of these numbers, with the grants to `known` roles."""
    which = sql.SQL("true") if oids is None else sql.SQL("m.oid = any({}::oid[])").format(list(oids))
    query = _QUERY.format(grants=privileges.exploded("m.lomacl", "m.lomowner", "L"), which=which)
    rows = connection.execute(query).fetchall()
    return {
        int(row[0]): LargeObject(row[1], row[2], row[3], privileges.grants(row[4], known)) for row in rows
    }


def find(primary: Connection, secondary: Connection) -> list[Difference]:
    """Those that are missing on the copy, differ there, or are not on the source any more.

    Content is read where the sizes are equal, on both nodes at once.
    """
    known = roles.names(primary)
    source, copy = read(primary, known), read(secondary, known)
    same_size = {oid: source[oid].pages for oid in source.keys() & copy if source[oid].size == copy[oid].size}
    altered = _with_other_content(primary, secondary, same_size)
    found = []
    for oid, wanted in source.items():
        if oid not in copy:
            found.append(_difference(oid, MISSING, CONTENT, wanted.size))
        elif oid in altered or oid not in same_size:
            found.append(_difference(oid, CHANGED, CONTENT, wanted.size))
        elif wanted != copy[oid]:
            found.append(_difference(oid, CHANGED, DESCRIPTION, wanted.size))
    return found + [_difference(oid, GONE, CONTENT, copy[oid].size) for oid in copy if oid not in source]


def _difference(oid: int, change: str, what: str, size: int) -> Difference:
    return Difference(TYPE, "", str(oid), change, size=size, key=(str(oid), what))


def _with_other_content(primary: Connection, secondary: Connection, sizes: dict[int, int]) -> set[int]:
    """Those of equal size, given in pages, whose content is not equal."""
    altered: set[int] = set()
    with ThreadPoolExecutor(1, thread_name_prefix="mwa restore") as other:
        for batch in _batches((oid, page) for oid in sorted(sizes) for page in range(sizes[oid])):
            wanted = [page for page in batch if page[0] not in altered]
            there = other.submit(_hashes, secondary, wanted)
            here = _hashes(primary, wanted)
            altered |= {oid for oid, _ in dict(here.items() ^ there.result().items())}
    return altered


def _hashes(connection: Connection, pages: list[Page]) -> dict[Page, bytes]:
    oids, numbers = [oid for oid, _ in pages], [number for _, number in pages]
    rows = connection.execute(_HASHES, (PAGE, PAGE, oids, numbers)).fetchall()
    return {(oid, number): digest for oid, number, digest in rows}


def _batches(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """Pages for one statement: many of small objects, fewer of those that fill them."""
    batch: list[Page] = []
    full = 0
    for page in pages:
        batch.append(page)
        full += page[1] > 0
        if full >= _PAGES_AT_ONCE or len(batch) >= _OBJECTS_AT_ONCE:
            yield batch
            batch, full = [], 0
    if batch:
        yield batch
