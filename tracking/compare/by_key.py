"""Reading a table whose rows have a key."""

from collections.abc import Collection, Sequence

from psycopg import sql

from tracking.compare.hashing import Column, row_hash
from tracking.compare.reads import Part, shown
from tracking.compare.shape import Subject

_DIGEST = sql.SQL("select 0, count(*), coalesce(sum({hash}), 0) from {relation} where {where}")
# OFFSET 0 hides from the planner what would make it sort all rows instead of hashing them.
_BUCKETS = sql.SQL("""
    select s.bucket, count(*), sum(s.hash)
    from (select {bucket} & {mask} as bucket, {hash} as hash from {relation} where {where} offset 0) s
    group by s.bucket""")
_CONTENTS = sql.SQL("""
    select {key}, {hash} from {relation} where {where} and ({bucket} & {mask}) = any({among})""")
_STATES = sql.SQL("""
    with wanted as materialized (select k.key, {parts} from unnest({keys}) k(key))
    select wanted.key, t.xmin::text, {hash} from wanted join {relation} on {join}""")
_VALUES = sql.SQL("""
    with wanted as materialized (select k.key, {parts} from unnest({keys}) k(key))
    select wanted.key, {shown} from wanted join {relation} on {join}""")


class ByKey:
    """Rows are text-array literals of their key's values; a row's content is its hash."""

    by_key = True
    at_once = 10_000

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._row = {"hash": row_hash(subject.columns), "relation": subject.relation}
        self._bucket = row_hash(subject.key)

    def digest(self, part: Part, buckets: int) -> sql.Composed:
        """See `Reader`."""
        if buckets == 1:
            return _DIGEST.format(**self._row, where=part.where)
        return _BUCKETS.format(**self._row, where=part.where, bucket=self._bucket, mask=buckets - 1)

    def contents(self, part: Part, among: Collection[int], buckets: int) -> sql.Composed:
        """See `Reader`."""
        return _CONTENTS.format(
            **self._row,
            where=part.where,
            bucket=self._bucket,
            mask=buckets - 1,
            among=sql.Literal(list(among)),
            key=key_text(self.subject.key),
        )

    def states(self, rows: Sequence[str]) -> sql.Composed:
        """See `Reader`."""
        return _STATES.format(**self._row, **self._wanted(rows))

    def values(self, rows: Sequence[str]) -> sql.Composed:
        """See `Reader`."""
        return _VALUES.format(
            **self._wanted(rows), relation=self.subject.relation, shown=shown(self.subject.columns)
        )

    def _wanted(self, rows: Sequence[str]) -> dict[str, sql.Composable]:
        parts, join = [], []
        for number, column in enumerate(self.subject.key, start=1):
            name = sql.Identifier(f"part{number}")
            value = sql.SQL("(k.key::text[])[{}]::{} as {}")
            parts.append(value.format(number, sql.SQL(column.type), name))
            join.append(sql.SQL("{} {} wanted.{}").format(column.reference, sql.SQL(column.equals), name))
        return {
            "keys": sql.SQL("{}::text[]").format(sql.Literal(list(rows))),
            "parts": sql.SQL(", ").join(parts),
            "join": sql.SQL(" and ").join(join),
        }


def key_text(key: Sequence[Column]) -> sql.Composable:
    """The key of a row as a text-array literal."""
    values = sql.SQL(", ").join(sql.SQL("{}::text").format(column.reference) for column in key)
    return sql.SQL("array[{}]::text").format(values)
