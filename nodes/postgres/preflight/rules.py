"""Every check by name, in the order of the report: where it looks, and the function that does."""

from collections.abc import Callable
from dataclasses import dataclass

from nodes.postgres.preflight import (
    activity,
    collations,
    connection,
    databases,
    disk,
    identity,
    privileges,
    reach,
    requirements,
    settings,
    tables,
)
from nodes.postgres.preflight.capacity import free
from nodes.postgres.preflight.check import Finding, Side
from nodes.postgres.preflight.place import Place

_NODES: tuple[Side, ...] = ("source", "copy")
_PAIR: tuple[Side, ...] = ("both",)
_SOURCE: tuple[Side, ...] = ("source",)
_COPY: tuple[Side, ...] = ("copy",)


@dataclass(frozen=True)
class Rule:
    """A check and the sides it looks at; it returns None where it does not apply."""

    name: str
    sides: tuple[Side, ...]
    look: Callable[[Place], Finding | None]


CONNECTION = Rule("connection", _NODES, connection.connection)
SAME_CLUSTER = Rule("same cluster", _PAIR, identity.same_cluster)
DATABASE = Rule("database", _NODES, databases.exists)

SERVER = (
    Rule("version", _PAIR, identity.version),
    Rule("minor version", _NODES, identity.minor_version),
    Rule("primary", _NODES, connection.primary),
    Rule("one server", _NODES, connection.one_server),
    Rule("privileges", _NODES, privileges.privileges),
    Rule("wal_level", _NODES, settings.wal_level),
    # Per database: the stream and the temporary slot of a hand-over, and the stream of the way back.
    Rule("free replication slots", _NODES, free("max_replication_slots", source=2, copy=1)),
    Rule("free replication origins", _NODES, free("max_active_replication_origins", source=1, copy=1)),
    Rule("free WAL senders", _NODES, free("max_wal_senders", source=2, copy=1)),
    Rule("free replication workers", _NODES, free("max_logical_replication_workers", source=1, copy=1)),
    Rule("free worker processes", _NODES, free("max_worker_processes", source=1, copy=1)),
    Rule("free connections", _NODES, free("max_connections", source=8, copy=8, always=4)),
    Rule("WAL kept for slots", _NODES, settings.kept_wal),
    Rule("idle slots", _NODES, settings.idle_slots),
    Rule("durability", _NODES, settings.durability),
    Rule("data checksums", _NODES, settings.data_checksums),
    Rule("synchronous standbys", _NODES, settings.synchronous_standbys),
    Rule("prepared transactions", _NODES, activity.prepared_transactions),
    Rule("long transactions", _SOURCE, activity.long_transactions),
    Rule("clock", _PAIR, identity.clock),
    Rule("identifier length", _PAIR, identity.identifier_length),
    Rule("databases given", _SOURCE, databases.given),
    Rule("disk space", _PAIR, disk.disk_space),
)

PER_DATABASE = (
    Rule("leftovers", _NODES, databases.leftovers),
    Rule("empty copy", _COPY, databases.empty),
    Rule("ownership", _NODES, privileges.ownership),
    Rule("replication connection", _NODES, connection.replication_connection),
    Rule("source reached from copy", _PAIR, reach.source_from_copy),
    Rule("copy reached from source", _PAIR, reach.copy_from_source),
    Rule("encoding", _PAIR, collations.encoding),
    Rule("collation", _PAIR, collations.collation),
    Rule("collations in use", _PAIR, collations.needed_collations),
    Rule("extensions", _PAIR, requirements.extensions),
    Rule("extension types", _PAIR, requirements.extension_types),
    Rule("extension tables", _SOURCE, requirements.extension_tables),
    Rule("plpgsql", _NODES, requirements.language),
    Rule("roles", _PAIR, requirements.roles),
    Rule("tablespaces", _PAIR, requirements.tablespaces),
    Rule("tables without a key", _SOURCE, tables.tables_without_key),
    Rule("unlogged tables", _SOURCE, tables.unlogged_tables),
    Rule("triggers", _SOURCE, tables.triggers),
    Rule("large objects", _SOURCE, tables.large_objects),
    Rule("other replication", _NODES, databases.other_replication),
    Rule("event triggers", _SOURCE, databases.event_triggers),
    Rule("row level security", _SOURCE, privileges.row_security),
)
