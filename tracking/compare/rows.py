"""Rows that differ, with both versions; and whether exactly these rows are equal."""

from collections.abc import Mapping, Sequence

from psycopg.adapt import Transformer
from psycopg.postgres import types
from psycopg.pq import Format

from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection
from tracking.compare.by_key import ByKey
from tracking.compare.reads import Reader, Sight
from tracking.compare.results import Kind, Row, RowDifference
from tracking.compare.session import BY_INDEX, Nodes, Rows
from tracking.compare.shape import Subject


def compare_keys(
    source: Connection, copy: Connection, table: Table, keys: Sequence[str], *, lock_seconds: float = 2.0
) -> list[RowDifference]:
    """Compare exactly these rows, as they are now, in one round trip to each node if they are equal.

    A key is a text-array literal with the values of `table.key` in that order, e.g. '{42}' or
    '{"a b",2024-01-01}'. Made for the moment in which nobody writes: nothing is read again. Raises
    `ValueError` for a table without a key or a key that does not fit it, `NotComparable` where a node
    refuses.
    """
    subject = Subject.of(table)
    if not subject.key:
        raise ValueError(f"{table} has no key: its rows cannot be told apart")
    wanted = list(dict.fromkeys(keys))
    _check(table, wanted)
    if not wanted:
        return []
    reader = ByKey(subject)
    with Nodes(source, copy, lock_seconds=lock_seconds, stopped=lambda: False) as nodes:
        statement = reader.states(wanted)
        found = nodes.both(statement, BY_INDEX)
        there = {key: content for key, _, content in found.copy}
        here = {key: content for key, _, content in found.source}
        unequal = [key for key in wanted if here.get(key) != there.get(key)]
        return by_key(nodes, reader, unequal) if unequal else []


def differences(nodes: Nodes, reader: Reader, rows: Mapping[str, Sight]) -> list[RowDifference]:
    """Both versions of rows that were found to differ; those that have become equal are left out."""
    if not rows:
        return []
    return by_key(nodes, reader, list(rows)) if reader.by_key else _by_hash(nodes, reader, rows)


def by_key(nodes: Nodes, reader: Reader, keys: Sequence[str]) -> list[RowDifference]:
    """Both versions of the rows with these keys, where they differ."""
    statement = reader.values(keys)
    found = nodes.both(statement, BY_INDEX)
    source, copy = _rows(reader, found.source), _rows(reader, found.copy)
    return [
        RowDifference(_kind(here, there), key, here, there, int(here is not None), int(there is not None))
        for key in keys
        if (here := source.get(key)) != (there := copy.get(key))
    ]


def _by_hash(nodes: Nodes, reader: Reader, rows: Mapping[str, Sight]) -> list[RowDifference]:
    statement = reader.values(list(rows))
    found = nodes.both(statement, {})
    shown = _rows(reader, found.source) | _rows(reader, found.copy)
    result = []
    for row, sight in rows.items():
        here, there = (content or 0 for content in sight.contents)
        kind: Kind = "missing" if here > there else "extra"
        value = shown.get(row)
        result.append(
            RowDifference(kind, None, value if here else None, value if there else None, here, there)
        )
    return result


def _rows(reader: Reader, found: Rows) -> dict[str, Row]:
    names = [column.name for column in reader.subject.columns]
    return {row: dict(zip(names, values, strict=True)) for row, values in found}


def _kind(source: Row | None, copy: Row | None) -> Kind:
    if copy is None:
        return "missing"
    return "extra" if source is None else "different"


def _check(table: Table, keys: Sequence[str]) -> None:
    """A key with a value too few would match no row on either node, and so seem to be equal."""
    loader = Transformer().get_loader(types["text"].array_oid, Format.TEXT)
    for key in keys:
        values = loader.load(key.encode())
        if len(values) != len(table.key) or None in values:
            raise ValueError(f"{table} has the key ({', '.join(table.key)}), which {key} does not fit")
