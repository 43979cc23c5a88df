"""The live pages, and what is asked of the lists."""

from datetime import UTC, datetime
from functools import partial

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
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
from .listing import exported
from .listing.lists import LISTS
from .listing.views import back, listing_of
from .models import (
    CompareRun,
    DefinitionEntry,
    Entry,
    Introduction,
    Inventory,
    MigratedObject,
    NodeJobs,
    NodeRequest,
    OtherObject,
)
from .pages.home import home_context


@require_safe
@needs(VIEW)
def home(request: HttpRequest) -> HttpResponse:
    """All pairs."""
    if request.htmx:
        return HttpResponse(pages.message(pages.render_home()))
    introductions = Introduction.unread_by(request.user)
    return render(request, "home/page.html", {**home_context(), "introductions": introductions})


@require_POST
@needs(VIEW)
def introduction_read(request: HttpRequest, name: str) -> HttpResponse:
    """Do not explain this pair to this person any more."""
    get_object_or_404(Introduction, pair__name=name).read_by.add(request.user)
    return redirect("home")


@require_safe
@needs(VIEW)
def object_types(request: HttpRequest) -> HttpResponse:
    """Which types of object travel, and how."""
    given = {name: request.GET.get(name, "")[:200] for name in ("list", "stage", "name")}
    table = tables.SupportTable(support.chosen(given))
    return render(request, "object_types.html", {"table": table, **support.filter_of(given)})


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
def export(request: HttpRequest, view: str, form: str) -> HttpResponseBase:
    """A view of schema qsys2 as a file, of one pair where ?pair= names it.

    With ?list= it has only what this list of the pair shows with the parameters that its page takes.
    """
    if view not in exports.VIEWS or form not in exports.FORMATS:
        raise Http404(f"'{view}.{form}' is not a view in a format that there is")
    name, key = request.GET.get("pair"), request.GET.get("list", "")
    pairs = Pair.objects.select_related("source", "copy")
    pair = None if name is None else get_object_or_404(pairs, name=name)
    try:
        only = _entries(request, pair, view, key) if key else None
    except ValidationError as refusal:
        refused = {"reasons": refusal.messages, "back": reverse(key, args=[name])}
        return render(request, "refused.html", refused, status=400)
    kind, pieces = exports.FORMATS[form]
    parts = (view, key, slugify(name or ""), f"{timezone.now():%Y-%m-%d}")
    called = content_disposition_header(True, f"{'-'.join(filter(None, parts))}.{form}")
    answer = exports.sent(pieces(view, name, only=only))
    return StreamingHttpResponse(answer, content_type=kind, headers={"Content-Disposition": called})


def _entries(request: HttpRequest, pair: Pair | None, view: str, key: str) -> exports.Entries:
    """What the list shows; raises `ValidationError` where its filter cannot be read."""
    if pair is None or exported.VIEWS.get(key, ("",))[0] != view:
        raise Http404(f"'{key}' is no list of {view} of one pair")
    query = pages.PAGES[key].taken(request.GET)
    return exported.entries(listing_of(request, pair, LISTS[key], query))


@require_POST
@needs(OPERATE)
def count_types(request: HttpRequest, name: str) -> HttpResponse:
    """Have the engine count the primary's objects by type."""
    pair = get_object_or_404(Pair, name=name)
    return carry_out(request, pair, lambda: [Inventory.ask(each) for each in pair.pools.all()], page="types")


@require_POST
@needs(OPERATE)
def compare(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Have a pool compared; the engine picks the run up."""
    pool = get_object_or_404(StoragePool.objects.select_related("pair"), pair__name=name, number=number)
    return carry_out(
        request, pool.pair, lambda: CompareRun.request(pool, by=request.user.username), page="compare"
    )


@require_POST
@needs(OPERATE)
def control_point(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Have the engine force a control point on a pool's primary."""
    pool = _pool(name, number)
    act = partial(NodeRequest.control_point, pool, request.user.username)
    return carry_out(request, pool.pair, act, page="synchronization")


@require_POST
@needs(OPERATE)
def end_session(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Have the engine end the session that was shown with the button, and no other."""
    pool = _pool(name, number)
    try:
        role, pid, began = request.POST.get("session", "").split()
        session = (NodeJobs.Role(role), int(pid), datetime.fromisoformat(began).astimezone(UTC))
    except (ValueError, OverflowError):
        raise Http404("needed is a session: the role of its node, its pid, and when it began") from None
    act = partial(NodeRequest.end_session, pool, *session, by=request.user.username)
    return carry_out(request, pool.pair, act, page="synchronization")


def _pool(name: str, number: int) -> StoragePool:
    pools = StoragePool.objects.select_related("pair__source", "pair__copy")
    return get_object_or_404(pools, pair__name=name, number=number)


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
