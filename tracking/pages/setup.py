"""The set-up of a pair: its steps, and the preflight with what to do about each thing it finds."""

from typing import Any

from django.urls import reverse

from nodes import status
from nodes.models import Pair
from nodes.status import Status
from tracking.guide import offers
from tracking.models import PreflightRun
from tracking.setup_steps import looked_at_others, steps

from .view import PairView

_CREATE = (
    "Makes {count} on {copy}, empty, with the encoding and locale of the source: {names}. Nothing is made"
    " while another check fails. Then the preflight looks into them."
)
_WORST_FIRST = ("failed", "warning", "passed")


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    pair, run = view.pair, view.preflight
    told = {"announcement": f"Preflight of {pair}: {run.standing.label}."} if run else {}
    going_on = run is not None and run.ended_at is None
    lacking = [] if run is None or going_on else _lacking(run)
    return {
        "steps": steps(pair, view.pool_list, len(view.roots), run),
        "run": run,
        "checks": _sorted(run) if run else [],
        "stale": run is not None and looked_at_others(run, view.pool_list),
        "lacking": lacking if pair.untouched else [],
        "may_run": view.viewer.operate and bool(view.pools) and not going_on
        and pair.goal != Pair.Goal.REMOVED,
        "may_start": view.viewer.operate and bool(view.pools) and not pair.goal,
        "start": next((offer for offer in offers.of_pair(view) if offer.action.does == "migrate"), None),
        "start_of": f"of {pair}",
        "create_on": f"on {pair.copy}",
        "create_url": reverse("preflight", args=[pair.name]),
        "create_what": _CREATE.format(copy=pair.copy, names=", ".join(lacking), count=len(lacking)),
        **told,
    }  # fmt: skip


def _sorted(run: PreflightRun) -> list[tuple[Status, list[dict[str, Any]]]]:
    """By how they ended, the worst first."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in _WORST_FIRST}
    for check in run.checks:
        found[check["status"]].append(check)
    return [(status.CHECK[name], checks) for name, checks in found.items() if checks]


def _lacking(run: PreflightRun) -> list[str]:
    """Databases that the source has and the copy has not."""
    missing = {
        node: [c["database"] for c in run.checks if c["name"] == "database" and c["status"] == "failed"
               and c["node"] == node and c["observed"].startswith("no such database")]
        for node in ("source", "copy")
    }  # fmt: skip
    return [name for name in missing["copy"] if name not in missing["source"]]
