"""The hash of a row, computed by the servers: equal exactly when every value is equal byte for byte.

The functions used are those of hash partitioning. Their results decide in which partition a row lies, also
after pg_upgrade and dump and restore, so they are the same in every major version since 11. Only on a CPU
of the other byte order they differ, which the shape of the table tells.

`hash_record_extended` does not serve: to it numeric 1.0 and 1.00 are equal. One hash of the whole row's
text does, but takes four times as long as hashing ints and texts directly (5,000,000 rows: 3.9 s and 1.0 s;
md5 of the row's text: 6.8 s).
"""

import re
from collections.abc import Sequence
from typing import LiteralString, NamedTuple

from psycopg import sql

# By type: what stands for the value (never NULL), and its hash with a seed. As text only where the cast to
# text is the output function. The hash of a bigint folds its halves together, so that 1 and 2^32 would be
# equal: the value goes into the seed as well.
_TEXT: tuple[LiteralString, LiteralString] = (
    "coalesce({column}::text, '')",
    'hashtextextended({value} collate "C", {seed})',
)
_DIRECT: dict[str, tuple[LiteralString, LiteralString]] = {
    "smallint": ("coalesce({column}, 0::int2)", "hashint2extended({value}, {seed})"),
    "integer": ("coalesce({column}, 0)", "hashint4extended({value}, {seed})"),
    "bigint": ("coalesce({column}, 0::int8)", "hashint8extended({value}, {seed} # {value})"),
    "boolean": ("coalesce({column}, false)::int4", "hashint4extended({value}, {seed})"),
    "uuid": (
        "coalesce({column}, '00000000-0000-0000-0000-000000000000'::uuid)",
        "uuid_hash_extended({value}, {seed})",
    ),
    "text": _TEXT,
    "character varying": _TEXT,
    "numeric": _TEXT,
    "real": _TEXT,
    "double precision": _TEXT,
    "date": _TEXT,
    "timestamp without time zone": _TEXT,
    "timestamp with time zone": _TEXT,
    "json": _TEXT,
    "jsonb": _TEXT,
    "bytea": _TEXT,
}
_LONGEST_CHAIN = 100  # columns
# What tells a NULL from the value that stands in for it: it goes into the seed.
_NULL: LiteralString = "case when {column} is null then 7046029254386353131 else 0::int8 end"


class Column(NamedTuple):
    """A column of a table; its type as SQL, qualified unless it is a built-in one, and its equality."""

    name: str
    type: str
    equals: str = "operator(pg_catalog.=)"

    @property
    def reference(self) -> sql.Identifier:
        """The column where the table's alias is t."""
        return sql.Identifier("t", self.name)


def row_hash(columns: Sequence[Column]) -> sql.Composable:
    """An int8 expression over the table t: each column's hash is the seed of the next column's.

    Columns of types that are not known to be safe go through `row(...)::text`, that is, their output
    functions (a cast to text may be anything: char(n) loses its blanks, a user's type has the user's cast);
    so do those of very wide tables, because the chain is as deep as it is long.
    """
    direct = [column for column in columns if _base(column.type) in _DIRECT][:_LONGEST_CHAIN]
    others = [column.reference for column in columns if column not in direct]
    seed: sql.Composable = sql.SQL("1::int8")
    if others:
        text = sql.SQL("row({})::text").format(sql.SQL(", ").join(others))
        seed = sql.SQL('hashtextextended({} collate "C", 1)').format(text)
    for column in direct:
        seed = _chained(column.reference, _base(column.type), seed)
    return seed


def _chained(column: sql.Composable, base: str, seed: sql.Composable) -> sql.Composable:
    stand_in, hashed = _DIRECT[base]
    null = sql.SQL(_NULL).format(column=column)
    return sql.SQL(hashed).format(
        value=sql.SQL(stand_in).format(column=column), seed=sql.SQL("({} # {})").format(seed, null)
    )


def _base(type_name: str) -> str:
    """The type without its modifier: timestamp(3) with time zone -> timestamp with time zone."""
    return re.sub(r"\([^)]*\)", "", type_name)
