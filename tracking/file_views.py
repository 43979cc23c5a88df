"""The page of a pair's file roots, and what is asked of them and of the IFS tracking list."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from mwaportal import doorbell
from mwaportal.access import OPERATE, VIEW, needs
from nodes.models import FileRoot, Pair
from nodes.views import carry_out

from . import fileroots
from .forms import RootForm
from .listing.views import back
from .models import FileChange, FileCompare
from .views import page_of


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def roots(request: HttpRequest, name: str) -> HttpResponse:
    """The file roots of a pair; a post adds one."""
    pairs = Pair.objects.select_related("source", "copy")
    found = get_object_or_404(pairs.filter(pools__isnull=False).distinct(), name=name)
    if request.method == "POST":
        return _add(request, found)
    return page_of(request, found, "files", form=RootForm(found))


@needs(OPERATE)
def _add(request: HttpRequest, found: Pair) -> HttpResponse:
    form = RootForm(found, request.POST)
    if not form.added(request.user.username):
        return page_of(request, found, "files", form=form)
    doorbell.ring(found.pk)
    doorbell.notify(found.pk)
    return redirect("files", name=found.name)


@require_POST
@needs(OPERATE)
def remove(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """End the tracking of a root."""
    root = _root(name, number)
    return carry_out(request, root.pair, lambda: fileroots.remove(root, request.user.username), page="files")


@require_POST
@needs(OPERATE)
def compare(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Have a root compared, by content unless `metadata` is given; the engine picks it up."""
    root, content = _root(name, number), "metadata" not in request.POST
    return carry_out(
        request, root.pair, lambda: FileCompare.request(root, content=content, by=request.user.username)
    )


@require_POST
@needs(OPERATE)
def act(request: HttpRequest, name: str, pk: int, act: str) -> HttpResponse:
    """Have a file tried again, set aside ..."""
    if act not in FileChange.ACTS:
        raise Http404(f"'{act}' is none of {', '.join(FileChange.ACTS)}")
    entries = FileChange.objects.select_related("root__pair")
    entry = get_object_or_404(entries, pk=pk, root__pair__name=name)
    asked = carry_out(request, entry.root.pair, lambda: entry.act(act, request.user.username), page="paths")
    return back(request, asked, "paths")


def _root(name: str, number: int) -> FileRoot:
    roots = FileRoot.objects.select_related("pair__source", "pair__copy")
    return get_object_or_404(roots, pair__name=name, number=number)
