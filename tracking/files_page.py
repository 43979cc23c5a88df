"""What the pages show of a pair's file roots beside how they stand: what they owe, and compares."""

from collections.abc import Sequence

from django.db.models import Prefetch

from mwaportal.access import Viewer
from nodes.models import FileRoot

from . import fileroots
from .models import FileCompare


def with_counts() -> Prefetch:
    """The roots of pairs, with what there is to say about their lists, for all pairs at once."""
    return Prefetch("file_roots", fileroots.counted())


def with_compares(roots: Sequence[FileRoot], viewer: Viewer) -> None:
    """Hand every root its latest compare, and say whether another can be asked for."""
    found = FileCompare.objects.filter(root__in=roots).order_by("root_id", "-id").distinct("root_id")
    latest = {compare.root_id: compare for compare in found}
    for root in roots:
        root.compare = latest.get(root.pk)
        free = root.compare is None or root.compare.ended_at is not None
        root.comparable = viewer.operate and root.replicating and free
