"""What is asked of many entries of a list at once; and how whoever asks comes back to what was shown."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from mwaportal.access import OPERATE, needs, viewers
from nodes.models import Pair
from nodes.views import carry_out
from tracking import pages

from . import bulk
from .lists import LISTS
from .page import LIVE, Listing
from .spec import Spec


@require_POST
@needs(OPERATE)
def ask(request: HttpRequest, name: str, key: str, act: str) -> HttpResponse:
    """Ask one thing of the ticked entries, or (with ?all) of all that match the filter that was shown."""
    spec = LISTS.get(key)
    if spec is None or act not in spec.acts:
        raise Http404(f"'{act}' of many entries of '{key}' is not something that can be asked")
    pair = get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)
    asked = carry_out(request, pair, lambda: _ask(request, pair, spec, act), page=key)
    return back(request, asked, key)


def back(request: HttpRequest, response: HttpResponse, key: str) -> HttpResponse:
    """Lead to the list as it was filtered and paged when the button was pressed."""
    if query := _shown(request, key):
        response["Location"] += f"?{urlencode(query)}"
    return response


def _ask(request: HttpRequest, pair: Pair, spec: Spec, act: str) -> None:
    value, username = request.POST.get("priority", "").strip(), request.user.username
    listing = listing_of(request, pair, spec, _shown(request, spec.key))
    asked = bulk.ask(spec, _keys(request, listing), act, username, value)
    if asked.done or asked.refused or asked.under_way:
        say = messages.success if asked.done and not asked.refused else messages.warning
        say(request, f"{spec.acts[act]}: {asked}")
    else:
        raise ValidationError(
            listing.trouble or "No entry was ticked, or none matches; needed is at least one."
        )


def _keys(request: HttpRequest, listing: Listing) -> Iterable[int]:
    """Of this pair only."""
    if "all" in request.GET:
        if listing.form.errors:
            raise ValidationError("Nothing was done, because the filter cannot be read.")
        return listing.all_keys()
    ticked = {int(key) for key in request.POST.getlist("row") if key.isdecimal() and len(key) < 19}
    listing.view.query["rows"] = ",".join(map(str, sorted(ticked)))
    return [row.pk for row in listing.rows] if ticked else []


def listing_of(request: HttpRequest, pair: Pair, spec: Spec, query: dict[str, str]) -> Listing:
    """A list as it is asked for by these parameters of its page."""
    viewer = viewers([request.user.pk])[request.user.pk]
    return Listing(spec, pages.PairView(pair, viewer, query))


def _shown(request: HttpRequest, key: str) -> dict[str, str]:
    """What the list was filtered by, from the page's own field."""
    given = QueryDict(request.POST.get("here", "")[:8_000].encode("utf-8", "replace"))
    taken = pages.PAGES[key].taken(given)
    return {name: value for name, value in taken.items() if name not in LIVE}
