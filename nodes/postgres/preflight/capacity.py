"""Is enough left of what the servers limit: slots, origins, senders, workers, connections?"""

from collections.abc import Callable
from pathlib import Path

from nodes.postgres.preflight.check import Finding, amount, finding
from nodes.postgres.preflight.place import Place

_CAPACITY = Path(__file__).with_name("capacity.sql").read_text()


def free(setting: str, *, source: int, copy: int, always: int = 0) -> Callable[[Place], Finding]:
    """A check that `setting` leaves `always` and, per database, `source` or `copy` more on that node."""

    def check(place: Place) -> Finding:
        rows = place.session.execute(_CAPACITY).fetchall()
        maximum, used = next((row[1], row[2]) for row in rows if row[0] == setting)
        per_database = source if place.side == "source" else copy
        needed = always + per_database * len(place.databases)
        name = setting
        if name == "max_active_replication_origins" and place.node.version < 180000:
            name = "max_replication_slots"
        return finding(
            maximum - used >= needed,
            f"{maximum - used} free of {maximum} ({name})",
            f"{needed} free for {amount(len(place.databases), 'database')}",
            f"alter system set {name} = {used + needed}; then restart the server.",
        )

    check.__doc__ = f"{setting} leaves room for the migration."
    return check
