"""Data synchronization of one pool: keep it ACTIVE, suspend it with a reason, bring it back.

Called again and again. It compares what is wanted with what the nodes say and does the next thing.
"""

import time

from django.utils import timezone

from nodes import status
from nodes.postgres import publication, sequences, slot
from nodes.postgres.definition_changes import DefinitionChange
from nodes.postgres.slot import StillRunning
from tracking.models import TABLE_TYPES, HandOver, set_state

from . import (
    capturing,
    criteria_list,
    definitions,
    measure,
    newtables,
    preventing,
    pruning,
    requests,
    resuming,
    roles,
    synchronous_mode,
    wallimit,
)
from .poolruntime import Facts, PoolRuntime
from .say import say

_CARRY_SEQUENCES_SECONDS = 10.0


def step(runtime: PoolRuntime) -> None:
    """Do the next small thing for a pool that has been handed over once."""
    facts = runtime.facts()
    if runtime.pool.step == runtime.pool.Step.MIRRORED and not (facts.primary_error or facts.secondary_error):
        criteria_list.step(runtime)
    requests.step(runtime)
    if runtime.pool.replicating:
        preventing.forget(runtime)
        _watch(runtime, facts)
    else:
        preventing.look(runtime, facts.primary_error, facts.secondary_error)
        _track(runtime, facts)
    if not runtime.failing_for("primary"):
        measure.measure(runtime)


def _watch(runtime: PoolRuntime, facts: Facts) -> None:
    """ACTIVE: is there a reason to suspend?"""
    pair = runtime.pool.pair
    if not facts.primary_error:
        tables = any(change.object_type in TABLE_TYPES for change in facts.definitions)
        runtime.look_for_tables |= tables
        if facts.definitions:
            _follow_criteria(runtime, facts.definitions)
        definitions.note(runtime, facts.definitions)
        if not facts.secondary_error and (definitions.any_open(runtime) or runtime.held_back != set()):
            _settle_definitions(runtime)
    reason, text = _reason_to_suspend(runtime, facts)
    if reason:
        suspend(runtime, reason, text)
    elif pair.goal == "PAUSED":
        suspend(runtime, 212)
    elif not facts.primary_error:
        wanted = runtime.pool.properties.synchronous and not facts.secondary_error
        synchronous_mode.keep(runtime, wanted=wanted)
        _carry(runtime, facts)
        if not facts.secondary_error:
            pruning.step(runtime)


def _settle_definitions(runtime: PoolRuntime) -> None:
    definitions.settle(runtime)
    definitions.retry(runtime, definitions.asked_again(runtime))
    definitions.hold_back(runtime)


def _follow_criteria(runtime: PoolRuntime, changes: list[DefinitionChange]) -> None:
    """What was renamed may be under other rules now."""
    if any(change.object_type == "schema" for change in changes):
        criteria_list.adopt(runtime)
    newtables.part(runtime)


def _carry(runtime: PoolRuntime, facts: Facts) -> None:
    """What does not come by the stream: sequences, now and then."""
    pool = runtime.pool
    if not facts.secondary_error and time.monotonic() - runtime.carried_at > _CARRY_SEQUENCES_SECONDS:
        runtime.carried_at = time.monotonic()
        sequences.carry(runtime.primary(), runtime.secondary())
        if pool.failures:
            pool.failures = 0
            pool.save(update_fields=["failures"])


def _reason_to_suspend(runtime: PoolRuntime, facts: Facts) -> tuple[int, str]:
    pool, has = runtime.pool, runtime.pool.properties
    wait = has.suspend_wait_seconds
    if facts.primary_error:
        return (226, facts.primary_error) if runtime.failing_for("primary") > wait else (0, "")
    if facts.slot_gone:
        return 9030, ""
    if facts.secondary_error:
        return (266, facts.secondary_error) if runtime.failing_for("secondary") > wait else (0, "")
    if definitions.any_open(runtime) and (why := definitions.in_the_way(runtime)):
        return 9040, why
    if runtime.look_for_rows:
        if pool.tracked_tables.exclude(whole_reason="").exists():
            return 9080, ""
        runtime.look_for_rows = False
    if runtime.look_for_tables:
        if publication.unpublished(runtime.primary()):
            return 9050, ""
        runtime.look_for_tables = False
    if facts.subscription is None or not facts.subscription.enabled:
        return 9010, "The apply worker ended with an error; its message is in the secondary's server log"
    if wallimit.beyond(runtime, facts.slot):
        return wallimit.STORAGE, wallimit.text(runtime, facts.slot)
    if (pool.lag_bytes or 0) > has.lag_limit_bytes:
        return 9020, f"The lag is {pool.lag_bytes} bytes, allowed are {has.lag_limit_bytes}"
    return 0, ""


def suspend(runtime: PoolRuntime, reason: int, text: str = "") -> None:
    """From ACTIVE to TRACKING: the stream off, capture on, WAL bounded from here on."""
    pool = runtime.pool
    pool.retry_at = None
    pool.save(update_fields=["retry_at"])
    runtime.least_held = None
    set_state(pool, "TRACKING", "SUSPENDED", reason, text)
    say(pool.pair, f"Suspended: {pool.reason_text}", str(reason), pool)
    if reason not in (226, 9030):
        synchronous_mode.keep(runtime, wanted=False)
        runtime.stop_stream()
        capturing.ensure(runtime)


def _track(runtime: PoolRuntime, facts: Facts) -> None:
    """TRACKING (or a hand-over that did not end): keep capturing, and resume when it is time."""
    pool, pair = runtime.pool, runtime.pool.pair
    if facts.primary_error:
        runtime.end_capture()
        return
    synchronous_mode.keep(runtime, wanted=False)  # whoever suspended may have died before that
    if facts.secondary_error:
        roles.let_in(runtime)
    elif facts.stream_on:
        runtime.stop_stream()  # a secondary that came back, or a hand-over we did not see the end of
    else:
        roles.settle(runtime)
    if not _captured(runtime, facts):
        return
    definitions.note(runtime, facts.definitions)
    if definitions.any_open(runtime) or runtime.held_back != set():
        _look_at_definitions(runtime, facts)
    if pair.goal == "PAUSED" and pool.reason != 212:
        set_state(pool, "TRACKING", "SUSPENDED", 212)
    # A row that a worker still applies would come after the newer one that a hand-over brings.
    if not facts.secondary_error and not facts.stream_on and _wants_to_resume(runtime):
        resuming.resume(runtime)


def _look_at_definitions(runtime: PoolRuntime, facts: Facts) -> None:
    if not facts.secondary_error:
        _settle_definitions(runtime)
    ready = not facts.secondary_error and not definitions.in_the_way(runtime)
    definitions.prepare(runtime, ready=ready)


def _captured(runtime: PoolRuntime, facts: Facts) -> bool:
    """Whether changes are being tracked; brings that about where it is possible and wanted."""
    pool = runtime.pool
    if facts.slot_gone:
        given_up = pool.reason == wallimit.STORAGE
        if not given_up or (not facts.secondary_error and _wants_to_resume(runtime)):
            begin_again(runtime)
        return False
    if wallimit.beyond(runtime, facts.slot):
        wallimit.give_up(runtime, facts.slot)
        return False
    capturing.ensure(runtime)
    if pool.state == "ACTIVE":
        pool.retry_at = timezone.now()
        pool.save(update_fields=["retry_at"])
        HandOver.interrupt(pool)
        set_state(pool, "TRACKING", "SUSPENDED", 9070, "The engine ended in the middle of a hand-over")
    return True


def _wants_to_resume(runtime: PoolRuntime) -> bool:
    pool, pair = runtime.pool, runtime.pool.pair
    if pair.goal != "SYNC" or (pool.retry_at and pool.retry_at > timezone.now()):
        return False
    if why := definitions.in_the_way(runtime):
        set_state(pool, "TRACKING", "SUSPENDED", 9040, why)
        return False
    asked = pool.retry_at is not None  # by somebody, or by an attempt that has failed
    return pool.properties.auto_resume or asked or pool.reason in status.MANUAL_REASONS


def begin_again(runtime: PoolRuntime) -> None:
    """The slot is gone, and with it the knowledge what changed: everything is owed, from a new slot on.

    Owed first, the slot last: whoever dies in between finds no slot and begins again.
    """
    pool = runtime.pool
    runtime.end_capture()
    if pool.reason != wallimit.STORAGE:
        set_state(pool, "TRACKING", "SUSPENDED", 9030)
    say(pool.pair, "The replication slot was lost; every table is synchronized whole", "9030", pool)
    runtime.stop_stream()
    slot.drop(runtime.primary(), pool.slot())
    capturing.owe_everything(runtime, "the replication slot was lost")
    try:
        capturing.make_slot(runtime)
    except StillRunning as error:
        say(pool.pair, f"Waiting: {error}", "", pool)
