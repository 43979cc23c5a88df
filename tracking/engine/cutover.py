"""The role swap of a whole pair: every pool is fenced, drained and proved, or none is swapped.

What becomes of it in the end, and after a crash, is in `outcome`.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.utils import timezone

from nodes.models import Pair, SwapRequest
from tracking.mirror import way_back
from tracking.mirror.swap import PoolSwap, SwapRefused
from tracking.models import set_phase

from . import others, outcome, proof, synchronize
from .files import Files
from .poolruntime import PoolRuntime
from .say import say, took
from .swaptold import Told

_log = logging.getLogger("mwa.engine")
_READY_WITHIN = timedelta(seconds=60)


def ready(pair: Pair) -> SwapRequest | None:
    """The approved request if it can be carried out now; one that cannot is waited for a while."""
    request = pair.swaps.filter(state="APPROVED").first()
    if request is None:
        return None
    if request.digest != SwapRequest.digest_of(SwapRequest.plan_for(pair)):
        outcome.end(request, "VOID", "the plan has changed since it was approved")
        return None
    if why := pair.in_the_way_of_swap():
        waits = f"Role swap {request.pk} waits"
        if not pair.messages.filter(text__startswith=waits).exists():
            say(pair, f"{waits} for at most {_READY_WITHIN.seconds} s: {why}")
        if timezone.now() - request.decided_at > _READY_WITHIN:
            outcome.end(request, "FAILED", f"not ready within {_READY_WITHIN.seconds} s: {why}")
        return None
    return request


def run(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], files: Files) -> None:
    """Carry out an approved request; every failure before the first secondary opens reopens the primaries."""
    approved = SwapRequest.objects.filter(pk=request.pk, state="APPROVED")
    request.state, request.started_at = "RUNNING", timezone.now()
    if not approved.update(state=request.state, started_at=request.started_at):
        return
    swaps: list[PoolSwap] = []
    began = time.monotonic()
    try:
        if _decided(pair, request, runtimes, swaps, files):
            behind = _open(pair, runtimes, swaps)
            request.steps += _steps(swaps)
            outcome.complete(pair, request, runtimes, behind)
    finally:
        _each(swaps, PoolSwap.close)
        files.release()
        _record(pair, request, began)


def _record(pair: Pair, request: SwapRequest, began: float) -> None:
    """For the flight recorder; by now the applications work again."""
    for step in request.steps:
        recorded = {"pair": pair.pk, "place": step.get("database", ""), "seconds": step.get("ms", 0) / 1000}
        _log.info("%s: %s", step.get("name"), step.get("text", ""), extra=recorded)
    took(began, f"Role swap {request.pk} {request.failure or 'has ended'}", pair)


def _decided(
    pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], swaps: list[PoolSwap], files: Files
) -> bool:
    """Whether the swap takes place; where it does not, the primaries are open again."""
    try:
        with Told(request, swaps):
            _drain(pair, request, runtimes, swaps, files)
        outcome.decide(request)
        _each(swaps, PoolSwap.commit)
        return True
    except Exception as error:
        _log.exception("role swap %s of pair %s", request.pk, pair)
        request.failure = str(error).strip() or type(error).__name__
        request.steps += _steps(swaps)
        _take_back(pair, request, runtimes, swaps)
        return False


def _open(pair: Pair, runtimes: list[PoolRuntime], swaps: list[PoolSwap]) -> dict[int, str]:
    """The nodes' part of a swap that was decided; returns what `outcome.exchange` does."""
    try:
        _each(swaps, PoolSwap.open_secondary)
        _each(swaps, PoolSwap.finish)
        return {}
    except Exception:
        _log.exception("role swap of pair %s", pair)
        return outcome.exchange(pair, runtimes)


def _drain(
    pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], swaps: list[PoolSwap], files: Files
) -> None:
    """Everything up to the decision; a guard stands behind each fence."""
    set_phase(pair, "FINAL SYNC", "A")
    files.before_fence(pair)
    proof.compare_changed(runtimes)
    written = others.bring_all(runtimes)
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
    files.approach()
    _each(swaps, PoolSwap.close_primary)
    deadline = time.monotonic() + pair.swap_budget_ms / 1000
    with ThreadPoolExecutor(1) as beside:
        settled = beside.submit(files.behind_fence, deadline)
        _each(swaps, PoolSwap.drain)
        request.steps = settled.result()
    request.steps += files.refuse_dangling(deadline)
    _refuse_what_no_stream_brings(runtimes, swaps, written)


def _refuse_what_no_stream_brings(
    runtimes: list[PoolRuntime], swaps: list[PoolSwap], written: dict[int, int]
) -> None:
    """Large objects and unlogged tables were carried before the fence: nobody may have written to them."""
    for runtime, swap in zip(runtimes, swaps, strict=True):
        if others.written_so_far(swap.primary) != written[runtime.pool.pk]:
            raise SwapRefused(
                f"large objects or unlogged tables of {runtime.pool.database} were written to"
                " between the final synchronization and the fence; needed is that nobody writes to them"
            )


def _take_back(pair: Pair, request: SwapRequest, runtimes: list[PoolRuntime], swaps: list[PoolSwap]) -> None:
    """After a failure here. Without the row nothing is touched: the guards open the primaries."""
    outcome.claim(request, "RUNNING", failure=request.failure, steps=request.steps)
    outcome.reopen(runtimes)
    for swap in swaps:
        try:
            swap.abort()
        except outcome.NODE_AWAY as error:
            _log.warning("role swap %s of pair %s: %s", request.pk, pair, error)
    outcome.go_back(pair, request, runtimes, request.failure)


def _pool_swap(runtime: PoolRuntime) -> PoolSwap:
    pool = runtime.pool
    return PoolSwap(
        runtime.route, pool.database, pool.slot(reverse=not pool.pair.swapped),
        pool.pair.swap_budget_ms / 1000, runtime.ensure_capture(),
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
