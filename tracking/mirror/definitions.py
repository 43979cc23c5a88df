"""Definition changes that the stream has not brought: carried to the secondary in their order.

An entry of mwa.definition_changes that is put into the secondary's table is carried out by the same trigger
that does so when the stream brings it (nodes/postgres/definitions/triggers.sql). That it stands there is what
tells that it was carried, so an entry is never carried twice, whoever dies in between.
"""

from collections.abc import Callable, Collection

from nodes.postgres.connect import Connection, one

Owe = Callable[[str, str], None]  # (schema, table): its rows have to be brought whole

_NOTED = "select id from mwa.definition_changes where origin = %s order by id"
_ENTRY = "select to_jsonb(d)::text from mwa.definition_changes d where (origin, id) = (%s, %s)"
_WHOLE = """
    select distinct parse_ident(name) from mwa.definition_changes, unnest(whole) name
    where origin = %s and id = any(%s)
"""
# Those of the stream that could not be carried because of the rows: those of a new table come later, for one.
_WAITING = """
    select id from mwa.definition_changes
    where origin = %s and table_oid is not null and carry_failure <> '' and carry_sqlstate like '23%%'
    order by id
"""
_STATE = "select carry_sqlstate from mwa.definition_changes where (origin, id) = (%s, %s)"
_LEAVES = """
    select n.nspname::text, c.relname::text
    from mwa.definition_changes d, mwa.tree(d.table_oid) t
    join pg_class c on c.oid = t and c.relkind = 'r' join pg_namespace n on n.oid = c.relnamespace
    where (d.origin, d.id) = (%s, %s)
"""
_EMPTY = """
    select mwa.empty(to_regclass(identity)) from mwa.definition_changes
    where (origin, id) = (%s, %s) and to_regclass(identity) is not null
"""
_PASSED = """
    update mwa.definition_changes set carried_at = now(), carry_failure = %s
    where (origin, id) = (%s, %s) and carried_at is null
"""
_KEPT = "7 days"
_OLD = """
    select id from mwa.definition_changes
    where origin = %s and id < %s and at < now() - %s::interval
    order by id limit 10000
"""
_THERE = """
    select id from mwa.definition_changes where origin = %s and id = any(%s) and carried_at is not null
"""
_PUT = """
    insert into mwa.definition_changes overriding system value
    select * from jsonb_populate_record(null::mwa.definition_changes, %s) on conflict do nothing
"""


def pending(primary: Connection, secondary: Connection) -> list[int]:
    """The numbers of the primary's entries, as its session sees them, that the secondary does not have."""
    origin = one(primary, "select mwa.node()")
    there = {row[0] for row in secondary.execute(_NOTED, (origin,)).fetchall()}
    return [row[0] for row in primary.execute(_NOTED, (origin,)).fetchall() if row[0] not in there]


def bring(primary: Connection, secondary: Connection, owe: Owe) -> int:
    """Carry what is pending; `owe` is told first which tables have to be brought whole. Returns how many.

    What fails on the secondary is written down there, and the next one is carried. Raises a psycopg error
    where a lock is in the way, with that one not carried.
    """
    origin = one(primary, "select mwa.node()")
    waiting = [row[0] for row in secondary.execute(_WAITING, (origin,)).fetchall()]
    for number in waiting:
        _empty_and_repeat(primary, secondary, origin, number, owe)
    numbers = pending(primary, secondary)
    for name in primary.execute(_WHOLE, (origin, numbers)).fetchall():
        owe(*name[0])
    for number in numbers:
        _as_replica(secondary, one(primary, _ENTRY, (origin, number)))
        if _in_the_way_of_rows(secondary, origin, number):
            _empty_and_repeat(primary, secondary, origin, number, owe)
    return len(waiting) + len(numbers)


def _in_the_way_of_rows(secondary: Connection, origin: int, number: int) -> bool:
    """Whether a constraint could not be made because of the rows: the right ones come after it."""
    return str(one(secondary, _STATE, (origin, number)) or "").startswith("23")


def _empty_and_repeat(primary: Connection, secondary: Connection, origin: int, number: int, owe: Owe) -> None:
    """The table that the entry is about without its rows, which are brought whole."""
    for schema, table in primary.execute(_LEAVES, (origin, number)).fetchall():
        owe(schema, table)
    with secondary.transaction():
        secondary.execute("set local session_replication_role = replica")
        secondary.execute(_EMPTY, (origin, number))
        secondary.execute("select mwa.carry_again(%s, %s)", (origin, number))


def pass_over(
    primary: Connection, secondary: Connection, numbers: Collection[int], why: str | None = None
) -> None:
    """Have these entries not carried: the secondary's definitions were made as they were afterwards.

    With `why` they are missing there, as what has failed is: `carry_again` carries them. Those that have been
    carried stay so.
    """
    origin = one(primary, "select mwa.node()")
    for number in numbers:
        if entry := one(primary, _ENTRY, (origin, number)):
            with secondary.transaction():
                secondary.execute(_PUT, (entry,))  # not as a replica: no trigger fires
                secondary.execute(_PASSED, (why, origin, number))


def prune(primary: Connection, secondary: Connection, before: int) -> int:
    """Forget entries below `before` that are a week old and that the secondary has; returns how many.

    Only while the stream is on, which takes them from the secondary too, after they are gone from the
    primary: what is missing on the secondary alone would be pending, and carried again. Should the stream not
    bring it, they stay there and do no harm.
    """
    origin = one(primary, "select mwa.node()")
    old = [row[0] for row in primary.execute(_OLD, (origin, before, _KEPT)).fetchall()]
    there = [row[0] for row in secondary.execute(_THERE, (origin, old)).fetchall()]
    primary.execute("delete from mwa.definition_changes where origin = %s and id = any(%s)", (origin, there))
    return len(there)


def _as_replica(secondary: Connection, entry: str) -> None:
    with secondary.transaction():
        secondary.execute("set local session_replication_role = replica")
        secondary.execute(_PUT, (entry,))
