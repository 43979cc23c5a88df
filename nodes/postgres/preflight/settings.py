"""Server settings that decide whether a migration can work and what protects the node meanwhile."""

from nodes.postgres.connect import one
from nodes.postgres.preflight.check import Finding, finding
from nodes.postgres.preflight.place import Place

_RELOAD = "select pg_reload_conf();"


def _setting(place: Place, name: str) -> str | None:
    """The value with its unit; None where this version does not know the setting."""
    value = one(place.session, "select current_setting(%s, true)", (name,))
    return None if value is None else str(value)


def wal_level(place: Place) -> Finding:
    """Logical decoding is possible: on the source for the stream, on the copy for the way back."""
    value = str(_setting(place, "wal_level"))
    return finding(
        value == "logical",
        value,
        "logical",
        "alter system set wal_level = 'logical'; then restart the server.",
    )


def kept_wal(place: Place) -> Finding:
    """The server itself limits what a slot may keep: the last protection if the portal is down for good."""
    value = str(_setting(place, "max_slot_wal_keep_size"))
    return finding(
        value != "-1",
        "no limit (-1)" if value == "-1" else value,
        "a limit, below half of the free space where pg_wal lies",
        f"alter system set max_slot_wal_keep_size = '20GB'; {_RELOAD} "
        "Beyond it the server gives up the slot, and the pair is resynchronized, before the disk is full.",
        otherwise="warning",
    )


def idle_slots(place: Place) -> Finding | None:
    """A slot that waits is not taken away by time (PostgreSQL 18 and later)."""
    value = _setting(place, "idle_replication_slot_timeout")
    if value is None:
        return None
    return finding(
        value == "0",
        value,
        "0 (off)",
        f"alter system set idle_replication_slot_timeout = 0; {_RELOAD} "
        "A slot lost by it costs a resynchronization.",
        otherwise="warning",
    )


def durability(place: Place) -> Finding:
    """A crash of the host loses nothing that was committed."""
    off = [name for name in ("fsync", "full_page_writes") if _setting(place, name) == "off"]
    return finding(
        not off,
        ", ".join(f"{name} off" for name in off) or "fsync and full_page_writes on",
        "fsync and full_page_writes on",
        " ".join(f"alter system set {name} = on;" for name in off) + f" {_RELOAD}",
        otherwise="warning",
    )


def data_checksums(place: Place) -> Finding:
    """Damaged pages are noticed when they are read, and not carried across as data."""
    value = str(_setting(place, "data_checksums"))
    return finding(
        value == "on",
        value,
        "on",
        "With the server stopped: pg_checksums --enable --pgdata <data directory>",
        otherwise="warning",
    )


def synchronous_standbys(place: Place) -> Finding:
    """A list of synchronous standbys that is there already can be combined with ours: it is no ANY list."""
    value = str(_setting(place, "synchronous_standby_names"))
    ours = "mwa_" in value
    any_list = value.lstrip().upper().startswith("ANY")
    wish = "without the names mwa_..." if ours else "with a FIRST list or a plain list"
    return finding(
        not ours and not any_list,
        (f"'{value}'" if value else "none") + (", left behind by a migration" if ours else ""),
        "empty, or a list that ours can be combined with (not ANY: no synchronous mode with that)",
        f"{wish.capitalize()}: alter system set synchronous_standby_names = '...'; {_RELOAD}",
        otherwise="warning",
    )
