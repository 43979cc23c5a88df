"""What a table looks like on each node, and whether the two can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from psycopg import sql

from nodes.postgres import catalog
from tracking.compare.hashing import Column
from tracking.compare.results import NotComparable, TableName
from tracking.compare.session import Nodes, Rows

_SHAPE = Path(__file__).with_name("shape.sql").read_text()
_KINDS = {
    "p": "a partitioned table",
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
}
# Locales in which text is ordered by its bytes, whoever provides them.
_BYTEWISE = {"c", "posix", "c.utf8"}
_CORRELATED = 0.5


@dataclass(frozen=True)
class Subject:
    """A table as both nodes have it: what is hashed, and how its rows are found again."""

    table: TableName
    columns: tuple[Column, ...]
    key: tuple[Column, ...]  # empty: its rows have no identity

    @cached_property
    def relation(self) -> sql.Composable:
        """For FROM. Without the rows of tables that inherit from it: they are tables of their own."""
        return sql.SQL("only {} as t").format(sql.Identifier(*self.table))

    @classmethod
    def of(cls, table: catalog.Table) -> "Subject":
        """From a description that was read before."""
        columns = tuple(map(Column, table.columns, table.types))
        return cls(TableName(table.schema, table.name), columns, _key(columns, table.key, table.equals))


@dataclass(frozen=True)
class Shape:
    """One node's side of a table, as shape.sql reads it."""

    kind: str
    persistence: str
    bytes: int
    columns: dict[str, str]
    key: tuple[str, ...]
    equals: tuple[str, ...]  # the operator for equality of each key column, as SQL
    orders: tuple[str, ...]  # its collation
    plainly_indexed: bool  # whether the key's index is a btree in the columns' own, built-in order
    correlation: float | None  # of the first key column with the order on disk
    cache: int  # bytes that the planner believes to be cached
    encoding: str
    probe: int

    @property
    def scattered(self) -> bool:
        """Whether reading it by key would fetch a page from disk for nearly every row."""
        return self.bytes > self.cache and abs(self.correlation or 1.0) < _CORRELATED


def shapes(nodes: Nodes, table: TableName) -> tuple[Shape, Shape]:
    """The table on the source and on the copy; raises `NotComparable` where it is missing."""
    statement = sql.SQL(_SHAPE).format(schema=sql.Literal(table.schema), name=sql.Literal(table.name))
    found = nodes.both(statement, {})
    return _shape(found.source, "source"), _shape(found.copy, "copy")


def subject(table: TableName, source: Shape, copy: Shape) -> Subject:
    """What is compared of the two; raises `NotComparable`, naming the columns that do not fit."""
    if source.encoding != copy.encoding:
        raise NotComparable(f"the encoding is {source.encoding} on the source, {copy.encoding} on the copy")
    if source.probe != copy.probe:
        raise NotComparable("the nodes hash differently: their CPUs differ in byte order")
    if complaint := catalog.misfit(source.columns, copy.columns):
        raise NotComparable(complaint)
    columns = tuple(Column(*item) for item in source.columns.items())
    key = _key(columns, source.key, source.equals) if source.key == copy.key else ()
    return Subject(table, columns, key)


def reads_by_range(source: Shape, copy: Shape) -> bool:
    """Whether ranges of the key are read through an index, hold about the same rows on both nodes, and
    do not jump about on a disk.

    Where text is ordered differently by the two nodes, a range would hold quite different rows; that
    would not make the result wrong (rows are looked for by key in the end) but very slow.
    """
    if not source.key or source.key != copy.key:
        return False
    ordered = all(map(_same_order, source.orders, copy.orders))
    return ordered and source.plainly_indexed and copy.plainly_indexed and not source.scattered


def remarks(source: Shape, copy: Shape) -> list[str]:
    """What a reader should know besides the verdict."""
    unlogged = [node for node, shape in (("source", source), ("copy", copy)) if shape.persistence == "u"]
    said = [f"unlogged on the {' and the '.join(unlogged)}"] if unlogged else []
    if not source.key:
        return [*said, "without a key: compared by how often each row exists"]
    if source.key != copy.key:
        said.append(
            f"the key is ({', '.join(source.key)}) on the source, ({', '.join(copy.key)}) on the copy:"
            " compared by how often each row exists"
        )
    return said


def _shape(rows: Rows, node: str) -> Shape:
    if not rows:
        raise NotComparable(f"missing on the {node}")
    kind, persistence, size, names, types, key, equals, orders, *rest = rows[0]
    if kind != "r":
        instead = ": its partitions are compared" if kind == "p" else ""
        raise NotComparable(f"{_KINDS.get(kind, 'not a table')} on the {node}{instead}")
    columns = dict(zip(names, types, strict=True))
    return Shape(kind, persistence, size, columns, tuple(key), tuple(equals), tuple(orders), *rest)


def _key(columns: Sequence[Column], names: Sequence[str], equals: Sequence[str]) -> tuple[Column, ...]:
    by_name = {column.name: column for column in columns}
    return tuple(
        by_name[name]._replace(equals=operator) for name, operator in zip(names, equals, strict=True)
    )


def _same_order(source: str, copy: str) -> bool:
    return _locale(source) == _locale(copy)


def _locale(order: str) -> str:
    """A collation as shape.sql describes it, however its name is spelt."""
    provider, _, locale = order.lower().replace("-", "").partition(" ")
    if provider == "b" or (provider == "c" and locale in _BYTEWISE):
        return "bytewise"
    return f"{provider} {locale}"
