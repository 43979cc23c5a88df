"""What there is on a primary, by type, in numbers; and whether the way back could be prepared now."""

from dataclasses import dataclass
from pathlib import Path

from nodes.postgres.connect import Connection, one

_HERE = Path(__file__)
_OF_DATABASE = _HERE.with_name("inventory.sql").read_text()
_OF_CLUSTER = _HERE.with_name("inventory_cluster.sql").read_text()
_PARAMETERS = "select count(*) from pg_parameter_acl"
_PARAMETERS_SINCE = 150000
_CAPACITY = (_HERE.parent / "preflight" / "capacity.sql").read_text()
# What the reverse stream of one database takes, by node.
_ON_SECONDARY = {"max_replication_slots": "slots", "max_wal_senders": "senders"}
_ON_PRIMARY = {"max_active_replication_origins": "origins", "max_logical_replication_workers": "workers"}


@dataclass(frozen=True)
class WayBack:
    """What was seen of what a reverse stream needs, and what of it is missing (empty: nothing)."""

    seen: str
    missing: str


def counts(primary: Connection, *, cluster: bool) -> dict[str, int | None]:
    """How many objects of each type this database has, with those of the whole server where `cluster`.

    Schema mwa has to be there. None: it may not be known. Of rows it is an estimate.
    """
    found: dict[str, int | None] = dict(primary.execute(_OF_DATABASE).fetchall())
    if cluster:
        found |= dict(primary.execute(_OF_CLUSTER).fetchall())
        known = primary.info.server_version >= _PARAMETERS_SINCE
        found["PARAMETER PRIVILEGE"] = one(primary, _PARAMETERS) if known else 0
    return {str(name): None if count is None else int(count) for name, count in found.items()}


def way_back(primary: Connection, secondary: Connection, databases: int) -> WayBack:
    """Whether both servers have room for the reverse streams of so many databases now."""
    seen, missing = [], []
    level = str(one(secondary, "show wal_level"))
    seen.append(f"wal_level {level}")
    if level != "logical":
        missing.append(f"wal_level of the secondary is {level}, needed is logical")
    sides = (("secondary", secondary, _ON_SECONDARY), ("primary", primary, _ON_PRIMARY))
    for side, session, settings in sides:
        for name, maximum, used in session.execute(_CAPACITY).fetchall():
            if name not in settings:
                continue
            seen.append(f"{maximum - used} of {maximum} {settings[name]} free")
            if maximum - used < databases:
                missing.append(
                    f"{maximum - used} of {maximum} are free of {name} on the {side}, needed are {databases}"
                )
    return WayBack("; ".join(seen), "; ".join(missing))
