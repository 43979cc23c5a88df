"""The role swap of a whole pair: every pool is fenced, drained and proved, or none is swapped.

The decision is one row of the portal: a request that is RUNNING goes back. One that is COMMITTED goes
forward, unless a guard has opened a primary before all guards were ended; then no secondary has been opened
yet, and it goes back too. So the primaries open by themselves until right before the secondaries do.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
from django.db import transaction
from django.utils import timezone

from nodes.models import Pair, StoragePool, SwapRequest
from nodes.postgres import fence
from nodes.postgres.connect import TimedOut, Unreachable
from tracking.mirror import keylist, way_back
from tracking.mirror.swap import PoolSwap, SwapRefused
from tracking.models import set_phase, set_state

from . import newtables, proof, roles, synchronize
from .poolruntime import PoolRuntime
from .say import say

_log = logging.getLogger("mwa.engine")
_NODE_AWAY = (Unreachable, TimedOut, psycopg.Error)
_READY_WITHIN = timedelta(seconds=60)


def recover(pair: Pair, runtimes: list[PoolRuntime]) -> None:
    """What an engine that died has left: forward if it had decided, back if not.

    Raises `Unreachable` or a psycopg error where a node is away that has to be asked.
    """
    request = pair.swaps.filter(state__in=("RUNNING", "COMMITTED")).first()
    if request is None:
        return
    if request.state == "COMMITTED" and _takes_place(runtimes):
        _claim(request, "COMMITTED")
        say(pair, f"Role swap {request.pk} was decided; completing it")
        _complete(pair, request, runtimes, _exchange(pair, runtimes))
    else:
        _claim(request, "RUNNING")
        _reopen(runtimes)
        _go_back(pair, request, runtimes, request.failure or "the engine ended in the middle of it")


def _takes_place(runtimes: list[PoolRuntime]) -> bool:
    """Secondaries are opened only after every guard was ended: one that takes writes tells that they were."""
    if any(roles.takes_writes(runtime) for runtime in runtimes):
        return True
    closed = [roles.stays_closed(runtime) for runtime in runtimes]  # of all of them: it ends the guards
    return all(closed)


def ready(pair: Pair) -> SwapRequest | None:
    """The approved request if it can be carried out now; one that cannot is waited for a while."""
    request = pair.swaps.filter(state="APPROVED").first()
    if request is None:
        return None
    if request.digest != SwapRequest.digest_of(SwapRequest.plan_for(pair)):
        _end(request, "VOID", "the plan has changed since it was approved")
        return None
    if why := pair.in_the_way_of_swap():
        waits = f"Role swap {request.pk} waits"
        if not pair.messages.filter(text__startswith=waits).exists():
            say(pair, f"{waits} for at most {_READY_WITHIN.seconds} s: {why}")
        if timezone.now() - request.decided_at > _READY_WITHIN:
            _end(request, "FAILED", f"not ready within {_READY_WITHIN.seconds} s: {why}")
        return None
    return request


def run(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime]) -> None:
    """Carry out an approved request; every failure before the first secondary opens reopens the primaries."""
    approved = SwapRequest.objects.filter(pk=request.pk, state="APPROVED")
    request.state, request.started_at = "RUNNING", timezone.now()
    if not approved.update(state=request.state, started_at=request.started_at):
        return
    swaps: list[PoolSwap] = []
    try:
        if _decided(pair, request, runtimes, swaps):
            behind = _open(pair, runtimes, swaps)
            request.steps = _steps(swaps)
            _complete(pair, request, runtimes, behind)
    finally:
        _each(swaps, PoolSwap.close)


def _decided(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], swaps: list[PoolSwap]) -> bool:
    """Whether the swap takes place; where it does not, the primaries are open again."""
    try:
        _drain(pair, request, runtimes, swaps)
        _decide(request)
        _each(swaps, PoolSwap.commit)
        return True
    except Exception as error:
        _log.exception("role swap %s of pair %s", request.pk, pair)
        request.failure, request.steps = str(error).strip() or type(error).__name__, _steps(swaps)
        _take_back(pair, request, runtimes, swaps)
        return False


def _open(pair: Pair, runtimes: list[PoolRuntime], swaps: list[PoolSwap]) -> dict[int, str]:
    """The nodes' part of a swap that was decided; returns what `_exchange` does."""
    try:
        _each(swaps, PoolSwap.open_secondary)
        _each(swaps, PoolSwap.finish)
        return {}
    except Exception:
        _log.exception("role swap of pair %s", pair)
        return _exchange(pair, runtimes)


def _drain(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], swaps: list[PoolSwap]) -> None:
    """Everything up to the decision; a guard stands behind each fence."""
    set_phase(pair, "FINAL SYNC", "A")
    proof.compare_changed(runtimes)
    for runtime in runtimes:
        synchronize.suspend(runtime, 9060)
        swaps.append(_pool_swap(runtime))
    set_phase(pair, "FINAL SYNC", "P")
    _each(swaps, PoolSwap.prepare)
    request.definitions = {
        str(r.pool.pk): way_back.last_definition(r.route.secondary_conninfo) for r in runtimes
    }
    set_phase(pair, "SYNC CMPLT", "R")
    set_phase(pair, "SWAPPING", "A")
    _each(swaps, PoolSwap.approach)
    _each(swaps, PoolSwap.close_primary)
    _each(swaps, PoolSwap.drain)


def _decide(request: SwapRequest) -> None:
    """The swap takes place, unless a guard is faster; raises `SwapRefused` where another engine has it."""
    _move(request, "COMMITTED", request.started_at, definitions=request.definitions)


def _claim(request: SwapRequest, state: str, **values: object) -> None:
    """Act on it from here on; an engine that was thought dead then finds that it is not its any more."""
    _move(request, state, timezone.now(), **values)


def _move(request: SwapRequest, state: str, started_at: datetime | None, **values: object) -> None:
    mine = SwapRequest.objects.filter(
        pk=request.pk, state__in=("RUNNING", "COMMITTED"), started_at=request.started_at
    )
    if not mine.update(state=state, started_at=started_at, **values):
        raise SwapRefused(f"another engine has {request} in its hands")
    request.state, request.started_at = state, started_at


def _take_back(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], swaps: list[PoolSwap]) -> None:
    """After a failure here. Without the row nothing is touched: the guards open the primaries."""
    _claim(request, "RUNNING", failure=request.failure, steps=request.steps)
    _reopen(runtimes)
    for swap in swaps:
        try:
            swap.abort()
        except _NODE_AWAY as error:
            _log.warning("role swap %s of pair %s: %s", request.pk, pair, error)
    _go_back(pair, request, runtimes, request.failure)


def _go_back(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], why: str) -> None:
    """The primaries are open. What is left of the way back is taken down by `roles.settle`."""
    for runtime in runtimes:
        pool = runtime.pool
        runtime.end_capture()
        runtime.forget_sessions()
        if not pool.replicating:
            pool.retry_at = timezone.now()
            pool.save(update_fields=["retry_at"])
            set_state(pool, "TRACKING", "SUSPENDED", 9070, "a role swap did not take place")
    _end(request, "FAILED", why)
    set_phase(pair, "SYNC", "A")
    say(pair, f"Role swap {request.pk} failed; {pair.primary} is open and the primary: {why}")


def _reopen(runtimes: list[PoolRuntime]) -> None:
    """One that cannot be reached does not keep the others closed."""
    away: list[Exception] = []
    for runtime in runtimes:
        try:
            fence.reopen(runtime.route.primary_conninfo, runtime.pool.database)
        except _NODE_AWAY as error:
            away.append(error)
    if away:
        raise away[0]


def _pool_swap(runtime: PoolRuntime) -> PoolSwap:
    pool = runtime.pool
    return PoolSwap(
        runtime.route, pool.database, pool.slot(reverse=not pool.pair.swapped),
        runtime.ensure_capture(), pool.pair.swap_budget_ms / 1000, pool.definitions_seen,
    )  # fmt: skip


def _each(swaps: list[PoolSwap], act: Callable[[PoolSwap], None]) -> None:
    for swap in swaps:
        act(swap)


def _steps(swaps: list[PoolSwap]) -> list[dict[str, object]]:
    return [
        {"database": swap.database, "name": step.name, "ms": step.ms, "text": step.text}
        for swap in swaps
        for step in swap.steps
    ]


def _exchange(pair: Pair, runtimes: list[PoolRuntime]) -> dict[int, str]:
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
        except (*_NODE_AWAY, LookupError) as error:
            behind[pool.pk] = str(error).strip()
    return behind


def _complete(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], behind: dict[int, str]) -> None:
    """The portal's part of a swap that was decided; `behind` are the pools whose old primary is away."""
    for runtime in runtimes:
        runtime.end_capture()
        runtime.forget_sessions()
        with newtables.portal_session() as portal:  # positions of the other node
            keylist.list_from(portal, runtime.pool.pk, 0)
    with transaction.atomic():
        _end(request, "COMPLETE")
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


def _end(request: SwapRequest, state: str, why: str = "") -> None:
    """Only once: of two engines that end it the second is told so."""
    ended = SwapRequest.objects.filter(pk=request.pk, state=request.state).update(
        state=state, failure=why, ended_at=timezone.now(), steps=request.steps
    )
    if not ended:
        raise SwapRefused(f"{request} is not {request.state} any more")
    request.state = state
