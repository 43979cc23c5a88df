"""The page of a pair's properties; a post changes them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from mwaportal import doorbell
from mwaportal.access import OPERATE, VIEW, needs
from nodes.models import Pair
from nodes.property_form import PropertiesForm

from .views import page_of


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def properties(request: HttpRequest, name: str) -> HttpResponse:
    """The properties of a pair."""
    pair = get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)
    if request.method == "POST":
        return _change(request, pair)
    return page_of(request, pair, "properties", form=PropertiesForm(pair))


@needs(OPERATE)
def _change(request: HttpRequest, pair: Pair) -> HttpResponse:
    form = PropertiesForm(pair, request.POST)
    if not form.changed(request.user.username):
        return page_of(request, pair, "properties", form=form)
    doorbell.ring(pair.pk)
    doorbell.notify(pair.pk)
    messages.success(request, f"The properties of {pair} are saved.")
    return redirect("properties", name=pair.name)
