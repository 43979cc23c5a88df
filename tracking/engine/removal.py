"""Remove a pair: nothing of ours is left on either node that answers."""

import contextlib

import psycopg

from nodes.models import Pair, StoragePool
from nodes.postgres import fence, install, slot
from nodes.postgres.connect import TimedOut, Unreachable, connect
from tracking.mirror import subscription
from tracking.models import set_state
from tracking.save.route import end_sessions

from . import archive
from .poolruntime import PoolRuntime
from .say import say

_LOCK_TIMEOUT = "2s"  # an application never queues behind us for longer
_AT_WORK = ("save", "resync", "hand-over", "slot", "engine")  # what the sessions of a step are called


def step(pair: Pair, runtimes: list[PoolRuntime]) -> bool:
    """Take everything down, and the pair's rows in the end; True once it is gone.

    Where nothing was done on the nodes yet, none of them has to answer.
    """
    for runtime in [] if pair.untouched else runtimes:
        try:
            _remove_pool(runtime)
        except (Unreachable, TimedOut, psycopg.Error) as error:
            say(pair, f"Removing waits: {error}", "", runtime.pool)
            return False
    Pair.objects.get(pk=pair.pk).delete()
    return True


def interrupt(runtimes: list[PoolRuntime]) -> None:
    """End the steps that are under way: what they make goes unused."""
    for runtime in runtimes:
        route = runtime.route
        for conninfo in (route.primary_conninfo, route.secondary_conninfo):
            with contextlib.suppress(Unreachable, psycopg.Error), connect(conninfo, "remove") as connection:
                for purpose in _AT_WORK:
                    end_sessions(connection, purpose)


def _remove_pool(runtime: PoolRuntime) -> None:
    """Each node that answers is freed, whatever the other does: a slot that stayed would keep its log."""
    pool, pair = runtime.pool, runtime.pool.pair
    runtime.close()
    failures: list[Exception] = []
    for node in (pair.copy, pair.source):
        try:
            _free(node.conninfo_for(pool.database), pool)
        except (Unreachable, TimedOut, psycopg.Error) as error:
            failures.append(error)
    if failures:
        raise failures[0]
    if runtime.guard:
        runtime.guard.close()
    archive.forget(pool)
    set_state(pool, "NOT MIRRORED", "")


def _free(conninfo: str, pool: StoragePool) -> None:
    fence.reopen(conninfo, pool.database)
    with connect(conninfo, "remove", lock_timeout=_LOCK_TIMEOUT) as connection:
        for reverse in (False, True):
            subscription.drop(connection, pool.slot(reverse=reverse))
            slot.drop(connection, pool.slot(reverse=reverse))
        install.uninstall(connection)
