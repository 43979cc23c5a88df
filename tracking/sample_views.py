"""What was measured of a pool, as data: for the chart of a page, and for whoever wants the figures."""

from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from mwaportal.access import VIEW, needs
from nodes.models import Pair, StoragePool

from . import charts
from .pages import overview


@require_safe
@needs(VIEW)
def samples(request: HttpRequest, name: str) -> JsonResponse:
    """The samples of ?pool= in the last ?minutes=; 404 where there is no such pool."""
    pair = get_object_or_404(Pair, name=name)
    pool = overview.choose(pair, request.GET.get("pool", ""))
    if not isinstance(pool, StoragePool):
        raise Http404(f"pair {name} has no such pool")
    minutes = charts.minutes_of(request.GET.get("minutes", ""))
    return JsonResponse(charts.data(pool, timezone.now(), minutes))
