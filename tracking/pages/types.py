"""Object types and migration: what travels and how, with how many objects of each type this pair has."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum

from tracking import support
from tracking.models import (
    DefinitionEntry,
    FileChange,
    Inventory,
    MigratedFile,
    MigratedObject,
    ObjectCount,
    OtherObject,
    TableCopy,
    TrackedTable,
    waiting,
)
from tracking.support import Support
from tracking.support_table import CountedTable

from .view import PairView

Figures = tuple[int | None, int | None, int | None]  # on the list, failed, migrated
TAKES = frozenset({"list", "stage", "name"})
_ANY_TYPE = "type"  # what the tracking list calls every one of these
_TYPES = ("enum", "composite type", "domain", "range", "base type")
_CONTENTS = ("UNLOGGED TABLE", "MATERIALIZED VIEW")
_DONE = ("COPIED", "LATER", "GONE")


@dataclass(frozen=True)
class Counted:
    """A row of the table with this pair's figures; None is unknown, or not counted for it."""

    support: Support
    on_primary: int | None
    on_list: int | None
    failed: int | None
    migrated: int | None


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    chosen = support.chosen(view.query)
    inventories = list(Inventory.objects.filter(pool__in=view.pools).order_by("counted_at"))
    known = [each.counted_at for each in inventories if each.counted_at]
    complete = len(known) == len(view.pools)
    return {
        "table": CountedTable(_rows(view, chosen, complete)),
        "pools": view.pool_list,
        "shown": len(chosen),
        "of": len(support.rows()),
        "counted_at": known[0] if known and complete else None,
        "uncounted": [view.pools[pk] for pk in view.pools if pk not in _counted(inventories)],
        "failures": [(view.pools[each.pool_id], each) for each in inventories if each.failure],
        "asked": any(each.asked_at for each in inventories),
        **support.filter_of(view.query),
    }


def _counted(inventories: list[Inventory]) -> set[int]:
    return {each.pool_id for each in inventories if each.counted_at}


def _rows(view: PairView, chosen: list[Support], complete: bool) -> list[Counted]:
    counts = dict(
        ObjectCount.objects.filter(pool__in=view.pools)
        .order_by()
        .values_list("object_type")
        .annotate(Sum("count"))
    )
    carried = _carried(view)
    figures = {**_definitions(view, carried), **_others(view, carried), **_files(view), **_tables(view)}
    rows = []
    for each in chosen:
        is_file = each.tracking_list == "ITL"
        there = counts.get(each.object_type, 0) if complete and not is_file else None
        if each.object_type == "SYSTEM SETTING" and each.object_type not in counts:
            there = None  # it may not be known
        rows.append(Counted(each, there, *_of(figures, each.object_type)))
    return rows


def _of(figures: dict[str, Figures], name: str) -> Figures:
    """On the list, failed and migrated; the kinds of types are not told apart there, nor are links."""
    if name in _TYPES[1:] or name == support.HARD_LINKS:
        return None, None, None
    return figures.get(_ANY_TYPE if name in _TYPES else name, (0, 0, 0))


def _carried(view: PairView) -> dict[str, int]:
    """How many objects of the library tracking list have been carried, as its history calls their types."""
    found = MigratedObject.objects.filter(pool__in=view.pools).order_by()
    return dict(found.values_list("object_type").annotate(Count("id")))


def _definitions(view: PairView, carried: dict[str, int]) -> dict[str, Figures]:
    entries = DefinitionEntry.objects.filter(pool__in=view.pools, done_at=None).order_by()
    listed, failed, migrated = Counter(), Counter(), Counter()
    for name, every, left in entries.values_list("object_type").annotate(
        every=Count("id"), left=Count("id", waiting())
    ):
        listed[_type(name)] += every
        failed[_type(name)] += left
    for name, every in carried.items():
        migrated[_type(name)] += every
    names = {*listed, *migrated}
    return {name: (listed[name], failed[name], migrated[name]) for name in names}


def _type(name: str) -> str:
    return _ANY_TYPE if name in _TYPES else name


def _others(view: PairView, carried: dict[str, int]) -> dict[str, Figures]:
    """Their history has no capitals, and calls the contents of a table as the table."""
    entries = OtherObject.objects.filter(pool__in=view.pools, done_at=None).order_by()
    left = Q(state="FAILED", set_aside="") | Q(set_aside="DEFERRED")
    found = entries.values_list("object_type").annotate(every=Count("id"), left=Count("id", left))
    listed = {name: (every, failed) for name, every, failed in found}
    return {
        name: (*listed.get(name, (0, 0)), None if name in _CONTENTS else carried.get(name.lower(), 0))
        for name in (row.object_type for row in support.rows())
        if name.isupper()
    }


def _files(view: PairView) -> dict[str, Figures]:
    roots = [root.pk for root in view.roots]
    changes = FileChange.objects.filter(root__in=roots).order_by()
    failed = Q(state="FAILED", set_aside="") | Q(set_aside="DEFERRED")
    found = changes.values_list("object_type").annotate(every=Count("id"), left=Count("id", failed))
    listed = {name: (every, left) for name, every, left in found}
    history = MigratedFile.objects.filter(root__in=roots).order_by()
    carried = dict(history.values_list("object_type").annotate(Count("id")))
    return {name: (*listed.get(name, (0, 0)), carried.get(name, 0)) for name in {*listed, *carried}}


def _tables(view: PairView) -> dict[str, Figures]:
    """Of the rows of tables it is tables that are listed, failed and copied."""
    owed = TrackedTable.objects.filter(pool__in=view.pools).filter(Q(changes__gt=0) | Q(whole_reason__gt=""))
    listed = owed.order_by().values("pool_id", "schema_name", "table_name").distinct().count()
    copies = TableCopy.objects.filter(pool__in=view.pools)
    failed = copies.filter(state="FAILED").count()
    return {"rows of tables": (listed, failed, copies.filter(state__in=_DONE).count())}
