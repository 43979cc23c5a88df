"""The list of changed paths, durable in the portal's database: what the tracker writes and carrying takes.

In the portal's database and not in a file beside the tracker, because the list is also what people see,
retry, omit and put off, and because the worker that carries may be on another host than the one that decides.
It need not survive the tracker: whoever starts anew owes a walk of the whole root.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nodes.postgres.connect import Connection, one

from .changes import Change
from .entry import INELIGIBLE
from .outcome import Failed

_LONGEST_ORIGIN = 999  # bytes; what the index of beginnings can tell


@dataclass(frozen=True)
class Entry:
    """A path that was handed out. See `changes.Change` for what is to be done with it."""

    id: int
    version: int
    path: bytes
    walk: bool
    content: bool
    moved_from: bytes
    reason: str
    tries: int
    tracked_at: datetime
    started_at: datetime


@dataclass(frozen=True)
class Owed:
    """How much is on a root's list, without what was omitted or is for nobody to carry.

    `walks`, `taken` and `left` (failed or deferred: they wait for somebody) are among the `entries`.
    """

    entries: int
    walks: int
    taken: int
    left: int
    oldest_seconds: float


class ChangeList:
    """The tracker's end. Each call is one transaction, and can be repeated when its end is not known."""

    def __init__(self, connection: Connection, root: int) -> None:
        self._connection = connection
        self._root = root
        self._turn: int = one(connection, _LAST_TURN, (root,)) or 0

    def reconnect(self, connection: Connection) -> None:
        """Go on by another session."""
        self._connection = connection

    def add(self, changes: list[Change]) -> None:
        """List changes; what is listed already is changed once more.

        In the order of paths, as in `FileList`: so neither waits for the other in a circle.
        """
        if not changes:
            return
        with self._connection.transaction():
            self._forget_hints_of_what_is_owed(changes)
            numbered = sorted(
                ((change.path, self._turn + number, change) for number, change in enumerate(changes, 1)),
                key=lambda item: item[0],
            )
            self._turn += len(changes)
            self._connection.execute(
                _ADD,
                (
                    self._root,
                    [path for path, _, _ in numbered],
                    [turn for _, turn, _ in numbered],
                    [change.walk for _, _, change in numbered],
                    [change.content for _, _, change in numbered],
                    [change.moved_from or None for _, _, change in numbered],
                    [change.reason for _, _, change in numbered],
                    [change.changes for _, _, change in numbered],
                ),
            )
            moved = [change for change in changes if change.walk and change.moved_from]
            for change in moved:
                self._connection.execute(
                    _FORGET_MOVED_TREE,
                    (self._root, change.path, self._root, change.moved_from + b"/", change.moved_from + b"0"),
                )

    def watched(
        self, run: str, way: str, state: str, *, directories: int = 0, unwatched: int = 0, reason: str = ""
    ) -> None:
        """Say who watches the root, and how it goes."""
        self._connection.execute(_WATCH, (self._root, run, way, state, reason, directories, unwatched))

    def _forget_hints_of_what_is_owed(self, changes: list[Change]) -> None:
        """The copy has a moved file as it was only if nothing was owed of its former name."""
        moved = [change for change in changes if change.moved_from]
        if not moved:
            return
        rows = self._connection.execute(_OWED_OF, (self._root, [change.moved_from for change in moved]))
        owed = {bytes(path) for (path,) in rows}
        for change in moved:
            if change.moved_from in owed or len(change.moved_from) > _LONGEST_ORIGIN:
                change.moved_from, change.content = b"", not change.walk


class FileList:
    """The end of the one who carries: one of them per root, under the pair's lease.

    What was handed out stays on the list until `done`. A new one of these takes over what was handed to
    another, which is gone.
    """

    def __init__(self, connection: Connection, root: int, job: str = "") -> None:
        self._connection = connection
        self._root = root
        self._job = job
        connection.execute(_RELEASE, (root,))

    def take(self, limit: int) -> list[Entry]:
        """Up to `limit` entries that are not handed out, in the order in which they were first listed."""
        rows = self._connection.execute(_TAKE, (self._root, limit)).fetchall()
        rows.sort()
        return [
            Entry(number, version, bytes(path), walk, content, bytes(moved_from or b""), *others)
            for _, number, version, path, walk, content, moved_from, *others in rows
        ]

    def done(self, entries: list[Entry]) -> None:
        """They are on the copy. What has changed since it was handed out stays on the list."""
        with self._connection.transaction():
            parameters = ([entry.id for entry in entries], [entry.version for entry in entries])
            self._connection.execute(_LOCK, (parameters[0],))
            self._connection.execute(_REMOVE, parameters)
            self._connection.execute(_KEEP, (parameters[0],))

    def hand_back(self, entries: list[Entry]) -> None:
        """They were not carried, and can be handed out again."""
        with self._connection.transaction():
            ids = [entry.id for entry in entries]
            self._connection.execute(_LOCK, (ids,))
            self._connection.execute(_HAND_BACK, (ids,))

    def put_back(self, entry: Entry, failed: Failed, seconds: float | None) -> None:
        """It could not be carried; not to be handed out before it changes, or `seconds` have passed."""
        state = "INELIGIBLE" if failed.type in INELIGIBLE else "FAILED"
        self._connection.execute(
            _PUT_BACK,
            {
                "failure": failed.reason,
                "job": self._job,
                "type": failed.type,
                "state": state,
                "changing": failed.changing,
                "later": _later(seconds),
                "id": entry.id,
            },
        )

    def try_later(self, entry: Entry, seconds: float) -> None:
        """It was being written to; it is handed out again when `seconds` have passed."""
        self._connection.execute(_TRY_LATER, (_later(seconds), entry.id))

    def add_failed(self, failures: list[Failed], seconds: float) -> None:
        """List what could not be carried on a walk; tried again after `seconds`, if it can go better then."""
        rows = sorted((each.path, each) for each in failures)
        with self._connection.transaction():
            for path, failed in rows:
                state = "INELIGIBLE" if failed.type in INELIGIBLE else "FAILED"
                if failed.changing:
                    state = "READY"  # for as long as its turn is waited for
                later = _later(seconds if failed.retryable else None)
                values = (failed.reason, self._job, failed.type, state, later)
                self._connection.execute(_ADD_FAILED, (self._root, path, *values))

    def owed(self) -> Owed:
        """How much is on the list."""
        return owed(self._connection, self._root)


def owed(connection: Connection, root: int) -> Owed:
    """How much is on a root's list."""
    row = connection.execute(_OWED, (root,)).fetchone()
    assert row is not None
    return Owed(*row)


def owes(connection: Connection, root: int, path: bytes) -> bool:
    """Whether the list holds a path, something below it, or a walk that comes by it."""
    above = [path[:end] for end, byte in enumerate(path) if byte == ord("/")]
    inside = (path + b"/", path + b"0") if path else (b"", b"\xff" * 1000)
    return bool(one(connection, _OWES, (root, path, [b"", *above, path], *inside)))


def latest(connection: Connection, root: int) -> bytes | None:
    """The path that was listed last, if any is owed."""
    found = one(connection, _LATEST, (root,))
    return None if found is None else bytes(found)


def omitted(connection: Connection, root: int) -> set[bytes]:
    """The paths that somebody does not want to be carried."""
    return {bytes(path) for (path,) in connection.execute(_OMITTED, (root,))}


def _later(seconds: float | None) -> datetime | str:
    return "infinity" if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)


_LAST_TURN = "select max(turn) from public.tracking_filechange where root_id = %s"
_ADD = """
    insert into public.tracking_filechange as c
        (root_id, path, turn, walk, content, moved_from, reason, changes)
    select %s, n.* from unnest(%s::bytea[], %s::bigint[], %s::boolean[], %s::boolean[], %s::bytea[],
                               %s::text[], %s::bigint[]) as n
    on conflict (root_id, sha256(path)) do update set
        walk = c.walk or excluded.walk, content = c.content or excluded.content,
        moved_from = coalesce(excluded.moved_from, c.moved_from),
        reason = case when excluded.reason > '' then excluded.reason else c.reason end,
        changes = c.changes + excluded.changes, version = c.version + 1, not_before = '-infinity',
        changed_at = clock_timestamp(),
        state = case when c.taken_version is null then 'READY' else c.state end
"""
_OWED_OF = """
    select path from public.tracking_filechange
    where root_id = %s and sha256(path) in (select sha256(o) from unnest(%s::bytea[]) as o)
"""
_FORGET_MOVED_TREE = """
    update public.tracking_filechange set moved_from = null
    where root_id = %s and sha256(path) = sha256(%s::bytea) and exists (
        select from public.tracking_filechange where root_id = %s
        and substring(path from 1 for 1000) >= %s::bytea and substring(path from 1 for 1000) < %s::bytea)
"""
_WATCH = """
    insert into public.tracking_filewatch as w (root_id, run, way, state, reason, directories, unwatched)
    values (%s, %s, %s, %s, %s, %s, %s)
    on conflict (root_id) do update set run = excluded.run, way = excluded.way, state = excluded.state,
        reason = excluded.reason, directories = excluded.directories, unwatched = excluded.unwatched,
        listed_at = clock_timestamp()
"""
_RELEASE = """
    update public.tracking_filechange set taken_version = null, state = 'READY', started_at = null
    where root_id = %s and taken_version is not null
"""
_TAKE = """
    with next as (
        select id from public.tracking_filechange
        where root_id = %s and taken_version is null and not_before <= now() and set_aside = ''
        order by turn limit %s for update skip locked)
    update public.tracking_filechange c set taken_version = c.version, tries = c.tries + 1,
        state = 'MIGRATING', started_at = clock_timestamp()
    from next where c.id = next.id
    returning c.turn, c.id, c.version, c.path, c.walk, c.content, c.moved_from, c.reason, c.tries,
              c.first_tracked_at, c.started_at
"""
_LOCK = "select from public.tracking_filechange where id = any(%s) order by path for update"
_REMOVE = """
    delete from public.tracking_filechange c using unnest(%s::bigint[], %s::bigint[]) as d(id, version)
    where c.id = d.id and c.version = d.version
"""
_KEEP = """
    update public.tracking_filechange set taken_version = null, tries = 0, moved_from = null,
        content = content or moved_from is not null and not walk, state = 'READY', started_at = null,
        failure = '', failure_job = ''
    where id = any(%s)
"""
_HAND_BACK = """
    update public.tracking_filechange
    set taken_version = null, tries = tries - 1, state = 'READY', started_at = null
    where id = any(%s)
"""
_PUT_BACK = """
    update public.tracking_filechange set taken_version = null, started_at = null, failure = %(failure)s,
        failure_job = %(job)s, object_type = %(type)s,
        state = case when version = taken_version or %(changing)s then %(state)s else 'READY' end,
        not_before = case when version = taken_version or %(changing)s then %(later)s else not_before end
    where id = %(id)s
"""
_TRY_LATER = """
    update public.tracking_filechange
    set taken_version = null, state = 'READY', started_at = null, not_before = %s
    where id = %s
"""
_ADD_FAILED = """
    insert into public.tracking_filechange as c
        (root_id, turn, path, content, changes, tries, failure, failure_job, object_type, state, not_before)
    values (%s, 0, %s, true, 1, 1, %s, %s, %s, %s, %s)
    on conflict (root_id, sha256(path)) do update set
        failure = excluded.failure, failure_job = excluded.failure_job, object_type = excluded.object_type,
        state = case when c.taken_version is null then excluded.state else c.state end,
        not_before = case when c.taken_version is null then excluded.not_before else c.not_before end
"""
_OWED = """
    select count(*), count(*) filter (where walk), count(*) filter (where taken_version is not null),
           count(*) filter (where state = 'FAILED' or set_aside = 'DEFERRED'),
           coalesce(extract(epoch from clock_timestamp() - min(first_tracked_at)), 0)::float
    from public.tracking_filechange
    where root_id = %s and set_aside <> 'OMITTED' and state <> 'INELIGIBLE'
"""
_OWES = """
    select exists (
        select from public.tracking_filechange
        where root_id = %s and set_aside <> 'OMITTED'
              and (sha256(path) = sha256(%s::bytea) or walk and path = any(%s::bytea[])
                   or substring(path from 1 for 1000) >= %s::bytea
                      and substring(path from 1 for 1000) < %s::bytea))
"""
_LATEST = """
    select path from public.tracking_filechange where root_id = %s order by changed_at desc limit 1
"""
_OMITTED = "select path from public.tracking_filechange where root_id = %s and set_aside = 'OMITTED'"
