"""What has had its time, once an hour: old attempts and compares, definition changes that both nodes have."""

import time

from tracking.mirror import definitions
from tracking.models import Attempt, CompareRun

from .poolruntime import PoolRuntime

_EVERY_SECONDS = 3600.0


def step(runtime: PoolRuntime) -> None:
    """Prune where it is time; what is on the list, and all that came after it, stays on the nodes."""
    now, pool = time.monotonic(), runtime.pool
    if now - runtime.pruned_at < _EVERY_SECONDS:
        return
    runtime.pruned_at = now
    Attempt.prune(pool)
    CompareRun.prune(pool.compares.all())
    listed = pool.definition_entries.filter(on_copy=pool.pair.swapped, done_at=None).order_by("number")
    first = listed.values_list("number", flat=True).first()
    definitions.prune(runtime.primary(), runtime.secondary(), first or pool.definitions_seen + 1)
