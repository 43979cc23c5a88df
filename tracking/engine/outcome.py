"""What becomes of a role swap: the row that decides it, and what is done either way, by whoever finds it so.

A request that is RUNNING goes back. One that is COMMITTED goes forward, unless a guard has opened a primary
before all guards were ended; then no secondary has been opened yet, and it goes back too. So the primaries
open by themselves until right before the secondaries do.
"""

from datetime import datetime

import psycopg
from django.db import transaction
from django.utils import timezone

from nodes.models import Pair, StoragePool, SwapRequest
from nodes.postgres import fence
from nodes.postgres.connect import TimedOut, Unreachable
from tracking.mirror import keylist, way_back
from tracking.mirror.swap import SwapRefused
from tracking.models import set_phase, set_state

from . import newtables, roles
from .poolruntime import PoolRuntime
from .say import say

NODE_AWAY = (Unreachable, TimedOut, psycopg.Error)


def recover(pair: Pair, runtimes: list[PoolRuntime]) -> None:
    """What an engine that died has left: forward if it had decided, back if not.

    Raises `Unreachable` or a psycopg error where a node is away that has to be asked.
    """
    request = pair.swaps.filter(state__in=("RUNNING", "COMMITTED")).first()
    if request is None:
        return
    if request.state == "COMMITTED" and _takes_place(runtimes):
        claim(request, "COMMITTED")
        say(pair, f"Role swap {request.pk} was decided; completing it")
        complete(pair, request, runtimes, exchange(pair, runtimes))
    else:
        claim(request, "RUNNING")
        reopen(runtimes)
        go_back(pair, request, runtimes, request.failure or "the engine ended in the middle of it")


def _takes_place(runtimes: list[PoolRuntime]) -> bool:
    """Secondaries are opened only after every guard was ended: one that takes writes tells that they were."""
    if any(roles.takes_writes(runtime) for runtime in runtimes):
        return True
    primaries = [(runtime.route.primary_conninfo, runtime.pool.database) for runtime in runtimes]
    closed = [fence.stays_closed(*primary) for primary in primaries]  # of all of them: it ends the guards
    return all(closed)


def decide(request: SwapRequest) -> None:
    """The swap takes place, unless a guard is faster; raises `SwapRefused` where another engine has it."""
    _move(request, "COMMITTED", request.started_at, definitions=request.definitions)


def claim(request: SwapRequest, state: str, **values: object) -> None:
    """Act on it from here on; an engine that was thought dead then finds that it is not its any more."""
    _move(request, state, timezone.now(), **values)


def _move(request: SwapRequest, state: str, started_at: datetime | None, **values: object) -> None:
    mine = SwapRequest.objects.filter(
        pk=request.pk, state__in=("RUNNING", "COMMITTED"), started_at=request.started_at
    )
    if not mine.update(state=state, started_at=started_at, **values):
        raise SwapRefused(f"another engine has {request} in its hands")
    request.state, request.started_at = state, started_at


def go_back(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], why: str) -> None:
    """The primaries are open. What is left of the way back is taken down by `roles.settle`."""
    for runtime in runtimes:
        pool = runtime.pool
        runtime.end_capture()
        runtime.forget_sessions()
        if not pool.replicating:
            pool.retry_at = timezone.now()
            pool.save(update_fields=["retry_at"])
            set_state(pool, "TRACKING", "SUSPENDED", 9070, "a role swap did not take place")
    end(request, "FAILED", why)
    set_phase(pair, "SYNC", "A")
    say(pair, f"Role swap {request.pk} failed; {pair.primary} is open and the primary: {why}")


def reopen(runtimes: list[PoolRuntime]) -> None:
    """One that cannot be reached does not keep the others closed."""
    away: list[Exception] = []
    for runtime in runtimes:
        try:
            fence.reopen(runtime.route.primary_conninfo, runtime.pool.database)
        except NODE_AWAY as error:
            away.append(error)
    if away:
        raise away[0]


def exchange(pair: Pair, runtimes: list[PoolRuntime]) -> dict[int, str]:
    """The nodes' part of a swap that was decided, for whoever finds it so: all secondaries first.

    An old primary that is away follows when it is back, for then it is a secondary like any other. Returns by
    pool what was in the way. Raises `Unreachable` or a psycopg error where a secondary is away.
    """
    for runtime in runtimes:
        roles.open_secondary(runtime)
    behind: dict[int, str] = {}
    for runtime in runtimes:
        pool = runtime.pool
        runtime.end_capture()
        try:
            way_back.follow(runtime.route, pool.database, pool.slot(reverse=not pair.swapped))
        except (*NODE_AWAY, LookupError) as error:
            behind[pool.pk] = str(error).strip() or type(error).__name__
    return behind


def complete(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], behind: dict[int, str]) -> None:
    """The portal's part of a swap that was decided; `behind` are the pools whose old primary is away."""
    for runtime in runtimes:
        runtime.end_capture()
        runtime.forget_sessions()
        with newtables.portal_session() as portal:  # positions of the other node
            keylist.list_from(portal, runtime.pool.pk, 0)
    with transaction.atomic():
        end(request, "COMPLETE")
        pair.swapped = not pair.swapped
        pair.save(update_fields=["swapped"])
        for runtime in runtimes:
            runtime.pool.pair = pair
            _begin_role(runtime.pool, request, behind.get(runtime.pool.pk))
        set_phase(pair, "SYNC", "A")
    say(pair, f"Roles are swapped: {pair.primary} is the primary, {pair.secondary} the secondary")


def _begin_role(pool: StoragePool, request: SwapRequest, behind: str | None) -> None:
    pool.definitions_seen = request.definitions[str(pool.pk)]
    pool.retry_at = timezone.now() if behind else None
    pool.save(update_fields=["definitions_seen", "retry_at"])
    if behind:
        set_state(pool, "TRACKING", "SUSPENDED", 266, behind)
    else:
        set_state(pool, "ACTIVE", "REPLICATING")


def end(request: SwapRequest, state: str, why: str = "") -> None:
    """Only once: of two engines that end it the second is told so."""
    ended = SwapRequest.objects.filter(pk=request.pk, state=request.state).update(
        state=state, failure=why, ended_at=timezone.now(), steps=request.steps
    )
    if not ended:
        raise SwapRefused(f"{request} is not {request.state} any more")
    request.state = state
