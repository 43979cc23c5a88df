"""What people ask of a pair: each view parses, calls one method of the model, and rings the doorbell."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from mwaportal import doorbell
from mwaportal.access import APPROVE, OPERATE, REQUEST, needs

from .models import CriteriaChange, CriteriaRule, Pair, SwapRequest

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
    return carry_out(request, pair, lambda: SwapRequest.request(pair, request.user), page="cutover")


@require_POST
@needs(APPROVE)
def approve_swap(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Approve the plan whose digest was shown with the button."""
    swap = get_object_or_404(SwapRequest, pk=pk, pair__name=name)
    digest = request.POST.get("digest", "")
    return carry_out(request, swap.pair, lambda: swap.approve(request.user, digest), page="cutover")


@require_POST
@needs(APPROVE)
def reject_swap(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Turn a request down."""
    swap = get_object_or_404(SwapRequest, pk=pk, pair__name=name)
    return carry_out(request, swap.pair, lambda: swap.reject(request.user), page="cutover")


@require_POST
@needs(REQUEST)
def cancel_swap(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Withdraw one's own request."""
    swap = get_object_or_404(SwapRequest, pk=pk, pair__name=name)
    return carry_out(request, swap.pair, lambda: swap.cancel(request.user), page="cutover")


@require_POST
@needs(OPERATE)
def remove_rule(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Have a rule of the replication criteria go with the pending change of the label that was given."""
    rule = get_object_or_404(CriteriaRule.objects.select_related("pool__pair"), pk=pk, pool__pair__name=name)
    label = request.POST.get("label", "").strip()
    return carry_out(
        request, rule.pool.pair, lambda: rule.remove(label, request.user.username), page="criteria"
    )


@require_POST
@needs(OPERATE)
def commit_criteria(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Have a pending change of the replication criteria take effect."""
    change = _change(name, pk)
    return carry_out(request, change.pool.pair, lambda: change.commit(request.user.username), page="criteria")


@require_POST
@needs(OPERATE)
def roll_back_criteria(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Forget a pending change of the replication criteria."""
    change = _change(name, pk)
    return carry_out(request, change.pool.pair, change.roll_back, page="criteria")


def _change(name: str, pk: int) -> CriteriaChange:
    changes = CriteriaChange.objects.select_related("pool__pair")
    return get_object_or_404(changes, pk=pk, pool__pair__name=name)


def carry_out(
    request: HttpRequest, pair: Pair, act: Callable[[], object], *, page: str = "pair"
) -> HttpResponse:
    """Do it, wake the engine and the open pages, and go back to the pair; a refusal is shown there."""
    try:
        act()
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
    else:
        doorbell.ring(pair.pk)
        doorbell.notify(pair.pk)
    return redirect(page, name=pair.name)
