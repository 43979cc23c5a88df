"""The views of schema qsys2 as CSV and JSON, whole or some entries of them: read and written in pieces."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from asgiref.sync import sync_to_async
from django.db import connection
from psycopg import sql

VIEWS = (
    "migration_manager_info", "library_migration_list", "migrated_library", "ifs_migration_list",
    "migrated_ifs", "mirror_info", "resync_status", "replication_criteria_info", "migration_attempts",
)  # fmt: skip
_ROWS_AT_ONCE = 1_000
_QUERY = "select * from qsys2.{} {} order by pair_name, 1, 2, 3"
_ENTRIES = "select * from qsys2.{} v where v.{} = any(%(keys)s) order by array_position(%(keys)s, v.{})"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what makes a spreadsheet calculate (OWASP, CSV injection)


@dataclass(frozen=True)
class Entries:
    """Of a view only the rows of these entries, in this order: `column` is the one that has their keys."""

    column: str
    keys: Iterator[int]


def as_csv(
    view: str, pair: str | None = None, clean: Callable[[str], str] | None = None,
    only: Entries | None = None,
) -> Iterator[str]:  # fmt: skip
    """A view as CSV with a line of names, in pieces; null is an empty cell, times are ISO 8601 in UTC.

    A text that a spreadsheet would take for a formula begins with an apostrophe. `clean` is done to texts.
    """
    for rows in _read(view, pair, only):
        yield _lines(rows, clean)


def rows_as_csv(
    names: Sequence[str], rows: Iterable[Sequence[object]], clean: Callable[[str], str] | None = None
) -> Iterator[str]:
    """The same of any rows."""
    yield _lines([names], clean)
    left = iter(rows)
    while piece := list(islice(left, _ROWS_AT_ONCE)):
        yield _lines(piece, clean)


def _lines(rows: Iterable[Sequence[object]], clean: Callable[[str], str] | None) -> str:
    piece = io.StringIO()
    for row in rows:
        texts = [clean(value) if clean and isinstance(value, str) else value for value in row]
        csv.writer(piece).writerow([_cell(value) for value in texts])
    return piece.getvalue()


def as_json(view: str, pair: str | None = None, only: Entries | None = None) -> Iterator[str]:
    """A view as a JSON array of objects, a line each, in pieces; times are ISO 8601 in UTC."""
    pieces = _read(view, pair, only)
    names, before = next(pieces)[0], "[\n"
    for rows in pieces:
        objects = (json.dumps(dict(zip(names, map(_value, row), strict=True))) for row in rows)
        yield before + ",\n".join(objects)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


FORMATS = {"csv": ("text/csv; charset=utf-8", as_csv), "json": ("application/json", as_json)}


def _read(view: str, pair: str | None, only: Entries | None) -> Iterator[list[tuple]]:
    """The names of the columns as the only row, then the rows, some at once."""
    if view not in VIEWS:
        raise ValueError(f"'{view}' is none of {', '.join(VIEWS)}")
    return _entries(view, only) if only else _all(view, pair)


def _all(view: str, pair: str | None) -> Iterator[list[tuple]]:
    """Outside a transaction the server keeps the result, so that a slow reader holds no snapshot open."""
    where, values = ("", ()) if pair is None else ("where pair_name = %s", (pair,))
    query = sql.SQL(_QUERY).format(sql.Identifier(view), sql.SQL(where))
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, values)
        yield [tuple(column.name for column in cursor.description)]
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield rows


def _entries(view: str, only: Entries) -> Iterator[list[tuple]]:
    """Some keys after the other, each with a query of its own: what is gone by then is left out."""
    column = sql.Identifier(only.column)
    query, keys = sql.SQL(_ENTRIES).format(sql.Identifier(view), column, column), []
    with connection.cursor() as cursor:
        cursor.execute(query, {"keys": keys})
        yield [tuple(column.name for column in cursor.description)]
        while keys := list(islice(only.keys, _ROWS_AT_ONCE)):
            cursor.execute(query, {"keys": keys})
            if rows := cursor.fetchall():
                yield rows


def _value(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return _value(value)


async def sent(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The pieces one by one: Django would gather those of a plain iterator before it sends the first."""
    try:
        while (piece := await sync_to_async(next)(pieces, None)) is not None:
            yield piece
    finally:
        await sync_to_async(pieces.close)()
