"""What has been carried, in the portal's database: one row for each path, with its latest success."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from nodes.postgres.connect import Connection, one


@dataclass(frozen=True)
class Migrated:
    """A path that has been carried; `size` in bytes, None where it has none."""

    path: bytes
    type: str
    tracked_at: datetime
    started_at: datetime
    size: int | None


def note(connection: Connection, root: int, migrated: Iterable[Migrated]) -> None:
    """One success more for each of them; in the caller's transaction."""
    rows = sorted({each.path: each for each in migrated}.items())
    if rows:
        connection.execute(_LOCK, (root,))
        found = [each for _, each in rows]
        connection.execute(
            _NOTE,
            (
                root,
                [each.path for each in found],
                [each.type for each in found],
                [each.tracked_at for each in found],
                [each.started_at for each in found],
                [each.size for each in found],
            ),
        )


def latest(connection: Connection, root: int) -> int:
    """A turn up to which everything is written down: what is carried later comes behind it."""
    with connection.transaction():
        connection.execute(_LOCK, (root,))
        return int(one(connection, _LATEST))


def since(connection: Connection, root: int, turn: int) -> list[bytes]:
    """What has been carried behind that turn."""
    return [bytes(path) for (path,) in connection.execute(_SINCE, (root, turn))]


_NOTE = """
    insert into public.tracking_migratedfile as m
        (root_id, path, object_type, tracked_at, started_at, size, ended_at)
    select %s, n.*, clock_timestamp()
    from unnest(%s::bytea[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::bigint[]) as n
    on conflict (root_id, sha256(path)) do update set
        object_type = excluded.object_type, tracked_at = excluded.tracked_at,
        started_at = excluded.started_at, ended_at = excluded.ended_at, size = excluded.size,
        count = m.count + 1, turn = excluded.turn
"""
# Else a turn that was taken could be committed after a later one was read.
_LOCK = "select pg_advisory_xact_lock('public.tracking_migratedfile'::regclass::int, %s::int)"
_LATEST = "select last_value - (not is_called)::int from public.tracking_migratedfile_turn"
_SINCE = "select path from public.tracking_migratedfile where root_id = %s and turn > %s"
