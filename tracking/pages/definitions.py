"""The library tracking list (LTL): definitions, other objects, and what has been carried."""

from typing import Any

from django.db.models import F

from tracking import tables
from tracking.models import Attempt, DefinitionEntry, MigratedObject, OtherObject

from .view import PairView

_SHOWN, _MIGRATED = 50, 20
_OPEN_FIRST = F("done_at").desc(nulls_first=True)


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    common = {"exclude": view.nameless}
    acting = {"pair": view.pair.name, "may_operate": view.viewer.operate, **common}
    found = {"pool__in": view.pools}
    definitions = DefinitionEntry.objects.filter(**found).order_by(_OPEN_FIRST, "-number")[:_SHOWN]
    others = OtherObject.objects.filter(**found).order_by(_OPEN_FIRST, "object_type", "library", "name")
    migrated = MigratedObject.objects.filter(**found)[:_MIGRATED]
    attempts = Attempt.objects.filter(**found)[:_SHOWN]
    return {
        "open_definitions": view.open_definitions,
        "definition_table": tables.DefinitionTable(view.with_pool(definitions), **acting),
        "other_table": tables.OtherTable(view.with_pool(others[:_SHOWN]), **acting),
        "migrated_table": tables.MigratedTable(view.with_pool(migrated), **acting),
        "attempt_table": tables.AttemptTable(view.with_pool(attempts), **common),
    }
