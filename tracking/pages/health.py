"""The health center: how both nodes are, what is beyond its threshold, and whose processes are at work."""

from dataclasses import dataclass
from typing import Any

from nodes.models import Node
from nodes.postgres.health.figures import Figures, HeldSlot
from tracking.engine.healthrules import clock_difference, names_in_use
from tracking.health_forms import shown_as
from tracking.models import Alert, FileRoom, FileWatch, HealthSettings, NodeHealth

from .view import PairView

_OVER = 20


@dataclass(frozen=True)
class Side:
    """A node with its role and what is known of it; without a row it was never asked."""

    node: Node
    end: str
    role: str
    row: NodeHealth | None

    @property
    def seen(self) -> Figures | None:
        """The last figures."""
        return self.row.figures if self.row else None

    @property
    def clock(self) -> str:
        """How its clock stands to that of the engine's host."""
        if self.seen is None:
            return "unknown"
        clock = self.seen.clock
        word = "behind" if clock.offset < 0 else "ahead of"
        return f"{_apart(clock.offset)} {word} the engine's, give or take {_apart(clock.uncertainty)}"


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    sides = _sides(view)
    alerts = list(Alert.objects.filter(pair=view.pair, ended_at=None).select_related("node").order_by("-id"))
    measured = [side.row for side in sides if side.row]
    settings = HealthSettings.of(view.pair)
    return {
        "sides": sides,
        "alerts": alerts,
        "over": Alert.objects.filter(pair=view.pair, ended_at__isnull=False).select_related("node")[:_OVER],
        "clock": _clock(measured),
        "slots": _slots(view, sides),
        "limits": _limits(sides),
        "files": _files(view),
        "engine": _engine(view),
        "thresholds": [
            (settings._meta.get_field(name).verbose_name, shown_as(name, getattr(settings, name)))
            for name in HealthSettings.FIELDS
        ],
    }


def _sides(view: PairView) -> list[Side]:
    pair = view.pair
    rows = {row.node_id: row for row in NodeHealth.objects.filter(pair=pair)}
    found = []
    for node, end in ((pair.source, "source"), (pair.copy, "copy")):
        row = rows.get(node.pk)
        if row:
            row.node = node
        found.append(Side(node, end, "Primary" if node == pair.primary else "Secondary", row))
    return found


def _clock(measured: list[NodeHealth]) -> dict[str, Any] | None:
    """The difference in words; None is unknown."""
    if (found := clock_difference(measured)) is None:
        return None
    difference, uncertainty = found
    word = "behind" if difference < 0 else "ahead of"
    return {"apart": _apart(difference), "word": word, "uncertainty": _apart(uncertainty)}


def _apart(seconds: float) -> str:
    """A difference of clocks, as fine as it was measured."""
    return f"{abs(seconds):.3f} s" if abs(seconds) >= 1 else f"{abs(seconds) * 1_000:.2f} ms"


def _slots(view: PairView, sides: list[Side]) -> list[tuple[Side, HeldSlot, str]]:
    """Each slot of both nodes with whose it is."""
    ours = names_in_use([view.pair])
    return [
        (side, slot, _whose(slot, ours))
        for side in sides if side.seen
        for slot in side.seen.slots
    ]  # fmt: skip


def _whose(slot: HeldSlot, ours: frozenset[str]) -> str:
    if slot.name in ours:
        return "this pair"
    return "MWA, another pair or a hand-over" if slot.of_this_program else "somebody else"


def _limits(sides: list[Side]) -> list[tuple[str, list[tuple[Side, Any]]]]:
    """Each limit with how much of it is used on both nodes; None where that is not known."""
    by_side = [{limit.setting: limit for limit in side.seen.limits} if side.seen else {} for side in sides]
    names = dict.fromkeys(name for found in by_side for name in found)
    return [
        (name, [(side, found.get(name)) for side, found in zip(sides, by_side, strict=True)])
        for name in names
    ]


def _files(view: PairView) -> list[dict[str, Any]]:
    """Each file root with who watches it and the room for its copy."""
    watches = FileWatch.objects.in_bulk([root.pk for root in view.roots])
    rooms = {room.root_id: room for room in FileRoom.objects.filter(root__pair=view.pair)}
    return [{"root": root, "watch": watches.get(root.pk), "room": rooms.get(root.pk)} for root in view.roots]


def _engine(view: PairView) -> dict[str, Any]:
    """Who holds the lease: an engine is called host:process:number."""
    host, _, rest = view.pair.lease_owner.rpartition(":")[0].rpartition(":")
    return {"host": host, "process": rest, "attended": view.pair.attended, "until": view.pair.lease_until}
