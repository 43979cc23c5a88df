"""Which node has which role: asked of the nodes themselves, and brought into force where it is not yet.

A role swap may die at any moment, and a node of it may be away for long. What it owes is on the nodes:
a fence that is still up, a guard that still sleeps, and on the new primary the note that it is read-only.
"""

from contextlib import suppress

from nodes.postgres import blocked, fence, slot
from nodes.postgres.connect import Connection, Unreachable, connect, one
from tracking.mirror import subscription

from .poolruntime import PoolRuntime

_NOTE = "setting = 'default_transaction_read_only'"


def takes_writes(runtime: PoolRuntime) -> bool:
    """Whether the secondary has been opened to writers. Raises `Unreachable` or a psycopg error."""
    with _cluster(runtime.route.secondary_conninfo, runtime.pool.database) as cluster:
        return not blocked.is_blocked(cluster, runtime.pool.database)


def open_secondary(runtime: PoolRuntime) -> None:
    """Let writers in: from here on it is the primary. Raises `Unreachable` or a psycopg error."""
    with _cluster(runtime.route.secondary_conninfo, runtime.pool.database) as cluster:
        blocked.unblock(cluster, runtime.pool.database)


def let_in(runtime: PoolRuntime) -> None:
    """A secondary that was away when the roles were exchanged is still fenced: read-only first, then open.

    Nothing happens where it has been let in before, or where its server does not answer.
    """
    database = runtime.pool.database
    if not one(runtime.primary(), f"select 1 from mwa.changed_outside where {_NOTE}"):
        return
    with suppress(Unreachable), _cluster(runtime.route.secondary_conninfo, database) as cluster:
        blocked.block(cluster, database)
        fence.open_database(cluster, database)


def settle(runtime: PoolRuntime) -> None:
    """The secondary is read-only and known to be ours; nothing is left of the other direction.

    For a pool whose stream is off. Nothing happens where it is so already.
    """
    primary, secondary = runtime.primary(), runtime.secondary()
    if not blocked.is_blocked(secondary, runtime.pool.database):
        blocked.block(secondary, runtime.pool.database)
    blocked.note(secondary)
    primary.execute(f"delete from mwa.changed_outside where {_NOTE}")
    other = runtime.pool.slot(reverse=not runtime.pool.pair.swapped)
    subscription.drop(primary, other)
    slot.drop(secondary, other)


def _cluster(conninfo: str, database: str) -> Connection:
    return connect(fence.maintenance_conninfo(conninfo, database), "swap")
