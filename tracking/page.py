"""What the live pages show: the same context for the first rendering and for every update after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Min, Prefetch, Q, Sum, prefetch_related_objects
from django.utils import timezone

from mwaportal.access import Viewer
from nodes import status
from nodes.actions import pair_actions, swap_actions
from nodes.models import FileRoot, Pair, StoragePool, SwapRequest
from nodes.status import Status

from . import attention, criteria_page, fileroots, files_page, progress, tables
from .models import (
    Attempt,
    CompareResult,
    CompareRun,
    DefinitionEntry,
    JournalEntry,
    Message,
    MigratedObject,
    OtherObject,
    TrackedTable,
    waiting,
)

_MESSAGES, _JOURNAL, _TRACKED, _SWAPS, _RUNS = 50, 20, 100, 5, 3
_OPEN_FIRST = F("done_at").desc(nulls_first=True)
_DEFINITIONS, _MIGRATED, _UNEQUAL, _ATTEMPTS = 50, 20, 20, 50


def pair_context(pair: Pair, viewer: Viewer) -> dict[str, Any]:
    """Everything the partials of a pair's page need."""
    now = timezone.now()
    prefetch_related_objects([pair], "pools", files_page.with_counts())
    pools = {pool.pk: pool for pool in pair.pools.all()}
    pool_list, roots = list(pools.values()), list(pair.file_roots.all())
    swaps = _swaps(pair, viewer)
    tracked, owed = _tracked(pools)
    definitions = DefinitionEntry.objects.filter(pool__in=pools).order_by(_OPEN_FIRST, "-number")
    open_definitions = definitions.by_hand().count()
    mirrored = [*pool_list, *roots]
    stands = attention.standing(pair, mirrored)
    left = sum(root.left for root in roots)
    return {
        "now": now,
        "pair": pair,
        "pools": pool_list,
        "criteria": criteria_page.counted(pools),
        "needs": attention.needs(pair, mirrored, swaps["swap"], open_definitions, left),
        "stands": stands,
        "announcement": attention.announcement(pair, stands, mirrored),
        "actions": pair_actions(pair, swaps["swap"], swaps["in_the_way_of_swap"], viewer),
        "phases": _phases(pair, stands, owed, open_definitions),
        "copies": progress.summary(pools, now),
        "steps": progress.steps(pair, pool_list),
        "copy_table": tables.CopyTable(progress.shown_copies(pools, now), exclude=_known(pool_list)),
        "owed": owed,
        "tracking_table": tables.TrackingTable(tracked, exclude=_known(pool_list)),
        "open_definitions": open_definitions,
        **_library(pair, pools, definitions, viewer),
        **swaps,
        **_compares(pools, viewer),
        **files_page.files_context(pair, roots, viewer),
        **_said(pair),
    }


def _swaps(pair: Pair, viewer: Viewer) -> dict[str, Any]:
    """The open role swap and what may be decided about it, and those that are over."""
    found = list(pair.swaps.select_related("requested_by", "decided_by")[:_SWAPS])
    for swap in found:
        swap.pair = pair
    swap = next((swap for swap in found if swap.state in status.OPEN_SWAP), None)
    return {
        "swap": swap,
        "swap_actions": swap_actions(swap, viewer) if swap else [],
        "in_the_way_of_swap": "" if swap else pair.in_the_way_of_swap(),
        "past_swaps": [past for past in found if past is not swap],
    }


def _compares(pools: dict[int, StoragePool], viewer: Viewer) -> dict[str, Any]:
    """The latest compares, and which pools can be compared now."""
    runs = _with_pool(_runs(pools), pools)
    comparing = {run.pool_id for run in runs if not run.ended_at}
    free = [pool for pool in pools.values() if pool.replicating and pool.pk not in comparing]
    return {"runs": runs, "comparable": free if viewer.operate else []}


def _said(pair: Pair) -> dict[str, Any]:
    """What the engine has said, and the journal."""
    journal = JournalEntry.objects.filter(pair_name=pair.name)[:_JOURNAL]
    return {
        "message_table": tables.MessageTable(list(Message.objects.filter(pair=pair)[:_MESSAGES])),
        "journal_table": tables.JournalTable(list(journal)),
    }


def _library(pair: Pair, pools: dict[int, StoragePool], definitions: Any, viewer: Viewer) -> dict[str, Any]:
    """The library tracking list: definitions, other objects, and what has been carried."""
    common = {"exclude": _known(list(pools.values()))}
    acting = {"pair": pair.name, "may_operate": viewer.operate, **common}
    others = OtherObject.objects.filter(pool__in=pools).order_by(
        _OPEN_FIRST, "object_type", "library", "name"
    )
    migrated = MigratedObject.objects.filter(pool__in=pools)
    attempts = Attempt.objects.filter(pool__in=pools)
    return {
        "definition_table": tables.DefinitionTable(_with_pool(definitions[:_DEFINITIONS], pools), **acting),
        "other_table": tables.OtherTable(_with_pool(others[:_DEFINITIONS], pools), **acting),
        "migrated_table": tables.MigratedTable(_with_pool(migrated[:_MIGRATED], pools), **acting),
        "attempt_table": tables.AttemptTable(_with_pool(attempts[:_ATTEMPTS], pools), **common),
    }


def _known(pools: list[StoragePool]) -> tuple[str, ...]:
    """Columns that say nothing: which pool, where there is one."""
    return ("pool",) if len(pools) == 1 else ()


def home_context() -> dict[str, Any]:
    """Every pair, the worst off first."""
    pairs = Pair.objects.select_related("source", "copy").prefetch_related(
        "pools",
        files_page.with_counts(),
        Prefetch(
            "swaps", SwapRequest.objects.filter(state__in=status.OPEN_SWAP).select_related("requested_by")
        ),
    )
    undone = Count("pools__definition_entries", waiting("pools__definition_entries__"))
    rows = [_overview(pair) for pair in pairs.annotate(undone=undone)]
    rows.sort(key=lambda row: (row["worst"], row["pair"].name))
    return {
        "now": timezone.now(),
        "rows": rows,
        "announcement": " ".join(row["announcement"] for row in rows),
    }


def _overview(pair: Pair) -> dict[str, Any]:
    pools, roots = list(pair.pools.all()), list(pair.file_roots.all())
    mirrored = [*pools, *roots]
    swap = next(iter(pair.swaps.all()), None)
    needed = attention.needs(pair, mirrored, swap, pair.undone, sum(root.left for root in roots))
    stands = attention.standing(pair, mirrored)
    return {
        "pair": pair,
        "mirrored": mirrored,
        "stands": stands,
        "needs": needed,
        "worst": attention.worst(stands, mirrored, needed),
        "announcement": attention.announcement(pair, stands, mirrored),
    }


@dataclass(frozen=True)
class Owed:
    """The object tracking list in one line."""

    tables: int
    changes: int
    keys: int
    whole: int


def _tracked(pools: dict[int, StoragePool]) -> tuple[list[dict[str, Any]], Owed]:
    """A row per table over all its sheets, those with most changes first, and the total of all."""
    found = (
        TrackedTable.objects.filter(pool__in=pools)
        .filter(Q(changes__gt=0) | Q(whole_reason__gt=""))
        .order_by()
        .values("pool_id", "schema_name", "table_name")
        .annotate(
            sum_changes=Sum("changes"), sum_keys=Sum("keys"),
            reason=Max("whole_reason"), since=Min("first_tracked_at"),
        )
    )  # fmt: skip
    total = found.aggregate(
        tables=Count("*"),
        changes=Sum("sum_changes"),
        keys=Sum("sum_keys"),
        whole=Count("table_name", Q(reason__gt="")),
    )
    rows = [
        {
            "pool": pools[row["pool_id"]].asp_name,
            "table": f"{row['schema_name']}.{row['table_name']}",
            "changes": row["sum_changes"],
            "keys": row["sum_keys"],
            "reason": row["reason"],
            "since": row["since"],
        }
        for row in found.order_by("-sum_changes", "schema_name", "table_name")[:_TRACKED]
    ]
    return rows, Owed(**{name: int(value or 0) for name, value in total.items()})


@dataclass(frozen=True)
class PhaseRow:
    """One of the four rows that Migrate While Active shows for a pair; no phase: it has no part in it."""

    name: str
    about: str
    phase: Status | None
    detail: Status | None
    text: str


def _phases(pair: Pair, stands: attention.Standing, owed: Owed, definitions: int) -> list[PhaseRow]:
    """The manager's, and the lists', which share its phase and tell what stands on them."""
    rows = "nothing is owed"
    if owed.tables:
        rows = f"{owed.changes:,} changes in {owed.tables:,} tables are owed to the secondary"
    carried = f"{definitions:,} to be carried by hand" if definitions else "nothing waits"
    stopped = pair.phase_detail == "E" or any(pool.in_trouble for pool in pair.pools.all())  # lists only grow
    detail = status.PHASE_DETAIL["I" if stopped else pair.phase_detail]
    return [
        PhaseRow("MANAGER", "The migration as a whole", stands.phase, stands.detail, stands.text),
        PhaseRow("OBJECT MIR", "Tables and rows (OTL)", stands.phase, detail, rows),
        PhaseRow(
            "OBJECT RST", "Definitions and other objects (LTL)",
            stands.phase, status.PHASE_DETAIL["E"] if definitions else detail, carried,
        ),
        _files_row(stands, list(pair.file_roots.all()), detail),
    ]  # fmt: skip


def _files_row(stands: attention.Standing, roots: list[FileRoot], detail: Status) -> PhaseRow:
    about = ("IFS RST", "Files (ITL)")
    if not roots:
        return PhaseRow(*about, None, None, "this pair has no file roots")
    wrong = any(root.left or root.in_trouble for root in roots)
    return PhaseRow(
        *about, stands.phase, status.PHASE_DETAIL["E"] if wrong else detail, fileroots.said_of(roots)
    )


def _runs(pools: dict[int, StoragePool]) -> list[CompareRun]:
    """The latest compares with their counts, and the first tables that are not equal."""
    runs = list(CompareRun.objects.filter(pool__in=pools)[:_RUNS])
    results = CompareResult.objects.filter(run__in=runs)
    counted = results.order_by().values_list("run", "verdict").annotate(Count("id"), Sum("rows"))
    told = {(run, verdict): (tables, rows) for run, verdict, tables, rows in counted}
    for run in runs:
        run.verdicts = [
            (status.VERDICT[verdict], told[run.pk, verdict][0])
            for verdict, _ in status.VERDICT.choices
            if (run.pk, verdict) in told
        ]
        run.rows = sum(rows for (number, _), (_, rows) in told.items() if number == run.pk)
        unequal = results.filter(run=run).exclude(verdict="EQUAL").order_by("verdict", "schema", "name")
        run.unequal = unequal[:_UNEQUAL]
        run.untold = max(0, sum(n for found, n in run.verdicts if found.value != "EQUAL") - _UNEQUAL)
    return runs


def _with_pool(found: Sequence[Any], pools: dict[int, StoragePool]) -> list[Any]:
    """Hand every row the pool that has been read already."""
    rows = list(found)
    for row in rows:
        row.pool = pools[row.pool_id]
    return rows
