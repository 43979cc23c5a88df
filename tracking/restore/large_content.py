"""Carrying large objects: small ones many at a time, each large one page by page in one transaction."""

from collections.abc import Iterable, Iterator

from psycopg import sql

from nodes.postgres.connect import Connection

from . import privileges, roles
from .carrying import run
from .difference import Difference, Kind
from .large_objects import CONTENT, PAGE, TYPE, LargeObject, find, read

_OBJECTS_AT_ONCE = 200  # each takes a lock, and the server's table of locks is small
_BYTES_AT_ONCE = 8 * PAGE
_UNLINK = """
    select lo_unlink(oid) from pg_catalog.pg_largeobject_metadata where oid = any(%s::oid[])
"""
_FIRST_PAGES = """
    select m.oid, lo_get(m.oid, 0, %s)
    from pg_catalog.pg_largeobject_metadata m where m.oid = any(%s::oid[])
"""
_MAKE = "select lo_from_bytea(oid, data) from unnest(%b::oid[], %b::bytea[]) o(oid, data)"


def batches(differences: Iterable[Difference]) -> Iterator[list[Difference]]:
    """Groups that are carried in one transaction: a large object is alone."""
    batch: list[Difference] = []
    size = 0
    for each in differences:
        if batch and (len(batch) >= _OBJECTS_AT_ONCE or size + (each.size or 0) > _BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += each.size or 0
    if batch:
        yield batch


def carry(difference: Difference, primary: Connection, secondary: Connection) -> None:
    """Carry one object."""
    carry_all([difference], primary, secondary)


def carry_all(differences: list[Difference], primary: Connection, secondary: Connection) -> None:
    """Make these objects of the copy what the source's are now; unlink those that it has no more.

    One whose content differs is made anew. The source is read under one snapshot.
    """
    oids = [int(each.key[0]) for each in differences]
    anew = [int(each.key[0]) for each in differences if each.key[1] == CONTENT]
    with primary.transaction():
        primary.execute("set transaction isolation level repeatable read read only")
        known = roles.names(primary)
        wanted = read(primary, known, oids)
        present = read(secondary, known, oids)
        anew += [oid for oid in oids if (oid in wanted) != (oid in present)]
        secondary.execute(_UNLINK, (anew,))
        _make(primary, secondary, {oid: wanted[oid] for oid in wanted if oid in set(anew)})
    _describe(secondary, wanted, known)


KIND = Kind(TYPE, find, carry)


def _make(primary: Connection, secondary: Connection, wanted: dict[int, LargeObject]) -> None:
    """With the first page of each at once, then the others."""
    if not wanted:
        return
    first = primary.execute(_FIRST_PAGES, (PAGE, list(wanted)), binary=True).fetchall()
    secondary.execute(_MAKE, ([oid for oid, _ in first], [data for _, data in first]))
    for oid, each in wanted.items():
        for page in range(1, each.pages):
            data = primary.execute("select lo_get(%s::oid, %s, %s)", (oid, page * PAGE, PAGE), binary=True)
            for (content,) in data.fetchall():
                secondary.execute("select lo_put(%s::oid, %s, %b)", (oid, page * PAGE, content))


def _describe(secondary: Connection, wanted: dict[int, LargeObject], known: set[str]) -> None:
    """Owners and comments, then privileges: a new owner takes over what the old one has granted."""
    present = read(secondary, known, wanted)
    statements: list[sql.Composable] = []
    for oid, each in wanted.items():
        if each.owner != present[oid].owner:
            owner = sql.Identifier(each.owner)
            statements.append(sql.SQL("alter large object {} owner to {}").format(oid, owner))
        if each.comment != present[oid].comment:
            statements.append(
                sql.SQL("comment on large object {} is {}").format(oid, sql.Literal(each.comment))
            )
    run(secondary, statements)
    for oid, now in read(secondary, known, wanted).items():
        which = sql.SQL("large object {}").format(oid)
        privileges.make_equal(secondary, which, now.owner, now.grants, wanted[oid].grants)
