"""The overview of a pair: its nodes with their roles, how each pool and root stands, and what is owed."""

from dataclasses import dataclass
from typing import Any

from nodes import status
from nodes.actions import pair_actions
from nodes.models import FileRoot, Pair, StoragePool
from nodes.status import Status
from tracking import charts, criteria_page, fileroots, files_page, readiness
from tracking.listing.owed import owed
from tracking.models import PoolSample
from tracking.series import average, behind, unbroken

from .view import PairView

TAKES = frozenset({"pool", "minutes"})


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    files_page.with_compares(view.roots, view.viewer)
    chosen = choose(view.pair, view.query.get("pool", ""))
    samples = PoolSample.since(view.pools, view.now - readiness.NEEDED)
    is_pool = isinstance(chosen, StoragePool)
    return {
        "tabs": _tabs(view, chosen),
        "chosen": chosen,
        "unknown": _unknown(view, chosen),
        "is_pool": is_pool,
        "mirrored": view.mirrored,
        "roots": view.roots,
        "actions": pair_actions(view.pair, view.swap, view.in_the_way_of_swap, view.viewer),
        "swap": view.swap,
        "ready": _ready(view, samples),
        "criteria": criteria_page.counted(view.pools),
        "phases": _phases(view),
        **(_figures(view, chosen, samples[chosen.pk]) if is_pool else {}),
    }


def choose(pair: Pair, key: str) -> StoragePool | FileRoot | None:
    """The pool or root of a `?pool=`: a pool's number, or that of a root after "ifs-"; else the first."""
    by_key = {_key(each): each for each in (*pair.pools.all(), *pair.file_roots.all())}
    return by_key.get(key) or next(iter(by_key.values()), None)


def _key(each: StoragePool | FileRoot) -> str:
    return f"ifs-{each.number}" if isinstance(each, FileRoot) else str(each.number)


def _unknown(view: PairView, chosen: StoragePool | FileRoot | None) -> str:
    """What was asked for and is not there (any more)."""
    given = view.query.get("pool", "")
    return given if given and (chosen is None or _key(chosen) != given) else ""


def _tabs(view: PairView, chosen: StoragePool | FileRoot | None) -> list[dict[str, Any]]:
    """The selector: a link for each pool and each root, with how it stands."""
    return [
        {
            "label": each.asp_name,
            "more": each.source if isinstance(each, FileRoot) else each.database,
            "kind": _kind(each),
            "key": _key(each),
            "here": each is chosen,
        }
        for each in view.mirrored
    ]


def _kind(each: StoragePool | FileRoot) -> str:
    if each.in_trouble:
        return "caution-major"
    found = status.REPLICATION_DETAIL[each.detail] if each.state == "ACTIVE" else None
    return found.kind if found else status.REPLICATION_STATE[each.state].kind


def _figures(view: PairView, pool: StoragePool, samples: list) -> dict[str, Any]:
    """What the chosen pool's numbers are, and were."""
    run = unbroken(samples, view.now)
    chart = charts.chart(pool, view.now, charts.minutes_of(view.query.get("minutes", "")))
    return {
        "chart": chart,
        "ranges": [(minutes, label, minutes == chart.minutes) for minutes, label in charts.RANGES.items()],
        "rates": average(unbroken(samples, view.now, any_state=True)),
        "latest": charts.latest(samples, view.now),
        "behind": behind(run) if pool.replicating else None,
        "held_percent": _percent(pool.wal_held_bytes, pool.properties.wal_limit_bytes),
    }


def _percent(value: int | None, limit: int) -> int | None:
    return None if value is None else min(100, 100 * value // max(1, limit))


def _ready(view: PairView, samples: dict[int, list]) -> readiness.Readiness:
    pools = {key: readiness.of_pool(pool, samples.get(key, []), view.now) for key, pool in view.pools.items()}
    names = {key: pool.asp_name for key, pool in view.pools.items()}
    return readiness.of_pair(pools, names, view.obstacle)


@dataclass(frozen=True)
class PhaseRow:
    """One of the four rows that Migrate While Active shows for a pair; no phase: it has no part in it."""

    name: str
    about: str
    page: str  # where what it is about is listed
    phase: Status | None
    detail: Status | None
    text: str


def _phases(view: PairView) -> list[PhaseRow]:
    """The manager's, and the lists', which share its phase and tell what stands on them."""
    pair, stands, rows_owed, definitions = view.pair, view.stands, owed(view.pools), view.open_definitions
    rows = "nothing is owed"
    if rows_owed.entries:
        rows = f"{rows_owed.changes:,} changes on {rows_owed.entries:,} entries are owed to the secondary"
    carried = f"{definitions:,} to be carried by hand" if definitions else "nothing waits"
    stopped = pair.phase_detail == "E" or any(pool.in_trouble for pool in view.pool_list)  # lists only grow
    detail = status.PHASE_DETAIL["I" if stopped else pair.phase_detail]
    return [
        PhaseRow("MANAGER", "The migration as a whole", "journal", stands.phase, stands.detail, stands.text),
        PhaseRow("OBJECT MIR", "Tables and rows (OTL)", "tables", stands.phase, detail, rows),
        PhaseRow(
            "OBJECT RST", "Definitions and other objects (LTL)", "definitions",
            stands.phase, status.PHASE_DETAIL["E"] if definitions else detail, carried,
        ),
        _files_row(view.stands.phase, view.roots, detail),
    ]  # fmt: skip


def _files_row(phase: Status, roots: list[FileRoot], detail: Status) -> PhaseRow:
    about = ("IFS RST", "Files (ITL)", "paths")
    if not roots:
        return PhaseRow(*about, None, None, "this pair has no file roots")
    wrong = any(root.left or root.in_trouble for root in roots)
    return PhaseRow(*about, phase, status.PHASE_DETAIL["E"] if wrong else detail, fileroots.said_of(roots))
