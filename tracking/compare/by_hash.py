"""Reading a table whose rows have no key: it is a heap of rows, each so many times."""

from collections.abc import Collection, Sequence

from psycopg import sql

from tracking.compare.hashing import row_hash
from tracking.compare.reads import Part, shown
from tracking.compare.shape import Subject

# OFFSET 0 has the hash computed once a row, and the planner hash the groups instead of sorting the rows.
_HASHED = sql.SQL("(select {hash} as hash from {relation} where {where} offset 0) s")
_DIGEST = sql.SQL("select s.hash & {mask}, count(*), sum(s.hash) from {hashed} group by 1")
_CONTENTS = sql.SQL("""
    select s.hash::text, count(*) from {hashed} where (s.hash & {mask}) = any({among}) group by s.hash""")
_STATES = sql.SQL("""
    select s.hash::text, count(*)::text, count(*)
    from {hashed} where s.hash = any({hashes}) group by s.hash""")
_VALUES = sql.SQL("""
    select distinct on (t.hash) t.hash::text, t.shown
    from (select {hash} as hash, {shown} as shown from {relation} where {hash} = any({hashes})) t
    order by t.hash""")


class ByHash:
    """Rows are the hashes of all their values; a row's content is how many times it exists."""

    by_key = False
    at_once = 1_000_000  # each question reads the whole table

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._row = {"hash": row_hash(subject.columns), "relation": subject.relation}

    def digest(self, part: Part, buckets: int) -> sql.Composed:
        """See `Reader`."""
        return _DIGEST.format(hashed=self._hashed(part), mask=buckets - 1)

    def contents(self, part: Part, among: Collection[int], buckets: int) -> sql.Composed:
        """See `Reader`."""
        wanted = sql.Literal(list(among))
        return _CONTENTS.format(hashed=self._hashed(part), mask=buckets - 1, among=wanted)

    def states(self, rows: Sequence[str]) -> sql.Composed:
        """See `Reader`."""
        return _STATES.format(hashed=self._hashed(Part.all()), hashes=_hashes(rows))

    def values(self, rows: Sequence[str]) -> sql.Composed:
        """See `Reader`."""
        return _VALUES.format(**self._row, shown=shown(self.subject.columns), hashes=_hashes(rows))

    def _hashed(self, part: Part) -> sql.Composable:
        return _HASHED.format(**self._row, where=part.where)


def _hashes(rows: Sequence[str]) -> sql.Composable:
    return sql.SQL("{}::int8[]").format(sql.Literal([int(row) for row in rows]))
