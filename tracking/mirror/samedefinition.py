"""Whether an object's definition is the same on both nodes: by the statements that would make it."""

from collections.abc import Collection

from nodes.postgres import described
from nodes.postgres.connect import Connection, one

# By its oid, which a rename leaves, or by its name, which one that was made anew has taken over.
_THE_SAME = """
    select d.id from mwa.definition_changes d join mwa.definition_changes l on l.origin = d.origin
    where (l.origin, l.id) = (mwa.node(), %s)
      and ((d.class, d.object_oid) = (l.class, l.object_oid)
           or (d.object_type, d.identity) = (l.object_type, l.identity))
"""
_ABOUT = """
    select starts_with(d.command, 'DROP '), i.identity is null, a.type, a.object_names, a.object_args
    from mwa.definition_changes d, mwa.identify(d.class, d.object_oid) i,
         pg_identify_object_as_address(d.class, d.object_oid, 0) a
    where (d.origin, d.id) = (mwa.node(), %s)
"""


def about_the_same(primary: Connection, number: int, others: Collection[int]) -> list[int]:
    """Which of these entries of the primary's are about the same object as the entry `number`."""
    query = f"{_THE_SAME} and d.id = any(%s)"
    return [row[0] for row in primary.execute(query, (number, list(others))).fetchall()]


def changed_since(primary: Connection, number: int, but: Collection[int]) -> bool:
    """Whether there is a later entry about the same object, other than these."""
    query = f"select exists ({_THE_SAME} and d.id > l.id and d.id <> all(%s))"
    return bool(one(primary, query, (number, list(but))))


def same_on_both(primary: Connection, secondary: Connection, number: int) -> bool:
    """Whether the object that an entry is about, which was carried, is now the same on both nodes.

    One that was dropped is on neither. Where the servers write the same definition in different words, or a
    later change is on its way, the answer is no.
    """
    row = primary.execute(_ABOUT, (number,)).fetchone()
    if row is None:
        return False
    drops, gone, *address = row
    if gone:
        return bool(drops)
    return bool(described.same(primary, secondary, (address[0], address[1], address[2])))
