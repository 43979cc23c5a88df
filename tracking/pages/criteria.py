"""The replication criteria of a pair: its rules, and the changes that are pending."""

from typing import Any

from tracking.criteria_page import criteria_context

from .view import PairView


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    return criteria_context(view.pools)
