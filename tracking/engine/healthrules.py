"""What is beyond its threshold now: values with their objects, as somebody should read them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mwaportal import shown
from nodes.models import Node, Pair, StoragePool
from nodes.postgres.health import Figures
from nodes.postgres.health.figures import HeldSlot
from tracking.models import Beyond, FileRoom, HealthSettings, NodeHealth

_STALE = timedelta(seconds=60)  # an older lag says nothing about now
_TEMPORARY = "mwa_handover_"


@dataclass(frozen=True)
class Looked:
    """What a look has found, to be judged; `slots` are the names of those that pairs of this portal use."""

    pair: Pair
    settings: HealthSettings
    nodes: Sequence[NodeHealth]
    pools: Sequence[StoragePool]
    rooms: Sequence[FileRoom]
    slots: frozenset[str]
    now: datetime
    beyond: list[Beyond] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)  # beginnings of keys that could not be measured


def judge(looked: Looked) -> Looked:
    """Fill in what is beyond, and what cannot be told now."""
    for row in looked.nodes:
        if row.silent_since:
            looked.unjudged.append(f"{row.node.pk}/")
            looked.beyond.extend(_silent(row, looked))
        elif row.figures:
            looked.beyond.extend(_of_node(row.node, row.figures, looked))
            looked.unjudged.extend(_missing(row.node, row.figures))
    looked.beyond.extend(_clock(looked))
    looked.beyond.extend(_lag(looked))
    looked.beyond.extend(_rooms(looked))
    return looked


def clock_difference(nodes: Sequence[NodeHealth]) -> tuple[float, float] | None:
    """The copy's clock minus the source's and how far that may be wrong, in seconds; None is unknown."""
    if len(nodes) != 2 or any(row.silent_since or row.figures is None for row in nodes):
        return None
    source, copy = (row.figures.clock for row in nodes if row.figures)
    apart = abs((nodes[0].measured_at - nodes[1].measured_at).total_seconds())
    # Each was compared with the engine's clock, which may have been set between the two.
    return (copy.offset - source.offset, source.uncertainty + copy.uncertainty) if apart < 60 else None


def _silent(row: NodeHealth, looked: Looked) -> Iterator[Beyond]:
    limit = looked.settings.silent_seconds
    seconds = (looked.now - row.silent_since).total_seconds() if row.silent_since else 0.0
    if limit is not None and seconds >= limit:
        last = (
            f"last answer {row.measured_at:%d %b %H:%M:%S} UTC" if row.measured_at else "there was none yet"
        )
        text = f"node {row.node} has not answered for {shown.duration(limit)} or longer; {last}: {row.error}"
        yield Beyond("AWAY", "", seconds, limit, text, row.node)


def _of_node(node: Node, seen: Figures, looked: Looked) -> Iterator[Beyond]:
    yield from _volumes(node, seen, looked.settings.storage_percent)
    yield from _held(node, seen, looked.settings.held_bytes)
    yield from _slots(node, seen, looked.slots)
    yield from _transactions(node, seen, looked.settings.transaction_seconds)
    yield from _connections(node, seen, looked.settings.connections_percent)


def _missing(node: Node, seen: Figures) -> Iterator[str]:
    kinds = {"volumes": ["STORAGE"], "slots": ["WAL", "SLOT"], "transactions": ["TRANSACTION"],
             "limits": ["CONNECTIONS"]}  # fmt: skip
    for part in seen.missing:
        for kind in kinds.get(part, []):
            yield f"{node.pk}/{kind}/"


def _volumes(node: Node, seen: Figures, least: float | None) -> Iterator[Beyond]:
    for volume in seen.volumes:
        if least is not None and volume.free_percent < least:
            text = (
                f"{volume.free_percent:.1f} % is free of the volume of node {node}'s {volume.purpose}"
                f" {volume.path}, {shown.size(volume.free_bytes)} of {shown.size(volume.total_bytes)};"
                f" needed is {least:g} %"
            )
            yield Beyond("STORAGE", volume.path, volume.free_percent, least, text, node)


def _held(node: Node, seen: Figures, most: float | None) -> Iterator[Beyond]:
    for slot in seen.slots:
        held = slot.held_bytes
        if most is not None and held is not None and held > most:
            reader = f"read by pid {slot.active_pid}" if slot.active_pid else "read by nobody"
            text = (
                f"slot {slot.name} of node {node}, {reader}, holds {shown.size(held)} of log;"
                f" allowed is {shown.size(most)}"
            )
            yield Beyond("WAL", slot.name, held, most, text, node)


def _slots(node: Node, seen: Figures, used: frozenset[str]) -> Iterator[Beyond]:
    for slot in seen.slots:
        if why := _wrong_with(slot, used):
            text = f"slot {slot.name} of node {node}, {slot.database or 'physical'}, {why}"
            yield Beyond("SLOT", slot.name, slot.held_bytes or 0, 0, text, node)


def _wrong_with(slot: HeldSlot, used: frozenset[str]) -> str:
    if slot.wal_status == "lost":
        return (
            f"is lost{': ' + slot.invalidation if slot.invalidation else ''}; its reader has to begin again"
        )
    if slot.wal_status == "unreserved":
        return "holds log that the next checkpoint may remove; needed is a reader that catches up"
    ours = slot.of_this_program and not slot.temporary and not slot.name.startswith(_TEMPORARY)
    if ours and slot.name not in used and slot.active_pid is None:
        return (
            "is of a pair that this portal does not know, and nobody reads it: if no other portal does,"
            f" remove it with select pg_drop_replication_slot('{slot.name}')"
        )
    return ""


def _transactions(node: Node, seen: Figures, most: float | None) -> Iterator[Beyond]:
    old = [each for each in seen.transactions if not each.ours and most is not None and each.seconds > most]
    if old and most is not None:
        worst = max(old, key=lambda each: each.seconds)
        who = f"pid {worst.pid}" if worst.pid else f"prepared as '{worst.query}'"
        more = f"; {len(old) - 1} more are older than allowed" if len(old) > 1 else ""
        text = (
            f"a transaction on node {node} ({who}, {worst.user}, database {worst.database}) has been open for"
            f" {shown.duration(worst.seconds)}; allowed is {shown.duration(most)}{more}"
        )
        yield Beyond("TRANSACTION", "", worst.seconds, most, text, node)


def _connections(node: Node, seen: Figures, most: float | None) -> Iterator[Beyond]:
    for limit in seen.limits:
        used = 100 * limit.used / limit.maximum if limit.maximum else 0
        if limit.setting == "max_connections" and most is not None and used > most:
            text = (
                f"{limit.used} of {limit.maximum} connections of node {node} are in use, {used:.0f} %;"
                f" allowed is {most:g} %"
            )
            yield Beyond("CONNECTIONS", "", used, most, text, node)


def _clock(looked: Looked) -> Iterator[Beyond]:
    found, most = clock_difference(looked.nodes), looked.settings.clock_seconds
    if found is None:
        looked.unjudged.append("/CLOCK/")
    elif most is not None and abs(found[0]) - found[1] > most:
        difference, uncertainty = found
        text = (
            f"the clock of node {looked.pair.copy} is {abs(difference):.3f} s"
            f" {'ahead of' if difference > 0 else 'behind'} that of {looked.pair.source}"
            f" (give or take {uncertainty:.3f} s); allowed is {most:g} s"
        )
        yield Beyond("CLOCK", "", abs(difference), most, text)


def _lag(looked: Looked) -> Iterator[Beyond]:
    most = looked.settings.lag_bytes
    for pool in looked.pools:
        if pool.lag_bytes is None or pool.measured_at is None or looked.now - pool.measured_at > _STALE:
            looked.unjudged.append(f"/LAG/{pool.pk}")
        elif most is not None and pool.lag_bytes > most:
            text = f"pool {pool} is {shown.size(pool.lag_bytes)} behind; allowed is {shown.size(most)}"
            yield Beyond("LAG", str(pool.pk), pool.lag_bytes, most, text)


def _rooms(looked: Looked) -> Iterator[Beyond]:
    least = looked.settings.storage_percent
    for room in looked.rooms:
        free = room.free_percent
        if room.error or free is None:
            looked.unjudged.append(f"/STORAGE/{room.path}")
        elif least is not None and free < least:
            text = (
                f"{free:.1f} % is free of the file system of {room.path}, {shown.size(room.free_bytes)} of"
                f" {shown.size(room.total_bytes)}; needed is {least:g} %"
            )
            yield Beyond("STORAGE", room.path, free, least, text)


def names_in_use(pairs: Iterable[Pair]) -> frozenset[str]:
    """The slots that pairs have, in both directions."""
    return frozenset(
        pool.slot(reverse=reverse) for pair in pairs for pool in pair.pools.all() for reverse in (False, True)
    )
