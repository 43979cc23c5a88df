"""The overview of a pair: its nodes with their roles, and how each pool and file root stands."""

from dataclasses import dataclass
from typing import Any

from nodes import status
from nodes.actions import pair_actions
from nodes.models import FileRoot
from nodes.status import Status
from tracking import criteria_page, fileroots, files_page
from tracking.listing.owed import owed

from .view import PairView


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    files_page.with_compares(view.roots, view.viewer)
    return {
        "pools": view.pool_list,
        "roots": view.roots,
        "criteria": criteria_page.counted(view.pools),
        "actions": pair_actions(view.pair, view.swap, view.in_the_way_of_swap, view.viewer),
        "phases": _phases(view),
    }


@dataclass(frozen=True)
class PhaseRow:
    """One of the four rows that Migrate While Active shows for a pair; no phase: it has no part in it."""

    name: str
    about: str
    phase: Status | None
    detail: Status | None
    text: str


def _phases(view: PairView) -> list[PhaseRow]:
    """The manager's, and the lists', which share its phase and tell what stands on them."""
    pair, stands, rows_owed, definitions = view.pair, view.stands, owed(view.pools), view.open_definitions
    rows = "nothing is owed"
    if rows_owed.tables:
        rows = f"{rows_owed.changes:,} changes in {rows_owed.tables:,} tables are owed to the secondary"
    carried = f"{definitions:,} to be carried by hand" if definitions else "nothing waits"
    stopped = pair.phase_detail == "E" or any(pool.in_trouble for pool in view.pool_list)  # lists only grow
    detail = status.PHASE_DETAIL["I" if stopped else pair.phase_detail]
    return [
        PhaseRow("MANAGER", "The migration as a whole", stands.phase, stands.detail, stands.text),
        PhaseRow("OBJECT MIR", "Tables and rows (OTL)", stands.phase, detail, rows),
        PhaseRow(
            "OBJECT RST", "Definitions and other objects (LTL)",
            stands.phase, status.PHASE_DETAIL["E"] if definitions else detail, carried,
        ),
        _files_row(view.stands.phase, view.roots, detail),
    ]  # fmt: skip


def _files_row(phase: Status, roots: list[FileRoot], detail: Status) -> PhaseRow:
    about = ("IFS RST", "Files (ITL)")
    if not roots:
        return PhaseRow(*about, None, None, "this pair has no file roots")
    wrong = any(root.left or root.in_trouble for root in roots)
    return PhaseRow(*about, phase, status.PHASE_DETAIL["E"] if wrong else detail, fileroots.said_of(roots))
