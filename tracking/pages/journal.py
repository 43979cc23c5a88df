"""The journal: M9 entries, the newest first."""

from typing import Any

from tracking.models import JournalEntry
from tracking.tables import JournalTable

from .view import PairView

_SHOWN = 50


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    entries = JournalEntry.objects.filter(pair_name=view.pair.name)[:_SHOWN]
    return {"journal_table": JournalTable(list(entries))}
