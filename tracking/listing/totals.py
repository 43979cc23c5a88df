"""How much is on the lists: read from what their triggers have noted (counts.sql), never counted.

What a decision hangs on is counted. These are for pages, and as exact: they are of the same transaction as
the entries.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection

_CHECKED = (
    "tables", "definitions", "objects", "paths", "migrated", "migrated_files", "attempts", "journal",
)  # fmt: skip


@dataclass(frozen=True)
class Total:
    """So many entries of a list are alike; `touched` have come, gone or changed their state, ever."""

    owner: str
    sheet: int
    state: str
    set_aside: str
    object_type: str
    waits: bool
    entries: int
    changes: int
    keys: int
    whole: int
    touched: int


def read(name: str, owners: Iterable[int | str]) -> list[Total]:
    """All that is known of a list's entries of these pools or file roots, or of a pair by its name."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, [name, [str(owner) for owner in owners]])
        return [Total(*row) for row in cursor.fetchall()]


def entries(name: str, owners: Iterable[int | str]) -> int:
    """How many there are."""
    return sum(total.entries for total in read(name, owners))


def waiting(name: str, owners: Iterable[int | str]) -> int:
    """How many wait for somebody."""
    return sum(total.entries for total in read(name, owners) if total.waits)


def waiting_by_owner(name: str) -> dict[str, int]:
    """How many wait for somebody, of every pool (or file root) with such, by its key as text."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [name])
        return dict(cursor.fetchall())


def by_list(owners: dict[str, Collection[int | str]]) -> dict[str, tuple[int, int]]:
    """Of each list how many entries there are, and how many of them wait for somebody, in one query.

    `owners` gives each list its owners.
    """
    wanted = [(name, str(owner)) for name, those in owners.items() for owner in those]
    with connection.cursor() as cursor:
        cursor.execute(_BY_LIST, [[name for name, _ in wanted], [owner for _, owner in wanted]])
        found = {name: (there, waits) for name, there, waits in cursor.fetchall()}
    return {name: found.get(name, (0, 0)) for name in owners}


def fold() -> None:
    """Add up what was noted; whoever reads meanwhile sees either, and whoever notes does not wait.

    One at a time: a second one leaves it to the first.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FOLD)


def put_right() -> dict[str, int]:
    """Compare what was noted with what there is, in one snapshot for a list, and note the difference.

    Returns how many figures of each list were wrong: none, unless triggers were off, as in a restore.
    """
    wrong = {}
    with connection.cursor() as cursor:
        for name in _CHECKED:
            cursor.execute(f"select public.tracking_recount_{name}()")
            if figures := cursor.fetchone()[0]:
                wrong[name] = figures
    return wrong


_READ = """
    select owner, sheet, state, set_aside, object_type, waits, entries, changes, keys, whole, touched
    from tracking_listtotal where list = %s and owner = any(%s)
"""
_WAITING = """
    select owner, sum(entries)::bigint from tracking_listtotal where list = %s and waits
    group by owner having sum(entries) > 0
"""
_BY_LIST = """
    select t.list, sum(t.entries)::bigint, coalesce(sum(t.entries) filter (where t.waits), 0)::bigint
    from tracking_listtotal t join unnest(%s::text[], %s::text[]) as w(list, owner) using (list, owner)
    group by t.list
"""
_FOLD = """
    with alone as materialized (
        select pg_try_advisory_xact_lock('tracking_listcount'::regclass::int, 0) as so
    ), noted as (
        delete from tracking_listdelta where (select so from alone) returning *
    ), summed as (
        select list, owner, sheet, state, set_aside, object_type, waits, sum(entries) as entries,
               sum(changes) as changes, sum(keys) as keys, sum(whole) as whole, sum(touched) as touched
        from (
            select list, owner, sheet, state, set_aside, object_type, waits, entries, changes, keys, whole, 0
                   as touched from noted
            union all
            select list, owner, 0, '', '', '', false, 0, 0, 0, 0, touched from noted) each
        group by list, owner, sheet, state, set_aside, object_type, waits
        having sum(entries) <> 0 or sum(changes) <> 0 or sum(keys) <> 0 or sum(whole) <> 0
               or sum(touched) <> 0
    ), added as (
        insert into tracking_listcount as c
        select * from summed
        on conflict (list, owner, sheet, state, set_aside, object_type, waits) do update set
            entries = c.entries + excluded.entries, changes = c.changes + excluded.changes,
            keys = c.keys + excluded.keys, whole = c.whole + excluded.whole,
            touched = c.touched + excluded.touched
        returning 1
    )
    select count(*) from added
"""
