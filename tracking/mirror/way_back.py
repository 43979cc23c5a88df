"""The reverse stream of a role swap: it stands before the new primary is opened, so nothing is lost later.

Each function asks the nodes where they stand and may be called again after a crash.
"""

from psycopg.conninfo import make_conninfo

from nodes.postgres import blocked, criteria, fence, install, publication, slot
from nodes.postgres.connect import Connection, connect, one
from nodes.postgres.fence import maintenance_conninfo

from . import subscription
from .handover import Route

_LAST = "select coalesce(max(id), 0) from mwa.definition_changes where origin = mwa.node()"


def prepare(route: Route, reverse_slot: str, primary: Connection, secondary: Connection) -> None:
    """Publication and slot on the secondary, and the proof that the primary can follow it."""
    install.install(secondary)
    publication.publish(secondary, criteria.tables(secondary))
    install.learn(secondary)
    made = slot.create(secondary, reverse_slot, seconds=10)
    subscription.start_at(
        primary, reverse_slot, make_conninfo(route.secondary_conninfo), route.publication,
        made.confirmed, enable=False,
    )  # fmt: skip


def position(secondary: Connection, reverse_slot: str) -> None:
    """What was written to the secondary so far came from the primary: the reverse stream begins here."""
    secondary.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", (reverse_slot,))


def follow(route: Route, database: str, reverse_slot: str) -> None:
    """The old primary: read-only for applications first, then open, then following the new one."""
    with connect(maintenance_conninfo(route.primary_conninfo, database), "swap") as cluster:
        blocked.block(cluster, database)
        fence.open_database(cluster, database)
    with connect(route.primary_conninfo, "swap") as old, connect(route.secondary_conninfo, "swap") as new:
        blocked.note(old)
        new.execute("delete from mwa.changed_outside where setting = 'default_transaction_read_only'")
        stands = slot.find(new, reverse_slot)
        if stands is None:
            raise LookupError(f"slot {reverse_slot} is gone from the new primary")
        there = subscription.find(old, reverse_slot)
        if there is None or not there.enabled:
            subscription.start_at(
                old,
                reverse_slot,
                make_conninfo(route.secondary_conninfo),
                route.publication,
                stands.confirmed,
            )
        slot.drop(old, route.slot)


def undo(route: Route, reverse_slot: str) -> None:
    """A swap that did not happen: no reverse slot, no reverse subscription."""
    with connect(route.primary_conninfo, "swap") as primary:
        subscription.drop(primary, reverse_slot)
    with connect(route.secondary_conninfo, "swap") as secondary:
        slot.drop(secondary, reverse_slot)


def last_definition(conninfo: str) -> int:
    """The newest entry of a node's mwa.definition_changes; 0 where there is none."""
    with connect(conninfo, "swap") as connection:
        return int(one(connection, _LAST))
