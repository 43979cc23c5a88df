"""A page of a list, read from where the one before it ended: the same time for the first and the last one.

The kinds of entries that there are (state, type ...) are found by skipping from one to the next in the index.
Of each kind that is asked for as many entries are read as the page can hold, and of these the page. So no
filter has the index read for what is not shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg import sql

from .spec import Sort, Spec

_HERE = Path(__file__).parent
_BY_KIND, _PLAIN = (_HERE / "by_kind.sql").read_text(), (_HERE / "plain.sql").read_text()
_HIGHEST = chr(0x10FFFF) * 201  # no name goes on with this


@dataclass(frozen=True)
class Position:
    """Where an entry stands in a sorted list; the value as PostgreSQL writes it."""

    rank: int
    value: str
    id: int


@dataclass
class Wanted:
    """Which entries: conditions in SQL on the kinds `c` with their values, and how the name begins."""

    where: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    beginning: str | bytes = ""
    exact: str = ""

    def add(self, condition: str, **values: Any) -> None:
        """One condition more."""
        self.where.append(condition)
        self.values |= values


def read(
    spec: Spec, owners: Sequence[int | str], sort: Sort, wanted: Wanted, limit: int,
    after: Position | None = None, *, backwards: bool = False,
) -> list[Position]:  # fmt: skip
    """Up to `limit` entries behind a position in their order; backwards those before it, nearest first."""
    up = sort.descending == backwards
    values: dict[str, Any] = {**wanted.values, "owners": list(owners), "limit": limit}
    kinds, behind = list(wanted.where), _named(sort, wanted, values)
    rank = spec.rank if sort.ranked else "0"
    if after:
        end = sort.ends[1 if backwards else 0]
        values |= {"rank": after.rank, "value": after.value, "id": after.id, "end": end}
        values["end_id"] = 2**63 - 1 if not up else -(2**63)
        kinds.append(f"{rank} {'<=' if backwards else '>='} %(rank)s")
        behind.append(_BEHIND)
    names = spec.kinds if sort.by_kind else ()
    query = sql.SQL(_BY_KIND if names else _PLAIN).format(
        view=sql.Identifier(spec.relation),
        sort=sql.Identifier(sort.column),
        owner=sql.SQL("text" if spec.by == "pair" else "bigint"),
        kinds=_each("{0}", names),
        next=_each("v.{0}", names),
        known=_each("c.{0}", names),
        same=_each("v.{0} = c.{0}", names, " and "),
        rank=sql.SQL(rank),
        wanted=_all(kinds),
        behind=_all(behind).format(
            sort=sql.Identifier(sort.column), type=sql.SQL(sort.type), op=sql.SQL(">" if up else "<")
        ),
        way=sql.SQL("asc" if up else "desc"),
        rank_way=sql.SQL("desc" if backwards else "asc"),
    )
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [Position(rank, value, pk) for pk, rank, value in cursor.fetchall()]


def _named(sort: Sort, wanted: Wanted, values: dict[str, Any]) -> list[str]:
    """What the name has to be; its parts are filled in with the others."""
    if wanted.exact:
        values["exact"] = wanted.exact
        return ['v.name = tracking_name(%(exact)s) collate "C"']
    if not wanted.beginning:
        return []
    values |= {"beginning": wanted.beginning, "highest": _HIGHEST}
    if sort.type == "bytea":
        highest = "decode(repeat('ff', 1001), 'hex')"
        return [f"v.{{sort}} >= {sort.begins}", f"v.{{sort}} < {sort.begins} || {highest}"]
    begins = f'({sort.begins} collate "C")'
    return [f"v.{{sort}} >= {begins}", f"v.{{sort}} < {begins} || %(highest)s"]


def _each(template: str, names: Sequence[str], between: str = ", ") -> sql.Composed:
    return sql.SQL(between).join(sql.SQL(template).format(sql.Identifier(name)) for name in names)


def _all(conditions: list[str]) -> sql.SQL:
    return sql.SQL(" and ".join(f"({condition})" for condition in conditions) or "true")


# In the kinds that come later all is behind: then the value is compared with one before all others.
_BEHIND = """
    (v.{sort}, v.id) {op} (case when c.rank = %(rank)s then %(value)s else %(end)s end::{type},
                           case when c.rank = %(rank)s then %(id)s else %(end_id)s end::bigint)
"""
