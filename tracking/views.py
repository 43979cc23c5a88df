"""The live pages, and what is asked of the lists."""

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mwaportal import doorbell
from mwaportal.access import OPERATE, VIEW, needs, viewers
from nodes.forms import RuleForm
from nodes.models import Pair, StoragePool
from nodes.views import carry_out

from . import exports, pages, support, tables
from .listing.views import back
from .models import CompareRun, DefinitionEntry, Entry, MigratedObject, OtherObject
from .pages.home import home_context


@require_safe
@needs(VIEW)
def home(request: HttpRequest) -> HttpResponse:
    """All pairs."""
    if request.htmx:
        return HttpResponse(pages.message(pages.render_home()))
    return render(request, "home/page.html", home_context())


@require_safe
@needs(VIEW)
def object_types(request: HttpRequest) -> HttpResponse:
    """Which types of object travel, and how."""
    return render(request, "object_types.html", {"table": tables.SupportTable(support.rows())})


@require_safe
@needs(VIEW)
def show(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """A page of a pair."""
    found = get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)
    return page_of(request, found, key)


def page_of(request: HttpRequest, pair: Pair, key: str, **more: object) -> HttpResponse:
    """A page of a pair, with `more` for what of it is not live; for htmx its live parts alone."""
    page = pages.PAGES[key]
    viewer = viewers([request.user.pk])[request.user.pk]
    view = pages.PairView(pair, viewer, page.taken(request.GET))
    if request.htmx:
        return HttpResponse(pages.message(pages.render(page, view)))
    given = {**pages.context(page, view), "groups": pages.navigation(page, pair), **more}
    return render(request, f"{page.folder}/page.html", given)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def criteria(request: HttpRequest, name: str) -> HttpResponse:
    """The replication criteria of a pair; a post adds a rule."""
    pairs = Pair.objects.select_related("source", "copy")
    found = get_object_or_404(pairs.filter(pools__isnull=False).distinct(), name=name)
    if request.method == "POST":
        return _add_rule(request, found)
    return page_of(request, found, "criteria", form=RuleForm(found))


@needs(OPERATE)
def _add_rule(request: HttpRequest, found: Pair) -> HttpResponse:
    form = RuleForm(found, request.POST)
    if not form.added(request.user.username):
        return page_of(request, found, "criteria", form=form)
    doorbell.ring(found.pk)
    doorbell.notify(found.pk)
    return redirect("criteria", name=found.name)


@require_safe
@needs(VIEW)
def export(request: HttpRequest, view: str, form: str) -> StreamingHttpResponse:
    """A view of schema qsys2 as a file, of one pair where ?pair= names it."""
    if view not in exports.VIEWS or form not in exports.FORMATS:
        raise Http404(f"'{view}.{form}' is not a view in a format that there is")
    name = request.GET.get("pair")
    if name is not None:
        get_object_or_404(Pair, name=name)
    kind, pieces = exports.FORMATS[form]
    parts = (view, slugify(name or ""), f"{timezone.now():%Y-%m-%d}")
    called = content_disposition_header(True, f"{'-'.join(filter(None, parts))}.{form}")
    answer = exports.sent(pieces(view, name))
    return StreamingHttpResponse(answer, content_type=kind, headers={"Content-Disposition": called})


@require_POST
@needs(OPERATE)
def compare(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Have a pool compared; the engine picks the run up."""
    pool = get_object_or_404(StoragePool.objects.select_related("pair"), pair__name=name, number=number)
    return carry_out(request, pool.pair, lambda: CompareRun.request(pool), page="compare")


@require_POST
@needs(OPERATE)
def definition(request: HttpRequest, name: str, pk: int, act: str) -> HttpResponse:
    """Have a definition tried again, ticked off, set aside ..."""
    found = get_object_or_404(DefinitionEntry, pk=pk, pool__pair__name=name)
    return _carry_out_act(request, found, act, "definitions")


@require_POST
@needs(OPERATE)
def other(request: HttpRequest, name: str, pk: int, act: str) -> HttpResponse:
    """The same with another object."""
    found = get_object_or_404(OtherObject, pk=pk, pool__pair__name=name)
    return _carry_out_act(request, found, act, "objects")


def _carry_out_act(request: HttpRequest, entry: Entry, act: str, page: str) -> HttpResponse:
    if act not in entry.ACTS:
        raise Http404(f"'{act}' is none of {', '.join(entry.ACTS)}")
    value = request.POST.get(f"priority-{entry.pk}", "").strip()
    username = request.user.username
    asked = carry_out(request, entry.pool.pair, lambda: entry.act(act, username, value), page=page)
    return back(request, asked, page)


@require_POST
@needs(OPERATE)
def forget_migrated(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Take an object out of the history."""
    found = get_object_or_404(MigratedObject, pk=pk, pool__pair__name=name)
    username = request.user.username
    asked = carry_out(request, found.pool.pair, lambda: found.remove(username), page="migrated")
    return back(request, asked, "migrated")
