"""The IFS tracking list (ITL), and the history of what it held."""

from typing import Any

from tracking import files_page

from .view import PairView


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    return files_page.files_context(view.pair, view.roots, view.viewer)
