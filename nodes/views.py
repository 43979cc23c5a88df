"""What people ask of a pair: each view parses, calls one method of the model, and rings the doorbell."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from mwaportal import doorbell
from mwaportal.access import APPROVE, OPERATE, REQUEST, needs

from .models import Pair, SwapRequest

_GOALS = {"start": Pair.Goal.SYNC, "pause": Pair.Goal.PAUSED}


@require_POST
@needs(OPERATE)
def ask(request: HttpRequest, name: str, how: str) -> HttpResponse:
    """Start or pause."""
    pair = get_object_or_404(Pair, name=name)
    return carry_out(request, pair, lambda: pair.ask(_GOALS[how], request.user.username))


@require_POST
@needs(REQUEST)
def request_swap(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for a role swap."""
    pair = get_object_or_404(Pair, name=name)
    return carry_out(request, pair, lambda: SwapRequest.request(pair, request.user))


@require_POST
@needs(APPROVE)
def approve_swap(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Approve the plan whose digest was shown with the button."""
    swap = get_object_or_404(SwapRequest, pk=pk, pair__name=name)
    digest = request.POST.get("digest", "")
    return carry_out(request, swap.pair, lambda: swap.approve(request.user, digest))


@require_POST
@needs(APPROVE)
def reject_swap(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Turn a request down."""
    swap = get_object_or_404(SwapRequest, pk=pk, pair__name=name)
    return carry_out(request, swap.pair, lambda: swap.reject(request.user))


@require_POST
@needs(REQUEST)
def cancel_swap(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Withdraw one's own request."""
    swap = get_object_or_404(SwapRequest, pk=pk, pair__name=name)
    return carry_out(request, swap.pair, lambda: swap.cancel(request.user))


def carry_out(request: HttpRequest, pair: Pair, act: Callable[[], object]) -> HttpResponse:
    """Do it, wake the engine and the open pages, and go back to the pair; a refusal is shown there."""
    try:
        act()
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        doorbell.ring(pair.pk)
        doorbell.notify(pair.pk)
    return redirect("pair", name=pair.name)
