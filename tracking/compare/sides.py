"""Rows that differ, as they are kept and shown: side by side, column by column, and never endless."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tracking.compare.results import Row, RowDifference

_ROWS = 100  # of a table
_CHARACTERS = 500_000  # of a table, so that neither wide rows nor many make a page that nobody can open
_LONGEST = 1_000  # characters of a value
_BEFORE = 200  # of them in front of the first one that differs


@dataclass(frozen=True)
class Cell:
    """One column of a row on both nodes; None is NULL, and nothing at all where the row is not there."""

    column: str
    primary: str | None
    secondary: str | None
    differs: bool


@dataclass(frozen=True)
class Sides:
    """A row on both nodes, with its columns in an order in which those that differ are first."""

    kind: str
    key: str | None
    on_primary: bool
    on_secondary: bool
    cells: tuple[Cell, ...]

    @property
    def differing(self) -> tuple[Cell, ...]:
        """The columns that differ; all of them where the row is on one node only."""
        return tuple(cell for cell in self.cells if cell.differs)

    @property
    def same(self) -> tuple[Cell, ...]:
        """The other columns."""
        return tuple(cell for cell in self.cells if not cell.differs)


def kept(differences: Iterable[RowDifference]) -> list[dict[str, Any]]:
    """The first differences as JSON; of long values the piece around what differs."""
    found: list[dict[str, Any]] = []
    room = _CHARACTERS
    for each in differences:
        row = _kept(each)
        room -= sum(
            len(value or "") for side in (row["source"], row["copy"]) for value in (side or {}).values()
        )
        if found and (room < 0 or len(found) == _ROWS):
            break
        found.append(row)
    return found


def _kept(row: RowDifference) -> dict[str, Any]:
    source, copy = row.source or {}, row.copy or {}
    columns = [*source, *(name for name in copy if name not in source)]
    pieces = {name: _pieces(source.get(name), copy.get(name)) for name in columns}
    differs = [name for name in columns if source.get(name) != copy.get(name)]
    return {
        "kind": row.kind,
        "key": row.key,
        "source": _side(row.source, {name: piece[0] for name, piece in pieces.items()}),
        "copy": _side(row.copy, {name: piece[1] for name, piece in pieces.items()}),
        "columns": columns,  # JSON in the database has an order of its own
        "differs": differs,
    }


def _side(row: Row | None, pieces: Mapping[str, str | None]) -> Row | None:
    return None if row is None else {name: pieces[name] for name in row}


def _pieces(here: str | None, there: str | None) -> tuple[str | None, str | None]:
    """Both values; of a long one what is around the first character that differs."""
    if max(len(here or ""), len(there or "")) <= _LONGEST:
        return here, there
    both = enumerate(zip(here or "", there or "", strict=False))
    first = next((number for number, (one, other) in both if one != other), None)
    if first is None:  # one of them goes on where the other ends
        first = 0 if here == there else min(len(here or ""), len(there or ""))
    start = max(0, first - _BEFORE)
    return _piece(here, start), _piece(there, start)


def _piece(value: str | None, start: int) -> str | None:
    if value is None or len(value) <= _LONGEST:
        return value
    return f"[{len(value):,} characters, from number {start + 1:,}] {value[start : start + _LONGEST]}"


def sides(row: Mapping[str, Any]) -> Sides:
    """A difference that was kept, also by an older version, which did not say which columns differ."""
    source, copy = row.get("source"), row.get("copy")
    here, there = source or {}, copy or {}
    columns = row.get("columns") or [*here, *(name for name in there if name not in here)]
    differs = row.get("differs")
    if differs is None or source is None or copy is None:
        differs = [
            name for name in columns if source is None or copy is None or here.get(name) != there.get(name)
        ]
    cells = [Cell(name, here.get(name), there.get(name), name in set(differs)) for name in columns]
    cells.sort(key=lambda cell: not cell.differs)
    return Sides(str(row.get("kind", "")), row.get("key"), source is not None, copy is not None, tuple(cells))
