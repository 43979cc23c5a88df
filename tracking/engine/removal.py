"""Remove a pair: nothing of ours is left on either node that answers."""

import psycopg

from nodes.models import Pair
from nodes.postgres import fence, install, slot
from nodes.postgres.connect import TimedOut, Unreachable, connect
from tracking.mirror import subscription
from tracking.models import set_state

from .poolruntime import PoolRuntime
from .say import say


def step(runtimes: list[PoolRuntime]) -> bool:
    """Take everything down, and the pair's rows in the end; True once it is gone."""
    pair = runtimes[0].pool.pair if runtimes else None
    for runtime in runtimes:
        try:
            _remove_pool(runtime)
        except (Unreachable, TimedOut, psycopg.Error) as error:
            say(runtime.pool.pair, f"Removing waits: {error}", "", runtime.pool)
            return False
    if pair:
        Pair.objects.get(pk=pair.pk).delete()
    return True


def _remove_pool(runtime: PoolRuntime) -> None:
    pool, pair = runtime.pool, runtime.pool.pair
    runtime.close()
    for node in (pair.copy, pair.source):
        conninfo = node.conninfo_for(pool.database)
        fence.reopen(conninfo, pool.database)
        with connect(conninfo, "remove") as connection:
            for reverse in (False, True):
                subscription.drop(connection, pool.slot(reverse=reverse))
    for node in (pair.copy, pair.source):
        with connect(node.conninfo_for(pool.database), "remove") as connection:
            for reverse in (False, True):
                slot.drop(connection, pool.slot(reverse=reverse))
            install.uninstall(connection)
    set_state(pool, "NOT MIRRORED", "")
