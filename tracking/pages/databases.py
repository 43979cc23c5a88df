"""The databases of a pair, its storage pools, in their order."""

from typing import Any

from .view import PairView


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    return {"pools": view.pool_list, "open": view.pair.untouched and not view.pair.goal}
