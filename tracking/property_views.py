"""The page of the properties of a pair and its pools; a post changes those of one of them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from mwaportal import doorbell
from mwaportal.access import OPERATE, VIEW, needs
from nodes.models import Pair, StoragePool
from nodes.property_form import PropertiesForm

from .views import page_of


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def properties(request: HttpRequest, name: str, number: int | None = None) -> HttpResponse:
    """The properties of a pair; with a number the form is that of a pool."""
    pair = get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)
    holder = pair if number is None else get_object_or_404(pair.pools, number=number)
    if request.method == "POST":
        return _change(request, pair, holder)
    return page_of(request, pair, "properties", form=PropertiesForm(holder))


@needs(OPERATE)
def _change(request: HttpRequest, pair: Pair, holder: Pair | StoragePool) -> HttpResponse:
    form = PropertiesForm(holder, request.POST)
    if not form.changed(request.user.username):
        return page_of(request, pair, "properties", form=form)
    doorbell.ring(pair.pk)
    doorbell.notify(pair.pk)
    messages.success(request, f"The properties of {form.of} are saved.")
    return redirect(form.of.address)
