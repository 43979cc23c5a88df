"""System migration of one pool: from two databases that know nothing of each other to the first hand-over.

`pool.step` is how far it got; each step may be done again after a crash.
"""

import threading
from pathlib import Path

from django.conf import settings

from nodes.models import StoragePool
from nodes.postgres import blocked, catalog, install, preflight, slot
from nodes.postgres.connect import one
from nodes.postgres.install import TableLocked
from nodes.postgres.slot import StillRunning
from tracking.models import TableCopy, set_phase, set_state
from tracking.save import definitions, run
from tracking.save.analyze import analyze
from tracking.save.foreign_keys import validate_foreign_keys
from tracking.save.run import SaveOptions
from tracking.save.views import refresh_materialized_views

from . import synchronize, wallimit
from .poolruntime import PoolRuntime
from .progress import Progress
from .say import say

Step = StoragePool.Step


class SetupFailed(Exception):
    """A step can't be done; the message says why, and a person has to act unless a node is just away."""

    def __init__(self, message: str, *, node_away: bool) -> None:
        super().__init__(message)
        self.node_away = node_away


def check(runtimes: list[PoolRuntime]) -> None:
    """Preflight of the whole pair before anything is touched; raises `SetupFailed` with what failed."""
    pair = runtimes[0].pool.pair
    checks = preflight.run(
        pair.source.own_conninfo,
        pair.copy.own_conninfo,
        [runtime.pool.database for runtime in runtimes],
    )
    for found in checks:
        if found.status == "warning":
            say(pair, f"{found.name}: {found.observed}. {found.remedy}", "PREFLGHT")
    if failed := [found for found in checks if found.status == "failed"]:
        away = all(found.name == "connection" for found in failed)
        raise SetupFailed("; ".join(map(_reason, failed)), node_away=away)


def _reason(found: preflight.Check) -> str:
    objects = f" ({', '.join(found.objects)})" if found.objects else ""
    return f"{found.name}: is {found.observed}{objects}, needed is {found.needed}. {found.remedy}"


def step(runtime: PoolRuntime, stop: threading.Event) -> None:
    """Do the pool's next step of the system migration."""
    facts = runtime.facts()
    if error := facts.primary_error or facts.secondary_error:
        say(runtime.pool.pair, f"Waiting for a node: {error}", "", runtime.pool)
        return
    if wallimit.beyond(runtime, facts):
        wallimit.give_up(runtime, facts)
        return
    if runtime.pool.step and (facts.slot is None or facts.slot.lost):
        if runtime.pool.step == Step.INSTALLED:  # nothing has been copied yet
            slot.drop(runtime.primary(), runtime.pool.slot())
            _advance(runtime.pool, Step.NEW)
        else:
            synchronize.begin_again(runtime)
        return
    if facts.subscription and facts.subscription.enabled:
        runtime.stop_stream()  # of a first hand-over whose end we did not see
    if runtime.pool.step:
        runtime.ensure_capture()
    match runtime.pool.step:
        case Step.NEW:
            _install(runtime)
        case Step.INSTALLED:
            _define(runtime)
        case Step.DEFINED:
            _copy(runtime, stop)
        case Step.COPIED:
            _index(runtime)
        case Step.INDEXED:
            _hand_over(runtime)


def _advance(pool: StoragePool, step: str) -> None:
    pool.step = step
    pool.save(update_fields=["step"])


def _install(runtime: PoolRuntime) -> None:
    """Capture first: from here on no change is forgotten."""
    pool, primary, secondary = runtime.pool, runtime.primary(), runtime.secondary()
    install.install(primary)
    install.install(secondary)
    blocked.note(secondary)
    blocked.block(secondary, pool.database)
    try:
        install.publish(primary, catalog.tables(primary))
        slot.create(primary, pool.slot(), seconds=pool.pair.savactwait_seconds)
    except (TableLocked, StillRunning) as error:
        say(pool.pair, f"Waiting: {error}", "", pool)
        return
    set_state(pool, "TRACKING", "SUSPENDED", 9000)
    say(pool.pair, f"Changes of {pool.database} are tracked from here on", "", pool)
    _advance(pool, Step.INSTALLED)


def _define(runtime: PoolRuntime) -> None:
    """Definitions without indexes and constraints, as of one moment."""
    pool, route = runtime.pool, runtime.route
    seen = one(runtime.primary(), "select coalesce(max(id), 0) from mwa.definition_changes")
    archive = definitions.dump(route.primary_conninfo, _directory(pool))
    definitions.restore_pre_data(archive, route.secondary_conninfo)
    install.note_same_identities(runtime.primary(), runtime.secondary())
    pool.definitions_seen = seen
    pool.save(update_fields=["definitions_seen"])
    for table in catalog.tables(runtime.primary()):
        TableCopy.objects.get_or_create(
            pool=pool, schema=table.schema, name=table.name,
            defaults={"rows_total": table.rows, "bytes_total": table.bytes},
        )  # fmt: skip
    _advance(pool, Step.DEFINED)


def _copy(runtime: PoolRuntime, stop: threading.Event) -> None:
    pool, pair, route = runtime.pool, runtime.pool.pair, runtime.route
    options = SaveOptions(
        savact=pair.savact, savactwait_seconds=pair.savactwait_seconds, jobs=pair.parallel_degree
    )
    done = {(t.schema, t.name) for t in pool.table_copies.filter(state__in=("COPIED", "GONE"))}
    finished = {t.oid for t in catalog.tables(runtime.primary()) if (t.schema, t.name) in done}
    with Progress(pool, route.secondary_conninfo) as progress:
        saved = run.save(
            route.primary_conninfo, route.secondary_conninfo, options, finished, progress.report, stop
        )
    if saved.stopped:
        return
    if saved.skipped:
        say(pair, f"Not copied yet, tried again: {', '.join(map(str, saved.skipped))}", "", pool)
        return
    _advance(pool, Step.COPIED)


def _index(runtime: PoolRuntime) -> None:
    pool, route = runtime.pool, runtime.route
    say(pool.pair, "Building indexes and constraints", "", pool)
    definitions.restore_post_data(_archive(pool), route.secondary_conninfo, runtime.pool.pair.parallel_degree)
    analyze(route.secondary_conninfo, pool.pair.parallel_degree)
    _advance(pool, Step.INDEXED)


def _hand_over(runtime: PoolRuntime) -> None:
    """The first hand-over at Z, and what needs it: foreign keys and materialized views."""
    pool, route = runtime.pool, runtime.route
    set_phase(pool.pair, "FINAL SETUP", "A")
    synchronize.resume(runtime)
    if (pool.state, pool.detail) != ("ACTIVE", "REPLICATING"):
        return
    validate_foreign_keys(route.primary_conninfo, route.secondary_conninfo, pool.pair.parallel_degree)
    refresh_materialized_views(route.primary_conninfo, route.secondary_conninfo)
    _advance(pool, Step.MIRRORED)


def _directory(pool: StoragePool) -> Path:
    path = Path(settings.HOME) / "definitions" / f"{pool.pair.token}_{pool.number}"
    path.mkdir(parents=True, exist_ok=True)
    return path


def _archive(pool: StoragePool) -> Path:
    return _directory(pool) / "definitions.dump"
