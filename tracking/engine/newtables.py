"""Tables that the application creates while the pair is mirrored join by themselves.

Their definition comes like any other. They are not published by the event trigger (so a table without a key
can never break the application's UPDATE) but at the next hand-over: published, and brought whole at Z.
"""

from mwaportal.portaldb import portal_conninfo
from nodes.postgres import criteria, publication
from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, connect
from tracking.mirror import keylist

from .poolruntime import PoolRuntime

# Only what is not known: a look at any other, while the application changes it, would note the way back.
_NOTE = """
    select mwa.note('CREATE TABLE', 'pg_class'::regclass, %(oid)s, '')
    where not exists (select from mwa.known where (class, object) = ('pg_class'::regclass, %(oid)s))
"""


def note_missed(runtime: PoolRuntime) -> None:
    """A table that was made past our event triggers (they can be switched off) gets its entry now."""
    for table in _new(runtime.primary()):
        runtime.primary().execute(_NOTE, {"oid": table.oid})


def join(runtime: PoolRuntime) -> None:
    """Put new tables whole on the list, and publish them."""
    primary = runtime.primary()
    new = _new(primary)
    if not new:
        return
    # Owed first: if we die in between, a table that is published is on the list.
    with portal_session() as portal:
        sheet = keylist.sheet(portal, runtime.pool.pk)
        for table in new:
            keylist.owe_whole(portal, runtime.pool.pk, sheet, table.schema, table.name, "a new table")
    publication.publish(primary, new, slot_exists=True)


def part(runtime: PoolRuntime) -> None:
    """Take out of the stream what is not to be mirrored (any more)."""
    primary = runtime.primary()
    if out := criteria.unmirrored(primary):
        publication.unpublish(primary, sorted(publication.published(primary) & out))


def _new(primary: Connection) -> list[Table]:
    """Of an unlogged one no row is mirrored."""
    published = publication.published(primary)
    tables = criteria.tables(primary)
    return [t for t in tables if t.persistence == "p" and (t.schema, t.name) not in published]


def portal_session() -> Connection:
    """A plain session on the portal's database, for the tracking list's own tables."""
    return connect(portal_conninfo(), "engine list")
