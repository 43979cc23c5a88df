"""The role swap of a whole pair: every pool is fenced, drained and proved, or none is swapped.

The decision is one row of the portal: a request that is COMMITTED goes forward whoever dies, one that is
RUNNING goes back.
"""

from collections.abc import Callable
from datetime import timedelta

import psycopg
from django.db import transaction
from django.utils import timezone

from nodes.models import Pair, SwapRequest
from nodes.postgres import blocked, fence
from nodes.postgres.connect import TimedOut, Unreachable, connect
from nodes.postgres.fence import FenceBroken
from nodes.postgres.slot import StillRunning
from tracking.mirror import keylist, way_back
from tracking.mirror.capture_client import CaptureFailed
from tracking.mirror.refresh import RefreshFailed
from tracking.mirror.swap import PoolSwap, SwapRefused
from tracking.models import set_phase, set_state

from . import newtables, proof, synchronize
from .poolruntime import PoolRuntime
from .say import say

_FAILURES = (
    SwapRefused, FenceBroken, RefreshFailed, StillRunning, CaptureFailed, TimedOut, Unreachable,
    psycopg.Error,
)  # fmt: skip
_READY_WITHIN = timedelta(seconds=60)


def recover(pair: Pair, runtimes: list[PoolRuntime]) -> None:
    """What an engine that died has left: forward if it had decided, back if not."""
    request = pair.swaps.filter(state__in=("RUNNING", "COMMITTED")).first()
    if request is None:
        return
    if request.state == "COMMITTED":
        say(pair, f"Role swap {request.pk} was decided; completing it")
        for runtime in runtimes:
            _open_and_follow(runtime)
        _complete(pair, request, runtimes)
        return
    claimed = SwapRequest.objects.filter(pk=request.pk, state="RUNNING").update(started_at=timezone.now())
    if not claimed:
        return  # it was decided in this moment
    for runtime in runtimes:
        fence.reopen(runtime.route.primary_conninfo, runtime.pool.database)
    for runtime in runtimes:
        way_back.undo(runtime.route, runtime.pool.slot(reverse=not pair.swapped))
    _back(pair, request, runtimes, "the engine ended in the middle; the source was opened again")


def not_ready(pair: Pair, runtimes: list[PoolRuntime]) -> str:
    """The figure that is in the way of a role swap (the lag gate); empty where nothing is."""
    for pool in (runtime.pool for runtime in runtimes):
        if (pool.state, pool.detail) != ("ACTIVE", "REPLICATING"):
            return f"{pool} is {pool.state} {pool.detail}, needed is ACTIVE REPLICATING"
        if (pool.lag_bytes or 0) > pair.lag_limit_bytes:
            return f"the lag of {pool} is {pool.lag_bytes} bytes, allowed are {pair.lag_limit_bytes}"
    return ""


def take_up(pair: Pair, runtimes: list[PoolRuntime]) -> bool:
    """Carry out the approved request if there is one; one that is not ready is waited for a while."""
    request = pair.swaps.filter(state="APPROVED").first()
    if request is None:
        return False
    if request.digest != SwapRequest.digest_of(SwapRequest.plan_for(pair)):
        _end(request, "VOID", "the plan has changed since it was approved")
        return False
    if why := not_ready(pair, runtimes):
        if timezone.now() - request.decided_at > _READY_WITHIN:
            _end(request, "FAILED", f"not ready within {_READY_WITHIN.seconds} s: {why}")
        return False
    _run(pair, request, runtimes)
    return True


def _run(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime]) -> None:
    """Carry out an approved request; every failure reopens the primary and says why."""
    request.state, request.started_at = "RUNNING", timezone.now()
    request.save(update_fields=["state", "started_at"])
    swaps: list[PoolSwap] = []
    try:
        set_phase(pair, "FINAL SYNC", "A")
        proof.compare_changed(pair, runtimes)
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
        _each(swaps, PoolSwap.commit)
        _decide(request)
    except _FAILURES as error:
        _each(swaps, PoolSwap.abort)
        _each(swaps, PoolSwap.close)
        request.steps = _steps(swaps)
        _back(pair, request, runtimes, str(error).strip())
        return
    _each(swaps, PoolSwap.open_secondary)
    _each(swaps, PoolSwap.finish)
    request.steps = _steps(swaps)
    _each(swaps, PoolSwap.close)
    _complete(pair, request, runtimes)


def _decide(request: SwapRequest) -> None:
    """The swap takes place, unless another engine has thought this one dead and has taken it back."""
    mine = SwapRequest.objects.filter(pk=request.pk, state="RUNNING", started_at=request.started_at)
    if not mine.update(state="COMMITTED", definitions=request.definitions):
        raise SwapRefused("another engine has taken the role swap back")
    request.state = "COMMITTED"


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


def _open_and_follow(runtime: PoolRuntime) -> None:
    """The nodes' part of a swap that was decided, for a pool whose engine died in it."""
    route, pool = runtime.route, runtime.pool
    runtime.end_capture()
    with connect(fence.maintenance_conninfo(route.secondary_conninfo, pool.database), "swap") as cluster:
        blocked.unblock(cluster, pool.database)
    way_back.follow(route, pool.database, pool.slot(reverse=not pool.pair.swapped))


def _complete(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime]) -> None:
    """The portal's part of a swap that was decided."""
    for runtime in runtimes:
        runtime.end_capture()
        runtime.forget_sessions()
        pool = runtime.pool
        pool.definitions_seen = request.definitions[str(pool.pk)]
        pool.save(update_fields=["definitions_seen"])
        with newtables.portal_session() as portal:  # positions of the other node
            keylist.list_from(portal, pool.pk, 0)
    with transaction.atomic():
        pair.swapped = not pair.swapped
        pair.save(update_fields=["swapped"])
        request.state, request.ended_at = "COMPLETE", timezone.now()
        request.save(update_fields=["state", "ended_at", "steps"])
        for runtime in runtimes:
            runtime.pool.pair = pair
            set_state(runtime.pool, "ACTIVE", "REPLICATING")
        set_phase(pair, "SYNC", "A")
    say(pair, f"Roles are swapped: {pair.primary} is the primary, {pair.secondary} the secondary")


def _back(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], why: str) -> None:
    for runtime in runtimes:
        runtime.end_capture()
        runtime.forget_sessions()
        set_state(runtime.pool, "TRACKING", "SUSPENDED", 9070, "a role swap did not take place")
    _end(request, "FAILED", why)
    set_phase(pair, "SYNC", "A")
    say(pair, f"Role swap {request.pk} failed; {pair.primary} is open and the primary: {why}")


def _end(request: SwapRequest, state: str, why: str) -> None:
    request.state, request.failure, request.ended_at = state, why, timezone.now()
    request.save(update_fields=["state", "failure", "ended_at", "steps"])
