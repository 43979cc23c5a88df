"""Reading the flight recorder: lines by filter, a page at a time, however many there are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from nodes import status
from nodes.models import Pair

from . import exports
from .models import RecorderLine

PAGE, SEARCHED = 100, 50_000
FILTERS = ("component", "level", "since", "until", "search")
TAKEN = frozenset({*FILTERS, "before", "seen"})
_NEWS = 1_000
_COLUMNS = ("at", "place", "component", "level", "text", "seconds")


@dataclass(frozen=True)
class Cursor:
    """A line's place in the order of time."""

    at: datetime
    pk: int

    def __str__(self) -> str:
        return f"{self.at.timestamp():.6f}-{self.pk}"


@dataclass
class Lines:
    """The lines that the parameters of an address ask for; `refused` says which of them cannot be read."""

    pair: Pair
    given: Mapping[str, str]
    refused: list[str] = field(default_factory=list)
    searched_to: datetime | None = None  # how far back it was searched, where that is not all
    older: str = ""  # the parameters of the next page

    def __post_init__(self) -> None:
        self.component = self._one_of("component", [value for value, _ in status.COMPONENT.choices])
        self.level = self._one_of("level", status.RECORDER_LEVELS)
        self.since, self.until = self._time("since"), self._time("until")
        self.before = self._cursor()
        self.search = self.given.get("search", "").replace("\0", "").strip()[:200]

    @cached_property
    def rows(self) -> list[RecorderLine]:
        """One page of them."""
        return self._search() if self.search else self._page(self._from_cursor()[: PAGE + 1])

    def news(self, seen: int) -> int:
        """How many such lines were stored after the one of this number; 1,001 is more than a thousand."""
        newer = self.filtered.filter(self._matching, pk__gt=seen).order_by("pk")
        return newer[: _NEWS + 1].count()

    @property
    def all(self) -> QuerySet[RecorderLine]:
        """Every line that matches, the newest first."""
        return self._from_cursor().filter(self._matching)

    @property
    def _matching(self) -> Q:
        text = self.search
        return Q(text__icontains=text) | Q(place__icontains=text) if text else Q()

    @property
    def filtered(self) -> QuerySet[RecorderLine]:
        """By everything but the text and the cursor."""
        found = RecorderLine.objects.filter(pair=self.pair)
        if self.component:
            found = found.filter(component=self.component)
        if self.level:
            found = found.filter(level__lte=status.RECORDER_LEVELS.index(self.level))
        if self.since:
            found = found.filter(at__gte=self.since)
        return found.filter(at__lte=self.until) if self.until else found

    def parameters(self, **more: object) -> str:
        """Those of the filter that can be read, for a link."""
        chosen = {"component": self.component, "level": self.level, "search": self.search}
        chosen |= {name: self.given.get(name, "") for name in ("since", "until") if getattr(self, name)}
        return urlencode({name: value for name, value in {**chosen, **more}.items() if value})

    def _from_cursor(self) -> QuerySet[RecorderLine]:
        if self.before is None:
            return self.filtered
        at, pk = self.before.at, self.before.pk
        # What is said twice lets the index begin at the right place.
        return self.filtered.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk), at__lte=at)

    def _page(self, found: QuerySet[RecorderLine]) -> list[RecorderLine]:
        rows = list(found)
        if len(rows) > PAGE:
            self._continue_after(rows[PAGE - 1])
        return rows[:PAGE]

    def _search(self) -> list[RecorderLine]:
        """Among so many lines at a time that it takes no longer than a page should."""
        window = self._from_cursor()
        sql, values = window[:SEARCHED].query.sql_with_params()
        pattern = f"%{self.search.translate(_LITERAL)}%"
        found = RecorderLine.objects.raw(
            f"select * from ({sql}) as searched where text ilike %s or place ilike %s"
            f" order by at desc, id desc limit {PAGE + 1}",
            [*values, pattern, pattern],
        )
        rows = self._page(found)
        if not self.older and (last := window.values_list("at", "pk")[SEARCHED - 1 : SEARCHED]):
            self.searched_to, pk = last[0]
            self.older = self.parameters(before=Cursor(self.searched_to, pk))
        return rows

    def _continue_after(self, last: RecorderLine) -> None:
        self.older = self.parameters(before=Cursor(last.at, last.pk))

    def _one_of(self, name: str, known: list[str] | tuple[str, ...]) -> str:
        value = self.given.get(name, "")
        if value and value not in known:
            self.refused.append(f"{name} '{value[:60]}' is none of {', '.join(known)}")
            return ""
        return value

    def _time(self, name: str) -> datetime | None:
        value = self.given.get(name, "")
        try:
            found = parse_datetime(value) if value else None
            if found:
                found = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            found = None
        if value and found is None:
            self.refused.append(f"{name} '{value[:60]}' is not a time; needed is one like 2026-11-26T08:15")
        return found

    def _cursor(self) -> Cursor | None:
        value = self.given.get("before", "")
        try:
            at, _, pk = value.partition("-")
            cursor = Cursor(datetime.fromtimestamp(float(at), UTC), int(pk)) if value else None
        except (ValueError, OverflowError, OSError):
            cursor = None
        if value and (cursor is None or not 0 <= cursor.pk < 2**63):
            self.refused.append(
                f"the place '{value[:60]}' to go on from cannot be read; these are the newest"
            )
            return None
        return cursor


_LITERAL = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


def newest() -> int:
    """The number of the last line that was stored, of any pair."""
    return RecorderLine.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def as_csv(
    pair: Pair, given: Mapping[str, str], most: int | None = None, clean: Callable[[str], str] | None = None
) -> Iterator[str]:
    """All lines of a filter, the newest first, with a line of names, in pieces."""
    found = Lines(pair, given).all
    found = found[:most] if most else found
    rows = (
        (line.at, line.place, line.component, line.level_name, line.text, line.seconds)
        for line in found.iterator(1_000)
    )
    return exports.rows_as_csv(_COLUMNS, rows, clean)
