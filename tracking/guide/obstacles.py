"""What stands in the way of each step: the figure that was seen, the one that is needed, and the way out."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone

from mwaportal.shown import size
from nodes.models import FileRoot, StoragePool
from tracking.models import TableCopy
from tracking.pages.view import PairView
from tracking.setup_steps import looked_at_others

from .offers import counted

_NAMED = 3  # checks that have failed


@dataclass(frozen=True)
class Obstacle:
    """One of them; `way` is the way out, and `address` where it is."""

    kind: str
    text: str
    way: str = ""
    address: str = ""


def of_engine(view: PairView) -> Iterator[Obstacle]:
    """Without an engine the stream goes on, and nothing else."""
    if not view.pair.attended:
        yield Obstacle(
            "caution-major",
            "No engine works on this pair: nothing is begun, watched or measured; needed is one.",
            "The portal has its own; with serve --no-worker, manage.py runworker is one",
        )


def of_setup(view: PairView) -> Iterator[Obstacle]:
    """Before the migration is started."""
    pair, run = view.pair, view.preflight
    if pair.phase_detail == "E" and pair.detail_text:
        yield _to(view, "setup", "failed", f"It was not begun: {pair.detail_text}", "Run the preflight again")
    if not view.pools:
        text = "No database is chosen; needed is at least one."
        yield _to(view, "databases", "not-started", text, "Choose databases")
    elif run is None or looked_at_others(run, view.pool_list):
        text = "The preflight was not run for these databases; nothing is begun while a check fails."
        yield _to(view, "setup", "not-started", text, "Run the preflight")
    elif failed := [check["name"] for check in run.checks if check["status"] == "failed"]:
        names = ", ".join(dict.fromkeys(failed[:_NAMED])) + (" and others" if len(failed) > _NAMED else "")
        text = f"{counted(len(failed), 'check')} of {len(run.checks)} failed: {names}; needed is none."
        yield _to(view, "setup", "failed", text, "What to do about each")


def of_migration(view: PairView) -> Iterator[Obstacle]:
    """While tables are copied."""
    pair = view.pair
    if pair.phase_detail == "E" and pair.detail_text:
        yield _to(view, "migration", "failed", pair.detail_text, "See the messages")
    copies = TableCopy.objects.filter(pool__in=view.pools, state__in=("LOCKED", "FAILED"))
    found = list(copies.order_by().values_list("state", "pool").annotate(Count("id")))
    if locked := sum(count for state, _, count in found if state == "LOCKED"):
        where = {view.pools[pool] for state, pool, _ in found if state == "LOCKED"}
        limit = max(pool.properties.savactwait_seconds for pool in where)
        text = f"{counted(locked, 'table')} locked by others; each is waited for, at most {limit} s."
        yield _to(view, "migration", "caution-minor", text, "By whom")
    if failed := sum(count for state, _, count in found if state == "FAILED"):
        text = f"{counted(failed, 'table')} could not be copied yet, to be tried again."
        yield _to(view, "migration", "failed", text, "Why")


def of_synchronization(view: PairView) -> Iterator[Obstacle]:
    """What keeps the secondary from being in step."""
    for each in view.mirrored:
        if not each.replicating:
            yield _not_replicating(view, each)
        elif isinstance(each, StoragePool) and (each.lag_bytes or 0) > each.properties.lag_limit_bytes:
            text = f"{each}: lag {size(each.lag_bytes)}, allowed {size(each.properties.lag_limit_bytes)}."
            yield _to(
                view, "properties", "caution-minor", text, "It is suspended and brought by keys by itself"
            )
    if view.open_definitions:
        text = f"{counted(view.open_definitions, 'definition')} to be carried by hand; needed is none."
        yield _to(view, "definitions", "caution-major", text, "Retry, carry, or omit them")
    if view.left_files:
        text = f"{counted(view.left_files, 'file')} could not be carried; needed is none."
        yield _to(view, "paths", "caution-major", text, "Retry or omit them")


def of_cutover(view: PairView) -> Iterator[Obstacle]:
    """Why nobody can ask for a role swap now."""
    if why := view.in_the_way_of_swap:
        yield _to(view, "cutover", "caution-minor", f"{why[0].upper()}{why[1:]}.", "The plan and its checks")


def _not_replicating(view: PairView, each: StoragePool | FileRoot) -> Obstacle:
    name = f"File root {each}" if isinstance(each, FileRoot) else f"Pool {each}"
    why = f", {each.reason} {each.why}" if each.reason else ""
    text = f"{name} is {each.standing} since {each.since:%d %b %H:%M:%S}{why}; needed is ACTIVE REPLICATING."
    kind = "caution-major" if each.in_trouble else "caution-minor"
    if each.retry_at and each.retry_at > timezone.now():
        return _to(view, "migration", kind, text, f"Tried again by itself at {each.retry_at:%H:%M:%S}")
    if each.reason == 212:
        return Obstacle(kind, text, "Start")
    return _to(view, "migration", kind, text, "See the messages")


def _to(view: PairView, page: str, kind: str, text: str, way: str) -> Obstacle:
    return Obstacle(kind, text, way, reverse(page, args=[view.pair.name]))
