"""The nodes of a pair: another connection string for one, and where its files are."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods

from mwaportal import doorbell
from mwaportal.access import OPERATE, VIEW, needs
from nodes.models import Node, Pair
from nodes.setup_forms import ConninfoForm

from . import nodefiles
from .node_forms import FilesForm
from .views import page_of

_SIDES = ("source", "copy")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def nodes(request: HttpRequest, name: str) -> HttpResponse:
    """Both nodes; a post changes one of them."""
    pair = get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)
    forms = {side: ConninfoForm(prefix=side) for side in _SIDES if not getattr(pair, side).directory}
    files = {side: _files_form(side, getattr(pair, side)) for side in _SIDES}
    if request.method == "POST":
        return _change(request, pair, forms, files)
    return page_of(request, pair, "nodes", forms=forms, files=files)


@needs(OPERATE)
def _change(
    request: HttpRequest, pair: Pair, forms: dict[str, ConninfoForm], files: dict[str, FilesForm]
) -> HttpResponse:
    username = request.user.username
    side, where = request.POST.get("side", ""), request.POST.get("files", "")
    if side in forms:
        forms[side] = ConninfoForm(request.POST, prefix=side)
        if forms[side].replaced(getattr(pair, side), username):
            return _done(request, pair, f"Node {getattr(pair, side)} has another connection string now.")
    elif where in files:
        node = getattr(pair, where)
        files[where] = FilesForm(request.POST, prefix=f"{where}-files")
        if files[where].kept(node, username):
            return _done(
                request, pair, f"The files of {node} are on {node.file_host}; its host key is pinned."
            )
    elif (here := request.POST.get("here", "")) in files:
        nodefiles.forget(getattr(pair, here), username)
        text = f"The files of {getattr(pair, here)} are on the portal's host; the key is forgotten."
        return _done(request, pair, text)
    return page_of(request, pair, "nodes", forms=forms, files=files)


def _files_form(side: str, node: Node) -> FilesForm:
    known = {"host": node.file_host, "port": node.file_port, "user": node.file_user}
    return FilesForm(prefix=f"{side}-files", initial=known)


def _done(request: HttpRequest, pair: Pair, said: str) -> HttpResponse:
    for each in Pair.objects.filter(source__in=(pair.source, pair.copy)) | Pair.objects.filter(
        copy__in=(pair.source, pair.copy)
    ):
        doorbell.ring(each.pk)
        doorbell.notify(each.pk)
    messages.success(request, said)
    return redirect("nodes", name=pair.name)
