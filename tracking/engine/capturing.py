"""Keep a pool's changes tracked: its slot, its capture process, and a list that is complete."""

from nodes.postgres import publication, slot, transactions
from nodes.postgres.connect import Connection, connect
from nodes.postgres.slot import Slot
from tracking.mirror import keylist

from .newtables import portal_session
from .poolruntime import PoolRuntime
from .say import say


def ensure(runtime: PoolRuntime) -> None:
    """Capture from where the list ends. Raises `CaptureFailed`, `Unreachable` or a psycopg error.

    While no capture of ours held the slot, a secondary that came back may have gone on by itself: rows
    that were only on the list were not there when later changes to them came. The slot gives this away, for
    it stands behind the end of the list.
    """
    if runtime.capturing:
        return
    pool, primary = runtime.pool, runtime.primary()
    slot.release(primary, pool.slot())  # by the capture of an engine that died, or by an apply worker
    stands = slot.find(primary, pool.slot())
    confirmed = stands.confirmed if stands else 0
    with portal_session() as portal:
        # In the middle of a hand-over the list is on the copy, or it still holds all of it.
        listed = 0 if pool.state == "ACTIVE" else keylist.listed_up_to(portal, pool.pk)
        if 0 < listed < confirmed:
            _distrust_what_is_listed(runtime, portal)
        if listed < confirmed:
            keylist.list_from(portal, pool.pk, confirmed)
    runtime.ensure_capture()


def _distrust_what_is_listed(runtime: PoolRuntime, portal: Connection) -> None:
    """Of these tables nothing is certain any more; what has no entry was complete when the stream went on."""
    pool, sheet = runtime.pool, keylist.sheet(portal, runtime.pool.pk)
    tables = keylist.owed(portal, pool.pk, sheet)
    for table in tables:
        keylist.owe_whole(portal, pool.pk, sheet, table.schema, table.table, "the copy went on by itself")
    if tables:
        names = ", ".join(map(str, tables[:10])) + (" and others" if len(tables) > 10 else "")
        say(pool.pair, f"The copy went on without us; synchronized whole are {names}", "", pool)


def owe_everything(runtime: PoolRuntime, why: str) -> None:
    """Every published table goes whole, and the list begins with the next slot."""
    pool = runtime.pool
    with portal_session() as portal:
        sheet = keylist.sheet(portal, pool.pk)
        for schema, name in sorted(publication.published(runtime.primary())):
            keylist.owe_whole(portal, pool.pk, sheet, schema, name, why)
        keylist.list_from(portal, pool.pk, 0)


def make_slot(runtime: PoolRuntime) -> Slot:
    """The slot, where there is none; raises `StillRunning`, having said what it waits for."""
    pool, route = runtime.pool, runtime.route
    with connect(route.primary_conninfo, "slot") as session:
        if running := transactions.writing(session):
            say(pool.pair, f"The replication slot waits for {'; '.join(map(str, running))}", "", pool)
        return slot.create(session, pool.slot(), seconds=pool.properties.savactwait_seconds)
