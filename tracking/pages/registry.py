"""Which pages of a pair there are, in the order of the menu."""

from tracking import recorder_lines

from . import (
    compare,
    criteria,
    cutover,
    databases,
    definitions,
    files,
    guide,
    health,
    journal,
    migration,
    nodes,
    overview,
    paths,
    properties,
    recorder,
    setup,
    synchronization,
    tables,
    types,
)
from .livepage import LivePage

_LISTS, _WORK, _MANAGEMENT, _HEALTH = "Tracking lists", "Progress", "Management", "Health"
ALL = (
    LivePage(
        "", "Overview", "", overview.context, ("head", "pools", "lag", "phases", "roots"), overview.TAKES
    ),
    LivePage("guide", "Guide", "", guide.context, ("steps", "jobs")),
    LivePage("tables", "Tables and rows (OTL)", _LISTS, tables.context, ("tracked",)),
    LivePage("definitions", "Definitions and other objects (LTL)", _LISTS, definitions.context, ("entries",)),
    LivePage("paths", "Files (ITL)", _LISTS, paths.context, ("entries",)),
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
    LivePage("journal", "Journal (M9)", _HEALTH, journal.context, ("entries",)),
)  # fmt: skip
