"""Preflight of a pair's file roots: what would keep them from being tracked or carried."""

import os
from collections.abc import Iterator

from nodes.models import FileRoot, Pair
from nodes.postgres.preflight import Check
from nodes.postgres.preflight.check import Finding, Side
from tracking.ifs import limits, roots
from tracking.ifs.opened import Opened
from tracking.ifs.room import room
from tracking.ifs.watching import RootGone
from tracking.ifs.ways import watch

from . import fileplaces


def run(pair: Pair) -> list[Check]:
    """Every check of every root; nothing is touched. Empty for a pair without roots."""
    found = list(pair.file_roots.select_related("pair__source", "pair__copy"))
    if not found:
        return []
    never = fileplaces.forbidden(pair)
    refusals = roots.check([fileplaces.root_of(root) for root in found], never)
    if refusals:
        return [_check("file root", None, "both", Finding("failed", *_words(each))) for each in refusals]
    there = Finding("passed", "two directories", "two directories")
    checks = [_check("file root", root, "both", there) for root in found]
    for root in found:
        checks += _of(root, Opened(fileplaces.root_of(root), never))
    return checks


def _of(root: FileRoot, opened: Opened) -> Iterator[Check]:
    with opened:
        source = os.fsencode(root.primary)
        yield _check("file system", root, "source", limits.seen(source))
        yield _check("room for files", root, "copy", room(opened))
        if _by_inotify(source, opened):
            yield _check("inotify watches", root, "source", limits.capacity(source, opened.excluded))
            yield _check("inotify queue", root, "source", limits.queue())


def _by_inotify(source: bytes, opened: Opened) -> bool:
    try:
        watching = watch(source, opened.excluded)
    except (RootGone, OSError):
        return True
    watching.close()
    return watching.way == "inotify"


def _words(refusal: roots.Refusal) -> tuple[str, str, str]:
    return f"{refusal.what} {refusal.seen}", refusal.needed, "name another directory, or make this one so"


def _check(name: str, root: FileRoot | None, node: Side, found: Finding) -> Check:
    where = str(root) if root else None
    return Check(name, where, node, found.status, found.observed, found.needed, found.remedy, found.objects)
