"""The properties of a pair and of its pools that are in force, and who has changed which of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nodes.models import PropertyChange, StoragePool
from nodes.properties import PROPERTIES
from nodes.property import Property
from nodes.property_holders import OfPair, OfPool
from tracking.change_table import ChangeTable

from .view import PairView

_SHOWN = 50


@dataclass(frozen=True)
class Row:
    """A property of a pair, or a pool's own, with its value now and its last change."""

    what: Property
    of: OfPair
    value: str
    last: PropertyChange | None

    @property
    def pool(self) -> str:
        """Which one has a value of its own; empty for the pair's."""
        return str(self.of.pool) if isinstance(self.of, OfPool) else ""

    @property
    def otherwise(self) -> str:
        """What it would be if nobody had changed it: what a new pair has, for a pool what the pair has."""
        return self.of.of_the_pair(self.what) if isinstance(self.of, OfPool) else self.what.default

    @property
    def changed(self) -> bool:
        """Whether it is something else."""
        return self.value != self.otherwise


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    changes = PropertyChange.objects.filter(key=view.pair.token)
    latest = changes.order_by("pool", "name", "-id").distinct("pool", "name")
    last = {(change.pool, change.name): change for change in latest}
    groups: dict[str, list[Row]] = {}
    for each in PROPERTIES:
        groups.setdefault(each.group, []).extend(_rows(view, each, last))
    return {
        "values": list(groups.items()),
        "pools": view.pool_list if len(view.mirrored) > 1 or _owning(view) else [],
        "owning": _owning(view),
        "change_table": ChangeTable(list(changes[:_SHOWN])),
    }


def _rows(
    view: PairView, what: Property, last: dict[tuple[int | None, str], PropertyChange]
) -> Iterator[Row]:
    """The pair's, and below it those of the pools that have their own."""
    for of in (OfPair(view.pair), *map(OfPool, view.pool_list)):
        if (value := of.value(what)) is not None:
            yield Row(what, of, of.shown(what, value), last.get((of.pool_key, what.name)))


def _owning(view: PairView) -> list[tuple[StoragePool, int]]:
    """The pools that have values of their own, with how many."""
    return [(pool, len(pool.own_properties)) for pool in view.pool_list if pool.own_properties]
