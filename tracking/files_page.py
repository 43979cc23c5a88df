"""What the pages show of a pair's file roots: the roots, the IFS tracking list, and what has been carried."""

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from django.db.models import Case, Prefetch, Value, When

from mwaportal.access import Viewer
from nodes.models import FileRoot, Pair

from . import fileroots
from .file_tables import FileTable, MigratedFileTable
from .models import FileChange, FileCompare, MigratedFile

_CHANGES, _MIGRATED = 50, 20
_FIRST = ("FAILED", "MIGRATING", "READY", "INELIGIBLE")  # what a reader looks for


def with_counts() -> Prefetch:
    """The roots of pairs, with what there is to say about their lists, for all pairs at once."""
    return Prefetch("file_roots", fileroots.counted())


def files_context(pair: Pair, roots: Sequence[FileRoot], viewer: Viewer) -> dict[str, Any]:
    """What the pair's page shows of its roots; they come with their counts."""
    if not roots:
        return {"roots": roots}
    by_key = {root.pk: root for root in roots}
    changes = FileChange.objects.filter(root__in=by_key)
    rank = Case(*(When(state=state, then=Value(n)) for n, state in enumerate(_FIRST)))
    migrated = chain.from_iterable(MigratedFile.objects.filter(root=root)[:_MIGRATED] for root in roots)
    latest = sorted(migrated, key=attrgetter("ended_at"), reverse=True)[:_MIGRATED]
    common = {"exclude": ("root",) if len(roots) == 1 else ()}
    acting = {"pair": pair.name, "may_operate": viewer.operate, **common}
    return {
        "roots": roots,
        "listed": changes.count(),
        "left": sum(root.left for root in roots),
        "file_table": FileTable(_with_root(changes.order_by(rank, "turn")[:_CHANGES], by_key), **acting),
        "migrated_file_table": MigratedFileTable(_with_root(latest, by_key), **common),
    }


def with_compares(roots: Sequence[FileRoot], viewer: Viewer) -> None:
    """Hand every root its latest compare, and say whether another can be asked for."""
    found = FileCompare.objects.filter(root__in=roots).order_by("root_id", "-id").distinct("root_id")
    latest = {compare.root_id: compare for compare in found}
    for root in roots:
        root.compare = latest.get(root.pk)
        free = root.compare is None or root.compare.ended_at is not None
        root.comparable = viewer.operate and root.replicating and free


def _with_root(found: Any, roots: dict[int, FileRoot]) -> list[Any]:
    rows = list(found)
    for row in rows:
        row.root = roots[row.root_id]
    return rows
