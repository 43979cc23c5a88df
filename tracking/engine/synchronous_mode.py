"""Whether commits of a pool's primary wait for its secondary: on only while it is replicating and close."""

from nodes.postgres import synchronous
from nodes.postgres.connect import one
from nodes.postgres.synchronous import CannotCombine, Guard
from tracking.mirror import subscription

from .poolruntime import PoolRuntime
from .say import say

_CLOSE_BYTES = 2**20  # a larger lag would make the first commits wait long


def keep(runtime: PoolRuntime, *, wanted: bool) -> None:
    """Bring the mode to what is wanted; asks the primary what is, so a crash in between is no matter."""
    primary, name = runtime.primary(), runtime.pool.slot()
    on = synchronous.is_on(primary, name)
    if on and not wanted:
        synchronous.turn_off(primary, name)
        say(runtime.pool.pair, "Commits do not wait for the secondary any more", "", runtime.pool)
    if not wanted:
        if runtime.guard:
            runtime.guard.close()
            runtime.guard = None
        return
    if not on and (runtime.pool.lag_bytes or 0) > _CLOSE_BYTES:
        return
    _guard(runtime, name)
    if not on:
        try:
            subscription.set_synchronous(runtime.secondary(), name, True)
            synchronous.turn_on(primary, name)
        except CannotCombine as error:
            say(runtime.pool.pair, f"Stays asynchronous: {error}", "", runtime.pool)
            return
        say(runtime.pool.pair, "Commits wait for the secondary from now on", "", runtime.pool)


def _guard(runtime: PoolRuntime, name: str) -> None:
    """The guard stands before the first commit waits; one that an engine before us left is good enough."""
    if runtime.guard and runtime.guard.alive():
        return
    count = "select count(*) from pg_stat_activity where application_name = %s"
    if one(runtime.primary(), count, (f"mwa sync guard {name}",)) == 0:
        runtime.guard = Guard(
            runtime.route.primary_conninfo, name, seconds=runtime.pool.properties.suspend_wait_seconds
        )
