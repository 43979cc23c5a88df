"""The pages of a pair: what each is called, where it lies, and which parts of it are live.

The same partials are rendered in the page, for htmx where sockets are blocked, and by the socket.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import escape

from mwaportal.access import Viewer
from nodes.models import Pair
from tracking.listing import lists
from tracking.listing.context import listed
from tracking.listing.page import TAKES

from . import (
    compare,
    criteria,
    cutover,
    files,
    home,
    migration,
    overview,
)
from .view import PairView

Parts = dict[str, str]
_LONGEST = 2_000  # characters of a parameter
_LISTS, _WORK, _MANAGEMENT, _HEALTH = "Tracking lists", "Progress", "Management", "Health"


@dataclass(frozen=True)
class LivePage:
    """A page of a pair, at pairs/<name>/<key>/ and its socket at ws/pairs/<name>/<key>/.

    `parts` are ids of elements, each with its partial in templates/<folder>/. `takes` are the parameters of
    the address that it looks at: pages with other parameters are other pages to a socket.
    """

    key: str
    label: str
    group: str
    context: Callable[[PairView], dict[str, Any]]
    parts: tuple[str, ...]
    takes: frozenset[str] = frozenset()
    shares: str = ""  # a folder of templates with other pages

    @property
    def folder(self) -> str:
        """Where its templates are."""
        return self.shares or self.key or "overview"

    @property
    def name(self) -> str:
        """Of its address, for `reverse`."""
        return self.key or "pair"

    def address(self, pair: Pair, query: Mapping[str, str] | None = None) -> str:
        """Of this page for a pair; its socket's is the same below /ws."""
        path = reverse(self.name, args=[pair.name])
        return f"{path}?{urlencode(query)}" if query else path

    def taken(self, given: Mapping[str, str]) -> dict[str, str]:
        """The parameters that this page looks at, in one order; the others change nothing."""
        return {name: given[name][:_LONGEST] for name in sorted(self.takes) if given.get(name)}


def _list(spec: lists.Spec, label: str, group: str = _LISTS) -> LivePage:
    """A page of a list; they share their templates."""
    return LivePage(spec.key, label, group, listed(spec), ("news", "counts", "rows"), TAKES, "listing")


_ALL = (
    LivePage("", "Overview", "", overview.context, ("head", "pools", "phases", "roots")),
    _list(lists.TABLES, "Tables and rows (OTL)"),
    _list(lists.DEFINITIONS, "Definitions (LTL)"),
    _list(lists.OBJECTS, "Other objects (LTL)"),
    _list(lists.PATHS, "Files (ITL)"),
    _list(lists.MIGRATED, "Migrated objects"),
    _list(lists.MIGRATED_FILES, "Migrated files"),
    _list(lists.ATTEMPTS, "Attempts"),
    LivePage("migration", "System migration", _WORK, migration.context, ("copies", "messages")),
    LivePage("compare", "Compare", _WORK, compare.context, ("compares",)),
    LivePage("cutover", "Cutover", _WORK, cutover.context, ("swap",)),
    LivePage("criteria", "Replication criteria", _MANAGEMENT, criteria.context, ("changes", "rules")),
    LivePage("files", "File roots", _MANAGEMENT, files.context, ("list",)),
    _list(lists.JOURNAL, "Journal (M9)", _HEALTH),
)
PAGES = {page.key: page for page in _ALL}


def context(page: LivePage, view: PairView) -> dict[str, Any]:
    """Everything that a page and its parts need."""
    shared = {
        "page": page,
        "pair": view.pair,
        "viewer": view.viewer,
        "now": view.now,
        "stands": view.stands,
        "needs": view.needs,
        "announcement": view.announcement,
        "socket": page.address(view.pair, view.query),
    }
    return {**shared, **page.context(view)}


def render(page: LivePage, view: PairView) -> Parts:
    """The live parts of a page, by the ids of their elements."""
    given = context(page, view)
    parts = {name: render_to_string(f"{page.folder}/_{name}.html", given) for name in page.parts}
    strip = render_to_string("strip.html", given)
    return {"strip": strip, **parts, "announcement": escape(given["announcement"])}


def look(pair_id: int, viewer: Viewer) -> PairView | None:
    """A pair read anew, with what all its pages share; None where it is gone."""
    pair = Pair.objects.select_related("source", "copy").filter(pk=pair_id).first()
    if pair is None:
        return None
    view = PairView(pair, viewer)
    _ = view.stands, view.needs
    return view


def render_pair(
    pair_id: int, key: str, viewer: Viewer, query: Mapping[str, str] | None = None
) -> Parts | None:
    """The live parts of a page of a pair that is read anew; None where it is gone."""
    view = look(pair_id, viewer)
    return render(PAGES[key], view.of(query or {})) if view else None


def render_home() -> Parts:
    """The live parts of the list of pairs."""
    given = home.home_context()
    pairs = render_to_string("home/_pairs.html", given)
    return {"pairs": pairs, "announcement": escape(given["announcement"])}


def message(parts: Parts) -> str:
    """What htmx swaps in: each part into the element of its id."""
    return "".join(
        f'<hx-partial hx-target="#{name}" hx-swap="innerMorph">{html}</hx-partial>'
        for name, html in parts.items()
    )


def navigation(here: LivePage, pair: Pair) -> list[tuple[str, list[dict[str, Any]]]]:
    """The pages by their groups, for the menu."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for page in _ALL:
        entry = {"label": page.label, "address": page.address(pair), "here": page is here}
        groups.setdefault(page.group, []).append(entry)
    return list(groups.items())
