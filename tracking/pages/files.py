"""The file roots of a pair, as they were defined."""

from typing import Any

from .view import PairView


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    return {
        "roots": view.roots,
        "announcement": " ".join(f"{root.asp_name} {root.standing.lower()}." for root in view.roots),
    }
