"""The flight recorder: the engine's steps in time order, and what of them is recorded and kept."""

from functools import cached_property
from typing import Any

from nodes import status
from tracking import recorder_lines
from tracking.health_tables import LineTable
from tracking.models import RecorderSettings
from tracking.recorder_lines import Lines

from .view import PairView


class Shown:
    """A page of lines; they are read where they are shown, which the live part does not do."""

    def __init__(self, view: PairView) -> None:
        self.lines = Lines(view.pair, view.query)

    @cached_property
    def table(self) -> LineTable:
        """The lines of this page."""
        return LineTable(self.lines.rows)


def context(view: PairView) -> dict[str, Any]:
    """What its partials need; the address of the socket says which lines the page has."""
    shown, seen = Shown(view), view.query.get("seen", "")
    known = int(seen) if seen.isdecimal() and len(seen) < 19 else None
    settings = RecorderSettings.of(view.pair)
    if known is None:
        known = recorder_lines.newest()
    return {
        "shown": shown,
        "news": shown.lines.news(known),
        "settings": settings,
        "components": status.COMPONENT.choices,
        "levels": status.RECORDER_LEVEL.choices,
        "socket_more": {"seen": str(known)},
    }
