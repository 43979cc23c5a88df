"""What is asked of the health center and the flight recorder."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mwaportal import doorbell
from mwaportal.access import OPERATE, VIEW, needs
from nodes.models import Pair
from nodes.views import carry_out

from . import bundle, exports, recorder, recorder_lines
from .health_forms import HealthForm, RecorderForm, record
from .models import Alert
from .views import page_of


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def health(request: HttpRequest, name: str) -> HttpResponse:
    """The health center; a post changes its thresholds."""
    return _with_form(request, name, "health", HealthForm)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(VIEW)
def flight_recorder(request: HttpRequest, name: str) -> HttpResponse:
    """The flight recorder; a post changes what is recorded and kept."""
    return _with_form(request, name, "recorder", RecorderForm)


def _with_form(
    request: HttpRequest, name: str, key: str, kind: type[HealthForm] | type[RecorderForm]
) -> HttpResponse:
    pair = get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)
    if request.method == "POST":
        return _save(request, pair, key, kind)
    form = kind(pair) if request.user.has_perm(OPERATE) else None
    return page_of(request, pair, key, form=form)


@needs(OPERATE)
def _save(
    request: HttpRequest, pair: Pair, key: str, kind: type[HealthForm] | type[RecorderForm]
) -> HttpResponse:
    form = kind(pair, request.POST)
    if not form.is_valid():
        return page_of(request, pair, key, form=form)
    form.save()
    if said := form.said_of():
        record(pair, request.user.username, said)
    recorder.recorder().look_again()
    doorbell.notify(pair.pk)
    return redirect(key, name=pair.name)


@require_POST
@needs(OPERATE)
def acknowledge(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Somebody knows of an alert."""
    alert = get_object_or_404(Alert.objects.select_related("pair"), pk=pk, pair__name=name)
    return carry_out(request, alert.pair, lambda: alert.acknowledge(request.user.username), page="health")


@require_safe
@needs(VIEW)
def lines(request: HttpRequest, name: str) -> StreamingHttpResponse:
    """The lines of the flight recorder that the same filter shows, as CSV."""
    pair = get_object_or_404(Pair, name=name)
    return _sent(pair, "recorder", "csv", "text/csv; charset=utf-8", recorder_lines.as_csv(pair, request.GET))


@require_safe
@needs(OPERATE)
def support_bundle(request: HttpRequest, name: str) -> StreamingHttpResponse:
    """Everything that helps somebody else to help, without secrets."""
    pair = get_object_or_404(Pair.objects.select_related("source", "copy"), name=name)
    record(pair, request.user.username, "downloaded a support bundle")
    return _sent(pair, "support", "zip", "application/zip", bundle.pieces(pair, request.user.username))


def _sent(
    pair: Pair, what: str, form: str, kind: str, pieces: Iterator[str] | Iterator[bytes]
) -> StreamingHttpResponse:
    parts = (what, slugify(pair.name), f"{timezone.now():%Y-%m-%d-%H%M}")
    called = content_disposition_header(True, f"{'-'.join(filter(None, parts))}.{form}")
    answer = exports.sent(pieces)
    return StreamingHttpResponse(answer, content_type=kind, headers={"Content-Disposition": called})
