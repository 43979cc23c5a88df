"""Tables that the application creates while the pair is mirrored join by themselves.

They are not published by the event trigger (so a table without a key can never break the application's
UPDATE) but at the next hand-over: made on the copy, published, and brought whole at Z.
"""

from mwaportal.portaldb import portal_conninfo
from nodes.postgres import catalog, install
from nodes.postgres.connect import Connection, connect
from tracking.mirror import keylist
from tracking.save import newtables

from . import archive
from .poolruntime import PoolRuntime


def join(runtime: PoolRuntime) -> None:
    """Make new tables on the copy, publish them and put them whole on the list."""
    primary, secondary = runtime.primary(), runtime.secondary()
    published = install.published(primary)
    unknown = [table for table in catalog.tables(primary) if (table.schema, table.name) not in published]
    if not unknown:
        return
    there = {(table.schema, table.name) for table in catalog.tables(secondary)}
    missing = [table for table in unknown if (table.schema, table.name) not in there]
    new = [table for table in unknown if table.persistence == "p"]  # of an unlogged one no row is mirrored
    if missing:
        route = runtime.route
        with archive.workplace(runtime.pool) as directory:
            newtables.define(route.primary_conninfo, route.secondary_conninfo, missing, directory)
    # Owed first: if we die in between, a table that is published is on the list.
    with portal_session() as portal:
        sheet = keylist.sheet(portal, runtime.pool.pk)
        for table in new:
            keylist.owe_whole(portal, runtime.pool.pk, sheet, table.schema, table.name, "a new table")
    install.publish(primary, new, slot_exists=True)


def portal_session() -> Connection:
    """A plain session on the portal's database, for the tracking list's own tables."""
    return connect(portal_conninfo(), "engine list")
