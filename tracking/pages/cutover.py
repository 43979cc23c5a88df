"""The cutover: the open role swap with what may be decided about it, and those that are over."""

from typing import Any

from nodes.actions import swap_actions

from .view import PairView


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    swap = view.swap
    return {
        "swap": swap,
        "swap_actions": swap_actions(swap, view.viewer) if swap else [],
        "in_the_way_of_swap": view.in_the_way_of_swap,
        "past_swaps": [past for past in view.swaps if past is not swap],
    }
