"""The pages of a pair: what each is called, where it lies, and which parts of it are live.

The same partials are rendered in the page, for htmx where sockets are blocked, and by the socket.
"""

from collections.abc import Mapping
from typing import Any

from django.template.loader import render_to_string
from django.utils.functional import SimpleLazyObject
from django.utils.html import escape

from mwaportal.access import Viewer
from nodes.models import Pair
from tracking.setup_steps import wizard

from . import home
from .livepage import LivePage
from .registry import ALL
from .view import PairView

Parts = dict[str, str]
PAGES = {page.key: page for page in ALL}


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
        "wizard": SimpleLazyObject(lambda: wizard(view, page.key)),  # it is not in a live part
    }
    given = {**shared, **page.context(view)}
    if more := given.pop("socket_more", None):
        given["socket"] = page.address(view.pair, {**view.query, **more})
    return given


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
    for page in ALL:
        entry = {"label": page.label, "address": page.address(pair), "here": page is here}
        groups.setdefault(page.group, []).append(entry)
    return list(groups.items())
