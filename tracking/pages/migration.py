"""The system migration: how far each pool and each table is, and what the engine has said."""

from typing import Any

from tracking import progress, tables
from tracking.models import Message

from .view import PairView

_MESSAGES = 50


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    messages = Message.objects.filter(pair=view.pair)[:_MESSAGES]
    return {
        "pools": view.pool_list,
        "copies": progress.summary(view.pools, view.now),
        "steps": progress.steps(view.pair, view.pool_list),
        "copy_table": tables.CopyTable(progress.shown_copies(view.pools, view.now), exclude=view.nameless),
        "message_table": tables.MessageTable(list(messages)),
    }
