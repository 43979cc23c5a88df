"""What an object is, as the statements that would make it: what two nodes can be compared by."""

import psycopg

from .connect import Connection

Address = tuple[str, list[str], list[str]]  # as of pg_identify_object_as_address: the same on every server

# By the statements: a facet's key may hold an oid, which each server gives out for itself.
_MADE_BY = """
    select array(select concat(f.rank, ' ', f.make) from mwa.facets(a.classid, a.objid, i.type) f
                 where f.make is not null order by f.rank, f.make)
    from pg_get_object_address(%s, %s, %s) a, mwa.identify(a.classid, a.objid) i
"""


def made_by(node: Connection, address: Address) -> list[str] | None:
    """The statements that would make the object, in order; None where the node has none of this address.

    Two versions of PostgreSQL may write the same definition in different words.
    """
    try:
        row = node.execute(_MADE_BY, address).fetchone()
    except psycopg.Error:  # undefined table, function, schema ...
        if node.closed:
            raise
        return None
    return list(row[0]) if row else None


def same(primary: Connection, secondary: Connection, address: Address) -> bool | None:
    """Whether the primary's object is the same on the secondary; None where the secondary has none."""
    there = made_by(secondary, address)
    return None if there is None else there == made_by(primary, address)
