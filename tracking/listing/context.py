"""What the templates of a list need."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from mwaportal import shown
from mwaportal.templatetags.portal import indicator
from nodes import status
from tracking import file_tables, tables
from tracking.columns import List

from . import exported
from .form import WAITS
from .page import SIZE, Listing
from .spec import Spec

if TYPE_CHECKING:
    from tracking.pages.view import PairView

_TABLES = {
    "tables": tables.TrackingTable,
    "definitions": tables.DefinitionTable,
    "objects": tables.OtherTable,
    "paths": file_tables.FileTable,
    "migrated": tables.MigratedTable,
    "migrated-files": file_tables.MigratedFileTable,
    "attempts": tables.AttemptTable,
    "journal": tables.JournalTable,
}
_WITH_ACTS = ("definitions", "objects", "paths", "migrated")
# What becomes of entries of which it is asked.
_MEANS = {
    "retry": "tried again as soon as it can be",
    "done": "ticked off: somebody has carried it by hand on the secondary",
    "restore": "taken up again and tried",
    "omit": "carried no more, and nobody waits for it, until it is taken up again",
    "defer": "put off until somebody has it tried again, and is in the way of a role swap until then",
    "remove": "taken off the list for good; it is not carried",
    "prioritize": "given the priority that is chosen here",
}
_FORGET = "forgotten; on the secondary it stays as it is"
_NO_ROOTS = "No directory yet: files beside the databases are not moved. An administrator adds file roots."
_DANGER, _CONFIRMED = ("remove",), ("remove", "omit", "done")


def listed(spec: Spec) -> "Callable[[PairView], dict[str, Any]]":
    """The context of a list's page."""
    return lambda view: context(Listing(spec, view))


def context(listing: Listing) -> dict[str, Any]:
    """Everything that the page and its parts need."""
    spec, view, form = listing.spec, listing.view, listing.form
    table = _table(listing)
    cells = _cells(table)
    live = {"rows": ",".join(map(str, listing.keys)), "mark": view.query.get("mark") or str(listing.touched)}
    paged = "rows" not in view.query
    return {
        "form": form,
        "trouble": listing.trouble,
        "filters": [
            (label, value, listing.address(**{name: "", "at": ""})) for name, label, value in form.filters
        ],
        "unfiltered": reverse(spec.key, args=[view.pair.name]),
        "here": urlencode(listing.query),
        "states": _states(listing),
        "waits": sum(total.entries for total in listing.totals if total.waits),
        "waits_address": listing.address(state=WAITS, at=""),
        "by_hand": spec.set_aside,
        "entries": sum(total.entries for total in listing.totals),
        "sums": _sums(listing) if spec.key == "tables" else None,
        "matching": listing.matching,
        "since": listing.since,
        "again": listing.address(at=""),
        "table": table,
        "empty": _NO_ROOTS if spec.by == "root" and not listing.holders else table.empty_text,
        "lines": [(key, cells.get(key)) for key in listing.keys],
        "newer": listing.newer if paged else "",
        "older": listing.older if paged else "",
        "asks": _asks(listing) if view.viewer.operate and spec.acts else [],
        "size": SIZE,
        "export": exported.link(listing),
        "socket": listing.address(**live),
    }


def _table(listing: Listing) -> List:
    spec, view = listing.spec, listing.view
    one = len(listing.holders) == 1
    given: dict[str, Any] = {"exclude": ("pool", "root") if one else ()}
    if spec.key in _WITH_ACTS:
        given |= {"pair": view.pair.name, "may_operate": view.viewer.operate}
        if not view.viewer.operate:
            given["exclude"] += ("chosen",)
    if spec.key == "tables":
        given["sheets"] = listing.sheets
    return _TABLES[spec.key](listing.rows, **given)


def _cells(table: List) -> dict[int, SafeString]:
    """The cells of each row, by its key; what they have in common is worked out once for a column."""
    columns = [(column.name, mark_safe(column.attrs["td"].as_html())) for column in table.columns]
    return {
        row.record.pk: format_html_join(
            "", "<td {}>{}</td>", ((attributes, row.get_cell(name)) for name, attributes in columns)
        )
        for row in table.rows
    }


def _states(listing: Listing) -> list[tuple[SafeString, int, str]]:
    """How many entries there are of each state, with the address of the list of those."""
    spec, counted = listing.spec, dict[str, int]()
    for total in listing.totals:
        if total.entries and (state := listing.form.state_of(total)):
            counted[state] = counted.get(state, 0) + total.entries
    known = [value for value, _ in spec.states.choices] if spec.states else sorted(counted)
    return [
        (_indicator(spec, state), counted[state], listing.address(state=state, at=""))
        for state in known
        if counted.get(state)
    ]


def _indicator(spec: Spec, state: str) -> SafeString:
    vocabulary = spec.states or status.REPLICATION_STATE
    try:
        found = vocabulary[state]
    except KeyError:
        return format_html("{}", state)
    return indicator(found.kind, found.label)


def _sums(listing: Listing) -> dict[str, int]:
    return {
        name: sum(getattr(total, name) for total in listing.totals) for name in ("changes", "keys", "whole")
    }


def _asks(listing: Listing) -> list[dict[str, Any]]:
    """What may be asked of many entries at once: of those that are ticked, and of all that match."""
    spec, pair = listing.spec, listing.view.pair
    asks = []
    for act, label in spec.acts.items():
        means = _FORGET if spec.key == "migrated" else _MEANS[act]
        url = reverse("bulk", args=[pair.name, spec.key, act])
        asks.append(
            {
                "act": act,
                "label": label,
                "danger": act in _DANGER,
                "confirmed": act in _CONFIRMED,
                "id": f"bulk-{act}",
                "url": url,
                "what": format_html(
                    "Each of {} is {}. What may not be done with one is refused, and said.", _TICKED, means
                ),
                "url_of_all": f"{url}?all",
                "what_of_all": _all_of(listing, means),
            }
        )
    return asks


def _all_of(listing: Listing, means: str) -> str:
    count = listing.matching
    many = "All entries that match the filter" if count is None else f"All {shown.number(count)} that match"
    still = "; how many they are is not counted" if count is None else ""
    return (
        f"{many}{still}: each is {means}. What may not be done with one is refused, and said. After 5 s the"
        " rest is left, and can be asked for again."
    )


_TICKED = format_html('<span class="ticked">{}</span>', "the ticked entries of this page")
