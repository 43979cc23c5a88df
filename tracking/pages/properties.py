"""The properties of a pair that are in force, and who has changed which of them."""

from dataclasses import dataclass
from typing import Any

from nodes.models import PropertyChange
from nodes.properties import PROPERTIES, Property
from tracking.change_table import ChangeTable

from .view import PairView

_SHOWN = 50


@dataclass(frozen=True)
class Row:
    """A property, its value now, and its last change."""

    what: Property
    value: str
    last: PropertyChange | None

    @property
    def changed(self) -> bool:
        """Whether it is not what a new pair has."""
        return self.value != self.what.default


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    changes = PropertyChange.objects.filter(key=view.pair.token)
    last = {change.name: change for change in changes.order_by("name", "-id").distinct("name")}
    groups: dict[str, list[Row]] = {}
    for each in PROPERTIES:
        row = Row(each, each.shown(getattr(view.pair, each.name)), last.get(each.name))
        groups.setdefault(each.group, []).append(row)
    return {"values": list(groups.items()), "change_table": ChangeTable(list(changes[:_SHOWN]))}
