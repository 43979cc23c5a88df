"""The object tracking list, durable in the portal's database: which rows are owed to the copy."""

from dataclasses import dataclass, field

from psycopg import sql

from nodes.postgres import lsn
from nodes.postgres.connect import Connection, one

from .pgoutput import Relation, array_literal


@dataclass(frozen=True)
class Owed:
    """What one table owes the copy: rows by key, or all of it (`whole_reason` says why)."""

    schema: str
    table: str
    key_columns: tuple[str, ...]
    whole_reason: str
    entries: tuple[int, ...]
    keys: int

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


@dataclass
class Page:
    """The entry of one table on the current sheet, and the keys that it has already."""

    entry: int
    limit: int
    seen: set[bytes] = field(default_factory=set)
    fresh: list[bytes] = field(default_factory=list)
    changes: int = 0
    whole_reason: str = ""

    def add(self, key: bytes) -> None:
        """List a row by its raw key, once."""
        if key not in self.seen:
            self.seen.add(key)
            self.fresh.append(key)


class KeyList:
    """The writing side: collects in memory, makes durable with the position in one commit.

    `whole_after(schema, table)` gives the number of distinct rows past which a table goes whole.
    """

    def __init__(self, connection: Connection, pool: int, limits: dict[str, int], default: int) -> None:
        self._connection = connection
        self._pool = pool
        self._limits = limits
        self._default = default
        self._pages: dict[int, Page] = {}
        self.changes = 0
        self.sheet = sheet(connection, pool)

    def page(self, relation: Relation) -> Page:
        """The current sheet's entry for a table, made where there is none."""
        name = (self._pool, self.sheet, relation.schema, relation.name)
        found = self._connection.execute(_ENTRY, (*name, relation.key_columns, relation.whole_reason, *name))
        entry, columns, reason = found.fetchone() or (0, [], "")
        if not reason and columns != relation.key_columns:
            reason = f"its key changed from ({', '.join(columns)}) to ({', '.join(relation.key_columns)})"
        limit = self._limits.get(f"{relation.schema}.{relation.name}", self._default)
        page = self._pages.setdefault(entry, Page(entry, limit))
        if reason and not page.whole_reason:
            self.go_whole(page, reason)
        return page

    def go_whole(self, page: Page, reason: str) -> None:
        """From rows to the whole table: its keys are not needed any more."""
        page.whole_reason = reason
        page.seen.clear()
        page.fresh.clear()
        self._connection.execute("delete from public.tracking_trackedkey where table_id = %s", (page.entry,))
        self._connection.execute(
            "update public.tracking_trackedtable set whole_reason = %s, keys = 0 where id = %s",
            (reason, page.entry),
        )

    def flush(self, position: int) -> None:
        """Make everything collected durable, and with it that the list is complete up to `position`."""
        with self._connection.cursor().copy(
            "copy public.tracking_trackedkey (table_id, key) from stdin"
        ) as copy:
            for page in self._pages.values():
                if page.fresh:
                    copy.write(_copy_lines(page))
        self._write_counts([page for page in self._pages.values() if page.changes])
        self._connection.execute(_POSITION, (self._pool, lsn.render(position), self.sheet, self.changes))
        self._connection.commit()
        self.changes = 0

    def begin_sheet(self) -> None:
        """Begin a new sheet: what changes from now on is listed again, even if it is listed already."""
        self.sheet += 1
        self._pages.clear()
        self._connection.execute(_SHEET, (self._pool, self.sheet))
        self._connection.commit()  # a capture that dies now must not go on with the old sheet

    def _write_counts(self, pages: list[Page]) -> None:
        counts = [(page.entry, page.changes, len(page.fresh)) for page in pages]
        self._connection.execute(_COUNTS, [list(column) for column in zip(*counts, strict=True)] or [[]] * 3)
        for page in pages:
            self.changes += page.changes
            page.changes = 0
            page.fresh.clear()
            if not page.whole_reason and len(page.seen) > page.limit:
                self.go_whole(page, f"more than {page.limit} of its rows changed")


_ENTRY = """
    with made as (
        insert into public.tracking_trackedtable
            (pool_id, sheet, schema_name, table_name, key_columns, whole_reason)
        values (%s, %s, %s, %s, %s, %s) on conflict do nothing returning id, key_columns, whole_reason)
    select * from made union all
    select id, key_columns, whole_reason from public.tracking_trackedtable
    where (pool_id, sheet, schema_name, table_name) = (%s, %s, %s, %s)
"""
_COUNTS = """
    update public.tracking_trackedtable t set changes = t.changes + n.changes, keys = t.keys + n.keys
    from unnest(%s::bigint[], %s::bigint[], %s::bigint[]) as n(id, changes, keys) where t.id = n.id
"""
_POSITION = """
    insert into public.tracking_capturedposition as c (pool_id, position, sheet, changes)
    values (%s, %s, %s, %s)
    on conflict (pool_id) do update set position = greatest(c.position, excluded.position),
        sheet = greatest(c.sheet, excluded.sheet), changes = c.changes + excluded.changes, at = now()
"""
_LIST_FROM = """
    insert into public.tracking_capturedposition as c (pool_id, position, sheet) values (%s, %s, 1)
    on conflict (pool_id) do update set position = excluded.position
"""
_SHEET = """
    insert into public.tracking_capturedposition as c (pool_id, position, sheet) values (%s, '0/0', %s)
    on conflict (pool_id) do update set sheet = greatest(c.sheet, excluded.sheet)
"""


def _copy_lines(page: Page) -> bytes:
    prefix = b"%d\t" % page.entry
    lines = []
    for raw in page.fresh:
        key = array_literal(raw)
        if b"\\" in key or b"\n" in key or b"\t" in key or b"\r" in key:
            key = key.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\t", b"\\t")
            key = key.replace(b"\r", b"\\r")
        lines.append(prefix + key + b"\n")
    return b"".join(lines)


def sheet(connection: Connection, pool: int) -> int:
    """The sheet that is being written."""
    return (
        one(connection, "select sheet from public.tracking_capturedposition where pool_id = %s", (pool,)) or 1
    )


def listed_up_to(connection: Connection, pool: int) -> int:
    """The position up to which every change is listed; 0 where the stream is on and nothing is listed."""
    query = "select position::text from public.tracking_capturedposition where pool_id = %s"
    return lsn.parse(one(connection, query, (pool,)) or "0/0")


def list_from(connection: Connection, pool: int, position: int) -> None:
    """The list is complete from this position on; 0: it is not kept any more."""
    connection.execute(_LIST_FROM, (pool, lsn.render(position)))


def owed(connection: Connection, pool: int, up_to_sheet: int) -> list[Owed]:
    """What stands on the sheets up to the given one, a row per table; the whole tables first."""
    rows = connection.execute(
        """
        select schema_name, table_name, max(key_columns),
               case when max(whole_reason) > '' then max(whole_reason)
                    when count(distinct key_columns) > 1 then 'its key changed' else '' end as reason,
               array_agg(id), sum(keys)::bigint
        from public.tracking_trackedtable where pool_id = %s and sheet <= %s
        group by 1, 2 having bool_or(changes > 0 or whole_reason > '')
        order by bool_or(whole_reason > '') desc, 1, 2
        """,
        (pool, up_to_sheet),
    ).fetchall()
    return [Owed(row[0], row[1], tuple(row[2]), row[3], tuple(row[4]), row[5]) for row in rows]


def keys(connection: Connection, tables: list[Owed], *, batch: int = 50_000) -> dict[Owed, list[list[str]]]:
    """The distinct keys that tables owe, in batches of array literals; one query for all of them."""
    entries = [(entry, number) for number, table in enumerate(tables) for entry in table.entries]
    rows = connection.execute(
        """
        select distinct e.number, k.key
        from unnest(%s::bigint[], %s::int[]) as e(entry, number)
        join public.tracking_trackedkey k on k.table_id = e.entry
        """,
        ([entry for entry, _ in entries], [number for _, number in entries]),
    )
    found: dict[Owed, list[str]] = {table: [] for table in tables}
    for number, key in rows:
        found[tables[number]].append(key)
    return {
        table: [listed[start : start + batch] for start in range(0, len(listed), batch)]
        for table, listed in found.items()
    }


def tear_off(connection: Connection, pool: int, up_to_sheet: int) -> None:
    """Remove the sheets up to the given one: what stands on them is on the copy."""
    with connection.transaction():
        connection.execute(
            """
            delete from public.tracking_trackedkey where table_id in (
                select id from public.tracking_trackedtable where pool_id = %s and sheet <= %s)
            """,
            (pool, up_to_sheet),
        )
        connection.execute(
            "delete from public.tracking_trackedtable where pool_id = %s and sheet <= %s", (pool, up_to_sheet)
        )


def owe_whole(connection: Connection, pool: int, sheet: int, schema: str, table: str, reason: str) -> None:
    """Put a whole table on the list, for instance one that has just become part of the publication."""
    connection.execute(sql.SQL(_ENTRY), (pool, sheet, schema, table, [], reason, pool, sheet, schema, table))
    connection.execute(
        """
        update public.tracking_trackedtable set whole_reason = %s
        where (pool_id, sheet, schema_name, table_name) = (%s, %s, %s, %s) and whole_reason = ''
        """,
        (reason, pool, sheet, schema, table),
    )
