"""Rows that differ, with both versions."""

from collections.abc import Mapping, Sequence

from tracking.compare.reads import Reader, Sight
from tracking.compare.results import Kind, Row, RowDifference
from tracking.compare.session import BY_INDEX, Nodes, Rows


def differences(nodes: Nodes, reader: Reader, rows: Mapping[str, Sight]) -> list[RowDifference]:
    """Both versions of rows that were found to differ; those that have become equal are left out."""
    if not rows:
        return []
    return _by_key(nodes, reader, list(rows)) if reader.by_key else _by_hash(nodes, reader, rows)


def _by_key(nodes: Nodes, reader: Reader, keys: Sequence[str]) -> list[RowDifference]:
    statement = reader.values(keys)
    found = nodes.both(statement, BY_INDEX)
    source, copy = _rows(reader, found.source), _rows(reader, found.copy)
    # Keys that are equal but written otherwise, as 1.0 and 1.00, are the same row on both nodes.
    pairs = {repr((source.get(key), copy.get(key))): key for key in keys}
    return [
        RowDifference(_kind(here, there), key, here, there, int(here is not None), int(there is not None))
        for key in pairs.values()
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
