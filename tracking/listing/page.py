"""A list as its page and its socket show it: the entries in sight, and how many there are."""

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.db import OperationalError, connection, transaction
from django.urls import reverse
from psycopg.errors import QueryCanceled

from . import cursor, keyset, totals
from .form import ListForm
from .keyset import Position
from .spec import Sort, Spec

if TYPE_CHECKING:
    from tracking.pages.view import PairView

SIZE = 50
TAKES = frozenset(
    {"q", "schema", "pool", "root", "state", "aside", "type", "entry", "object", "sort", "at", "rows", "mark"}
)
LIVE = ("rows", "mark")  # what a socket is told of its page
_PATIENCE_MS = 2_000
_TOO_LONG = (
    "This filter took longer than 2 s and was given up: nothing is shown. Search for more letters, or sort by"
    " what needs somebody first."
)


class Listing:
    """A list of a pair with what its page's address says: read once, and as late as possible."""

    def __init__(self, spec: Spec, view: "PairView") -> None:
        self.spec, self.view = spec, view
        self.query = {name: value for name, value in view.query.items() if name not in LIVE}
        self.trouble = ""

    @cached_property
    def holders(self) -> dict[Any, Any]:
        """The pools, file roots, or the pair that the entries are of, by what the entries know of them."""
        if self.spec.by == "root":
            return {root.pk: root for root in self.view.roots}
        return self.view.pools if self.spec.by == "pool" else {self.view.pair.name: self.view.pair}

    @cached_property
    def totals(self) -> list[totals.Total]:
        """How much there is."""
        return totals.read(self.spec.key, self.holders)

    @cached_property
    def sheets(self) -> dict[int, int]:
        """Of pools that work off their object tracking list: the sheet that is being written meanwhile."""
        busy = [pk for pk, pool in self.view.pools.items() if pool.detail == "SYNCHRONIZING"]
        if self.spec.key != "tables" or not busy:
            return {}
        with connection.cursor() as found:
            found.execute(_SHEETS, [busy])
            return dict(found.fetchall())

    @cached_property
    def form(self) -> ListForm:
        """The filter."""
        names = {pk: getattr(holder, "asp_name", str(holder)) for pk, holder in self.holders.items()}
        return ListForm(self.spec, self.query, names, self.totals, self.sheets)

    @property
    def touched(self) -> int:
        """How many entries have come, gone or changed their state, ever."""
        return sum(total.touched for total in self.totals)

    @property
    def since(self) -> int:
        """The same since the page was opened."""
        mark = self.view.query.get("mark", "")
        return max(0, self.touched - int(mark)) if mark.isdecimal() and len(mark) < 19 else 0

    @cached_property
    def matching(self) -> int | None:
        """How many entries are asked for; None where they are not counted by that."""
        if self.form.errors or not self.form.countable:
            return None
        return sum(total.entries for total in self.totals if self.form.counts(total))

    @cached_property
    def keys(self) -> list[int]:
        """The entries in sight: those that a socket names, else a page of the list."""
        named = self.view.query.get("rows", "").split(",")
        asked = [int(key) for key in named if key.isdecimal() and len(key) < 19]
        return asked[:SIZE] or [each.id for each in self._page[0]]

    @property
    def newer(self) -> str:
        """The address of the page before this one; empty where there is none."""
        return self._page[1]

    @property
    def older(self) -> str:
        """The address of the page behind this one."""
        return self._page[2]

    @cached_property
    def rows(self) -> list[Any]:
        """The entries in sight that (still) are there, in their order."""
        found = self.spec.model._default_manager.filter(pk__in=self.keys)
        field = "pair_name" if self.spec.by == "pair" else self.spec.by
        by_key = {row.pk: row for row in found.filter(**{f"{field}__in": list(self.holders)})}
        if self.spec.by != "pair":
            for row in by_key.values():
                setattr(row, field, self.holders[getattr(row, f"{field}_id")])
        return [by_key[key] for key in self.keys if key in by_key]

    def address(self, **changed: str) -> str:
        """Of this list with another filter, order or page; what is empty is left out."""
        query = {name: value for name, value in {**self.query, **changed}.items() if value}
        path = reverse(self.spec.key, args=[self.view.pair.name])
        return f"{path}?{urlencode(query)}" if query else path

    def read(
        self, sort: Sort, limit: int, after: Position | None = None, *, backwards: bool = False
    ) -> list[Position]:
        """Of what is asked for; nothing, and `trouble`, where that takes too long."""
        owners = self.form.owners() if self.spec.by != "pair" else list(self.holders)
        given = (self.spec, owners, sort, self.form.wanted(), limit, after)
        if sort.by_kind or not owners:
            return keyset.read(*given, backwards=backwards) if owners else []
        try:
            with transaction.atomic(), connection.cursor() as settings:
                settings.execute("select set_config('statement_timeout', %s, true)", [str(_PATIENCE_MS)])
                return keyset.read(*given, backwards=backwards)
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            self.trouble = _TOO_LONG
            return []

    def all_keys(self, at_once: int = 1_000) -> Iterator[int]:
        """Everything that is asked for, in its order, read as it is needed."""
        sort, after = self.form.sort, None
        while found := self.read(sort, at_once, after):
            yield from (each.id for each in found)
            after = found[-1]

    @cached_property
    def _page(self) -> tuple[list[Position], str, str]:
        if self.form.errors:
            return [], "", ""
        mark, sort = self._mark(), self.form.sort
        back = bool(mark and mark.backwards)
        found = self.read(sort, SIZE + 1, mark.position if mark else None, backwards=back)
        if mark and not found and not self.trouble:  # what the page was of is gone
            mark, back = None, False
            found = self.read(sort, SIZE + 1, None)
        more, page = len(found) > SIZE, found[:SIZE]
        page = page[::-1] if back else page
        newer = page and (more if back else mark)
        older = page and (more or back)
        return (
            page,
            self._at(cursor.Mark(page[0], backwards=True), sort) if newer else "",
            self._at(cursor.Mark(page[-1]), sort) if older else "",
        )

    def _mark(self) -> cursor.Mark | None:
        if not (text := self.query.get("at", "")):
            return None
        try:
            return cursor.taken(text, self.spec.key, self.form.sort.key)
        except ValueError as error:
            self.trouble = str(error)
            return None

    def _at(self, mark: cursor.Mark, sort: Sort) -> str:
        return self.address(at=cursor.written(mark, self.spec.key, sort.key))


_SHEETS = "select pool_id, sheet from tracking_capturedposition where pool_id = any(%s)"
