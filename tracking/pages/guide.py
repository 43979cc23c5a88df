"""The guide: the four steps, a request that is not in force yet, and what is under way now."""

from typing import Any

from tracking import guide, jobs
from tracking.guide import obstacles, offers

from .view import PairView


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    working = jobs.under_way(view.pair, view.pool_list, view.roots, view.now)
    return {
        "steps": guide.steps(view),
        "working": working,
        "pending": guide.pending(view, working),
        "nobody": list(obstacles.of_engine(view)),
        "ending": offers.of_end(view),
    }
