"""Which pages of a pair there are, in the order of the menu."""

from tracking import recorder_lines
from tracking.listing import lists
from tracking.listing.context import listed
from tracking.listing.page import TAKES as LIST_TAKES

from . import (
    compare,
    criteria,
    cutover,
    databases,
    files,
    guide,
    health,
    migration,
    nodes,
    overview,
    properties,
    recorder,
    setup,
    synchronization,
    types,
)
from .livepage import LivePage

_LISTS, _WORK, _MANAGEMENT, _HEALTH = "Tracking lists", "Progress", "Management", "Health"


def _list(spec: lists.Spec, label: str, group: str = _LISTS) -> LivePage:
    """A page of a list; they share their templates."""
    return LivePage(spec.key, label, group, listed(spec), ("news", "counts", "rows"), LIST_TAKES, "listing")


ALL = (
    LivePage(
        "", "Overview", "", overview.context, ("head", "pools", "lag", "phases", "roots"), overview.TAKES
    ),
    LivePage("guide", "Guide", "", guide.context, ("steps", "jobs")),
    _list(lists.TABLES, "Tables and rows (OTL)"),
    _list(lists.DEFINITIONS, "Definitions (LTL)"),
    _list(lists.OBJECTS, "Other objects (LTL)"),
    _list(lists.PATHS, "Files (ITL)"),
    _list(lists.MIGRATED, "Migrated objects"),
    _list(lists.MIGRATED_FILES, "Migrated files"),
    _list(lists.ATTEMPTS, "Attempts"),
    LivePage(
        "migration", "System migration", _WORK, migration.context,
        ("advance", "copies", "locks", "finishing", "checkpoints", "messages"), frozenset({"state", "name"}),
    ),
    LivePage(
        "synchronization", "Synchronization phases", _WORK, synchronization.context,
        ("handovers", "preventing", "resync", "earlier"),
    ),
    LivePage("compare", "Compare", _WORK, compare.context, ("progress", "history"), compare.TAKES),
    LivePage("cutover", "Cutover", _WORK, cutover.context, ("swap", "checks", "past"), cutover.TAKES),
    LivePage("setup", "Set-up and preflight", _MANAGEMENT, setup.context, ("steps", "preflight")),
    LivePage("nodes", "Nodes", _MANAGEMENT, nodes.context, ("nodes",)),
    LivePage("databases", "Databases", _MANAGEMENT, databases.context, ("chosen",)),
    LivePage("criteria", "Replication criteria", _MANAGEMENT, criteria.context, ("changes", "rules")),
    LivePage("files", "File roots", _MANAGEMENT, files.context, ("list",)),
    LivePage("types", "Object types and migration", _MANAGEMENT, types.context, ("counts",), types.TAKES),
    LivePage("properties", "Properties", _MANAGEMENT, properties.context, ("values", "changes")),
    LivePage(
        "health", "Health center", _HEALTH, health.context,
        ("alerts", "figures", "slots", "activity", "processes"),
    ),
    LivePage("recorder", "Flight recorder", _HEALTH, recorder.context, ("news",), recorder_lines.TAKEN),
    _list(lists.JOURNAL, "Journal (M9)", _HEALTH),
)  # fmt: skip
