"""What is asked of compares: to begin, to stop, to look again, and when to begin by themselves."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from mwaportal import doorbell
from mwaportal.access import OPERATE, VIEW, needs
from nodes.models import Pair
from nodes.views import carry_out

from .compare_forms import CompareForm, ScheduleForm
from .models import CompareResult, CompareRun, FileCompare
from .pages.compared import number
from .views import page_of


@require_safe
@needs(VIEW)
def page(request: HttpRequest, name: str) -> HttpResponse:
    """The compares of a pair, or one of them."""
    pair = _pair(name)
    return page_of(request, pair, "compare", form=CompareForm(pair), schedule_form=ScheduleForm(pair))


@require_POST
@needs(OPERATE)
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Have what was chosen compared; the engine picks it up."""
    pair = _pair(name)
    form = CompareForm(pair, request.POST)
    if not form.asked(request.user.username):
        return page_of(request, pair, "compare", form=form, schedule_form=ScheduleForm(pair))
    return _done(pair)


@require_POST
@needs(OPERATE)
def schedule(request: HttpRequest, name: str) -> HttpResponse:
    """Set when a pair is compared by itself."""
    pair = _pair(name)
    form = ScheduleForm(pair, request.POST)
    if not form.put(request.user.username):
        return page_of(request, pair, "compare", form=CompareForm(pair), schedule_form=form)
    return _done(pair)


@require_POST
@needs(OPERATE)
def stop(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Have a compare of tables end."""
    found = get_object_or_404(CompareRun.objects.select_related("pool__pair"), pk=pk, pool__pair__name=name)
    return carry_out(request, found.pool.pair, lambda: found.stop(request.user.username), page="compare")


@require_POST
@needs(OPERATE)
def stop_files(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Have a compare of files end."""
    found = get_object_or_404(FileCompare.objects.select_related("root__pair"), pk=pk, root__pair__name=name)
    return carry_out(request, found.root.pair, lambda: found.stop(request.user.username), page="compare")


@require_POST
@needs(OPERATE)
def again(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Have a table compared again, or of it only the rows that differed: all (`rows`), or one (`row`)."""
    results = CompareResult.objects.select_related("run__pool__pair")
    found = get_object_or_404(results, pk=pk, run__pool__pair__name=name)
    asked: list[CompareRun] = []

    def ask() -> None:
        keys = _keys(found, request)
        scope = {"schema": found.schema, "name": found.name, "keys": keys}
        asked.append(CompareRun.request(found.run.pool, by=request.user.username, **scope))

    answer = carry_out(request, found.run.pool.pair, ask, page="compare")
    return redirect(f"{reverse('compare', args=[name])}?run={asked[0].pk}") if asked else answer


def _keys(found: CompareResult, request: HttpRequest) -> list[str]:
    """Those that were asked for, of the rows that are kept; raises `ValidationError` where they have none."""
    keys = [row.get("key") for row in found.differences]
    if "row" in request.POST:
        place = number(request.POST["row"])
        keys = keys[place : place + 1] if place is not None else []
    elif "rows" not in request.POST:
        return []
    if not keys or None in keys:
        raise ValidationError(
            f"no row of {found.schema}.{found.name} with a key was named; needed is one that differed"
        )
    return keys


def _done(pair: Pair) -> HttpResponse:
    doorbell.ring(pair.pk)
    doorbell.notify(pair.pk)
    return redirect("compare", name=pair.name)


def _pair(name: str) -> Pair:
    return get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)
