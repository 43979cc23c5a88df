"""The object tracking list (OTL): what the secondary is owed, a row per table."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from tracking.models import TrackedTable
from tracking.tables import TrackingTable

from .view import PairView

_SHOWN = 100


@dataclass(frozen=True)
class Owed:
    """The object tracking list in one line."""

    tables: int
    changes: int
    keys: int
    whole: int


def context(view: PairView) -> dict[str, Any]:
    """What its partials need: those with most changes first."""
    rows = [
        {
            "pool": view.pools[row["pool_id"]].asp_name,
            "table": f"{row['schema_name']}.{row['table_name']}",
            "changes": row["sum_changes"],
            "keys": row["sum_keys"],
            "reason": row["reason"],
            "since": row["since"],
        }
        for row in _tracked(view.pools).order_by("-sum_changes", "schema_name", "table_name")[:_SHOWN]
    ]
    return {"owed": owed(view.pools), "tracking_table": TrackingTable(rows, exclude=view.nameless)}


def owed(pools: Collection[int]) -> Owed:
    """The total of all."""
    total = _tracked(pools).aggregate(
        tables=Count("*"),
        changes=Sum("sum_changes"),
        keys=Sum("sum_keys"),
        whole=Count("table_name", Q(reason__gt="")),
    )
    return Owed(**{name: int(value or 0) for name, value in total.items()})


def _tracked(pools: Collection[int]) -> QuerySet:
    """A row per table over all its sheets."""
    return (
        TrackedTable.objects.filter(pool__in=pools)
        .filter(Q(changes__gt=0) | Q(whole_reason__gt=""))
        .order_by()
        .values("pool_id", "schema_name", "table_name")
        .annotate(
            sum_changes=Sum("changes"), sum_keys=Sum("keys"),
            reason=Max("whole_reason"), since=Min("first_tracked_at"),
        )
    )  # fmt: skip
