"""Setting a pair up: its nodes, its databases, and the preflight."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from mwaportal import doorbell
from mwaportal.access import OPERATE, VIEW, needs
from nodes import defining
from nodes.models import Pair
from nodes.setup_forms import NameForm, NodeForm, add_pair
from nodes.views import carry_out

from .database_choice import Choice
from .models import PreflightRun
from .setup_steps import first_steps
from .views import page_of

_SIDES = ("source", "copy")
_ANY_METHOD = ["GET", "HEAD", "POST"]


@require_http_methods(_ANY_METHOD)
@needs(OPERATE)
def new_pair(request: HttpRequest) -> HttpResponse:
    """The first step: a name and two nodes. A node stays defined, whatever else is wrong."""
    given = request.POST if request.method == "POST" else None
    name, sides = NameForm(given), [NodeForm(side, given) for side in _SIDES]
    if given is not None:
        found = [form.resolved(request.user.username) for form in sides]
        for number, node in enumerate(found):
            if node is not None:
                _tell_away(request, sides[number])
                sides[number] = NodeForm(_SIDES[number], initial={"node": node.pk})
        if None not in found and (pair := add_pair(name, *found)):
            _ring(pair)
            return redirect("databases", name=pair.name)
        name.is_valid()
    given = {"name_form": name, "node_forms": sides, "steps": first_steps()}
    return render(request, "setup/new.html", given)


def _tell_away(request: HttpRequest, form: NodeForm) -> None:
    if form.why:
        messages.warning(request, f"The {form.side} is defined and does not answer: {form.why}")


@require_http_methods(_ANY_METHOD)
@needs(VIEW)
def databases(request: HttpRequest, name: str) -> HttpResponse:
    """The databases of a pair; a post chooses them."""
    pair = _pair(name)
    if request.method == "POST":
        return _choose(request, pair)
    if request.htmx or not _may_choose(request, pair):
        return page_of(request, pair, "databases", choice=None)
    return page_of(request, pair, "databases", choice=Choice.offered_by(pair))


@needs(OPERATE)
def _choose(request: HttpRequest, pair: Pair) -> HttpResponse:
    choice = Choice.of(pair, request.POST)
    try:
        defining.set_databases(pair, choice.in_order())
    except ValidationError as refusal:
        pair = _pair(pair.name)
        if not _may_choose(request, pair):  # it was started meanwhile
            messages.error(request, " ".join(refusal.messages))
            return redirect("databases", name=pair.name)
        choice.refused = refusal.messages
        return page_of(request, pair, "databases", choice=choice)
    _ring(pair)
    return redirect("files", name=pair.name)


def _may_choose(request: HttpRequest, pair: Pair) -> bool:
    return request.user.has_perm(OPERATE) and pair.untouched and not pair.goal


@require_POST
@needs(OPERATE)
def preflight(request: HttpRequest, name: str) -> HttpResponse:
    """Have a pair looked at; with `create` the databases are made that the copy lacks."""
    pair, create = _pair(name), "create" in request.POST
    username = request.user.username
    return carry_out(
        request, pair, lambda: PreflightRun.request(pair, username, create_databases=create), page="setup"
    )


def _pair(name: str) -> Pair:
    return get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)


def _ring(pair: Pair) -> None:
    doorbell.ring(pair.pk)
    doorbell.notify(pair.pk)
