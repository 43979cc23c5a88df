"""The live pages, and what is asked of the lists."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from mwaportal.access import OPERATE, VIEW, needs, viewers
from nodes.models import Pair, StoragePool
from nodes.views import carry_out

from .models import CompareRun, DefinitionEntry
from .page import home_context, pair_context


@require_safe
@needs(VIEW)
def home(request: HttpRequest) -> HttpResponse:
    """All pairs."""
    return render(request, "pairs/home.html", home_context())


@require_safe
@needs(VIEW)
def pair(request: HttpRequest, name: str) -> HttpResponse:
    """One pair."""
    found = get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)
    viewer = viewers([request.user.pk])[request.user.pk]
    return render(request, "pairs/pair.html", pair_context(found, viewer))


@require_POST
@needs(OPERATE)
def compare(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Have a pool compared; the engine picks the run up."""
    pool = get_object_or_404(StoragePool.objects.select_related("pair"), pair__name=name, number=number)
    return carry_out(request, pool.pair, lambda: CompareRun.request(pool))


@require_POST
@needs(OPERATE)
def tick_off(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """A definition has been carried by hand."""
    entry = get_object_or_404(DefinitionEntry, pk=pk, pool__pair__name=name)
    return carry_out(request, entry.pool.pair, lambda: entry.tick_off(request.user.username))
