"""System migration of one pool: from two databases that know nothing of each other to the first hand-over.

`pool.step` is how far it got; each step may be done again after a crash.
"""

import threading

from django.db import transaction
from django.utils import timezone

from nodes.models import StoragePool
from nodes.postgres import blocked, catalog, criteria, criteria_change, install, preflight, publication, slot
from nodes.postgres.publication import TableLocked
from nodes.postgres.slot import StillRunning
from tracking.models import SetupStep, TableCopy, set_state
from tracking.save import definitions as save
from tracking.save import run
from tracking.save.failure import DefinitionFailed
from tracking.save.run import SaveOptions

from . import (
    archive,
    capturing,
    criteria_list,
    definitions,
    finishing,
    measure,
    newtables,
    others,
    paircheck,
    requests,
    synchronize,
    wallimit,
)
from .poolruntime import Facts, PoolRuntime
from .progress import Progress
from .say import say
from .tended import Tended

Step = StoragePool.Step


class SetupFailed(Exception):
    """A step can't be done; the message says why, and a person has to act unless a node is just away."""

    def __init__(self, message: str, *, node_away: bool) -> None:
        super().__init__(message)
        self.node_away = node_away


def check(runtimes: list[PoolRuntime]) -> None:
    """Preflight of the whole pair before anything is touched; raises `SetupFailed` with what failed.

    A person has to act on what fails twice: a check in which a node crashed fails as well.
    """
    pair = runtimes[0].pool.pair
    checks = paircheck.run(pair).checks
    for found in checks:
        if found.status == "warning":
            say(pair, f"{found.name}: {found.observed}. {found.remedy}", "PREFLGHT")
    if failed := [found for found in checks if found.status == "failed"]:
        once = set(map(_what, failed))
        stays = [
            found for found in paircheck.run(pair).checks if found.status == "failed" and _what(found) in once
        ]
        away = all(found.name == "connection" for found in stays)
        raise SetupFailed("; ".join(map(_reason, stays or failed)), node_away=away)


def _what(found: preflight.Check) -> tuple[str, str, str | None]:
    return found.name, found.node, found.database


def _reason(found: preflight.Check) -> str:
    objects = f" ({', '.join(found.objects)})" if found.objects else ""
    return f"{found.name}: is {found.observed}{objects}, needed is {found.needed}. {found.remedy}"


def step(runtime: PoolRuntime, stop: threading.Event) -> None:
    """Do the pool's next step of the system migration."""
    if runtime.pool.step == Step.NEW:
        criteria_list.look_ahead(runtime)
    if runtime.pool.step == Step.INDEXED:
        _hand_over(runtime)
        return
    facts = runtime.facts()
    if error := facts.primary_error or facts.secondary_error:
        say(runtime.pool.pair, f"Waiting for a node: {error}", "", runtime.pool)
        return
    requests.step(runtime)
    if runtime.pool.step and not _captured(runtime, facts):
        return
    match runtime.pool.step:
        case Step.NEW:
            with runtime.at("INSTALL"):
                _install(runtime)
        case Step.INSTALLED:
            with runtime.at("DEFINE"):
                _define(runtime)
        case Step.DEFINED:
            definitions.note(runtime, facts.definitions)
            _copy(runtime, stop)
        case Step.COPIED:
            definitions.note(runtime, facts.definitions)
            _index(runtime)


def _captured(runtime: PoolRuntime, facts: Facts) -> bool:
    """Whether changes are being tracked; brings that about where they are not."""
    if wallimit.beyond(runtime, facts.slot):
        wallimit.give_up(runtime, facts.slot)
        return False
    if facts.slot_gone:
        if runtime.pool.step == Step.INSTALLED:  # nothing has been copied yet
            slot.drop(runtime.primary(), runtime.pool.slot())
            _advance(runtime.pool, Step.NEW)
        else:
            synchronize.begin_again(runtime)
        return False
    capturing.ensure(runtime)
    measure.measure(runtime)
    return True


def _advance(pool: StoragePool, step: str) -> None:
    pool.step = step
    with transaction.atomic():
        pool.save(update_fields=["step"])
        SetupStep.note(pool, step)


def _install(runtime: PoolRuntime) -> None:
    """Capture first: from here on no change is forgotten."""
    pool, primary, secondary = runtime.pool, runtime.primary(), runtime.secondary()
    install.install(primary)
    install.install(secondary)
    blocked.note(secondary)
    blocked.block(secondary, pool.database)
    # Of an attempt that died. Tables are published before the slot is made: what is being written to one
    # while it is published is not decoded, and only a new slot waits for whoever writes.
    slot.drop(primary, pool.slot())
    _put_criteria(runtime)
    try:
        newtables.part(runtime)
        publication.publish(primary, criteria.tables(primary))
        install.learn(primary)
        capturing.make_slot(runtime)
    except (TableLocked, StillRunning) as error:
        say(pool.pair, f"Waiting: {error}", "", pool)
        return
    set_state(pool, "TRACKING", "SUSPENDED", 9000)
    say(pool.pair, f"Changes of {pool.database} are tracked from here on", "", pool)
    _advance(pool, Step.INSTALLED)


def _put_criteria(runtime: PoolRuntime) -> None:
    """Which objects are mirrored, before the first one is; raises `SetupFailed` where that cannot be."""
    pool, primary = runtime.pool, runtime.primary()
    rules = pool.active_criteria()
    for node in (primary, runtime.secondary()):
        criteria.put(node, rules)
    if rules:
        install.learn(primary)  # before the tables are published: those that are not mirrored never are
        if why := criteria_change.missed(primary, rules):
            raise SetupFailed(f"replication criteria of {pool}: {'; '.join(why)}", node_away=False)


def _define(runtime: PoolRuntime) -> None:
    """Definitions without indexes and constraints, as of one moment.

    The same archive is used to the end, whoever dies in between: a later one would hold what is not on the
    copy, and pass over that it has changed.
    """
    pool, route = runtime.pool, runtime.route
    # The rules may have been changed while they were put there.
    if set(criteria.read(runtime.primary())) != set(pool.active_criteria()):
        _advance(pool, Step.NEW)
        return
    others.bring_roles(runtime)  # they own what is made now
    if not archive.path(pool).exists():
        archive.dump(pool, route.primary_conninfo)
    try:
        save.restore_pre_data(archive.path(pool), route.secondary_conninfo)
    except DefinitionFailed:
        archive.forget(pool)  # nothing was made; what is mended on the source will be in the next one
        raise
    definitions.pass_over(runtime, save.definitions_in(archive.path(pool)))
    publication.note_same_identities(runtime.primary(), runtime.secondary())
    there = {(table.schema, table.name) for table in catalog.tables(runtime.secondary())}
    for table in criteria.tables(runtime.primary()):
        if (table.schema, table.name) in there:
            TableCopy.objects.get_or_create(
                pool=pool, schema=table.schema, name=table.name,
                defaults={"rows_total": table.rows, "bytes_total": table.bytes},
            )  # fmt: skip
    _advance(pool, Step.DEFINED)


def _copy(runtime: PoolRuntime, stop: threading.Event) -> None:
    pool, has, route = runtime.pool, runtime.pool.properties, runtime.route
    options = SaveOptions(
        savact=has.savact, savactwait_seconds=has.savactwait_seconds, jobs=has.parallel_degree
    )
    done = {(t.schema, t.name) for t in pool.table_copies.filter(state__in=("COPIED", "GONE", "LATER"))}
    done |= criteria.unmirrored(runtime.primary())
    finished = {t.oid for t in catalog.tables(runtime.primary()) if (t.schema, t.name) in done}
    with (
        runtime.at("COPY"),
        Tended(runtime, capture=True),
        Progress(pool, route.secondary_conninfo) as progress,
    ):
        saved = run.save(
            route.primary_conninfo, route.secondary_conninfo, options, finished, progress.report, stop
        )
    if saved.stopped:
        return
    for table in saved.changed:
        definitions.put_off(runtime, table)
    if saved.new:
        say(
            pool.pair,
            f"Created meanwhile, joins at the hand-over: {', '.join(map(str, saved.new))}",
            "",
            pool,
        )
    if saved.skipped:
        say(pool.pair, f"Not copied yet, tried again: {', '.join(map(str, saved.skipped))}", "", pool)
        return
    _advance(pool, Step.COPIED)


def _index(runtime: PoolRuntime) -> None:
    pool = runtime.pool
    say(pool.pair, "Building indexes and constraints", "", pool)
    with runtime.at("INDEX"), Tended(runtime, capture=True):
        finishing.build(pool, archive.path(pool), runtime.route.secondary_conninfo)
        install.learn(runtime.secondary())
    _advance(pool, Step.INDEXED)


def _hand_over(runtime: PoolRuntime) -> None:
    """The first hand-over at Z, and what needs it: foreign keys and materialized views."""
    pool, route = runtime.pool, runtime.route
    if pool.retry_at is None and not pool.replicating:  # who asks for the migration asks for all of it
        pool.retry_at = timezone.now()
    synchronize.step(runtime)
    if not pool.replicating:
        return
    with runtime.at("CHECK KEYS"), Tended(runtime, capture=False):
        finishing.validate(pool, route.primary_conninfo, route.secondary_conninfo)
    archive.forget(pool)
    _advance(pool, Step.MIRRORED)
