"""Tables that the application creates while the pair is mirrored join by themselves.

They are not published by the event trigger (so a table without a key can never break the application's
UPDATE) but at the next hand-over: made on the copy, published, and brought whole at Z.
"""

import tempfile
from pathlib import Path

from mwaportal.portaldb import portal_conninfo
from nodes.postgres import catalog, install
from nodes.postgres.connect import Connection, connect
from nodes.postgres.install import DefinitionChange
from tracking.mirror import keylist
from tracking.save import newtables

from .poolruntime import PoolRuntime

_OWN = frozenset({"CREATE TABLE", "CREATE TABLE AS", "SELECT INTO"})
_PARTS = frozenset({"CREATE INDEX", "CREATE SEQUENCE", "ALTER SEQUENCE", "ALTER TABLE", "COMMENT", "GRANT"})


def belongs_to_new_table(change: DefinitionChange, among: list[DefinitionChange]) -> bool:
    """Whether a change creates a table, or is a part of one that was created by the same changes."""
    if change.command in _OWN:
        return True
    if change.command not in _PARTS:
        return False
    created = [other.identity for other in among if other.command in _OWN and other.id <= change.id]
    return any(_is_part(change.identity, table) for table in created)


def _is_part(identity: str, table: str) -> bool:
    """By name: PostgreSQL names a table's own sequences and indexes after it; `t.c` is a column of t."""
    return identity == table or identity.startswith((f"{table}.", f"{table}_"))


def join(runtime: PoolRuntime) -> None:
    """Make new tables on the copy, publish them and put them whole on the list."""
    primary, secondary = runtime.primary(), runtime.secondary()
    published = install.published(primary)
    new = [
        table
        for table in catalog.tables(primary)
        if table.persistence == "p" and (table.schema, table.name) not in published
    ]
    if not new:
        return
    there = {(table.schema, table.name) for table in catalog.tables(secondary)}
    missing = [table for table in new if (table.schema, table.name) not in there]
    if missing:
        with tempfile.TemporaryDirectory(prefix="mwa-") as directory:
            route = runtime.route
            newtables.define(route.primary_conninfo, route.secondary_conninfo, missing, Path(directory))
    # Owed first: if we die in between, a table that is published is on the list.
    with portal_session() as portal:
        sheet = keylist.sheet(portal, runtime.pool.pk)
        for table in new:
            keylist.owe_whole(portal, runtime.pool.pk, sheet, table.schema, table.name, "a new table")
    install.publish(primary, new, slot_exists=True)


def portal_session() -> Connection:
    """A plain session on the portal's database, for the tracking list's own tables."""
    return connect(portal_conninfo(), "engine list")
