"""The cutover: the plan, the open role swap, its checks with numbers, the estimate; those that are over."""

from typing import Any

from django.urls import reverse

from mwaportal import shown
from nodes import status, swap_checks
from nodes.actions import swap_actions
from nodes.models import SwapRequest
from nodes.swap_checks import SwapCheck
from tracking import swap_outlook

from .compared import number
from .view import PairView

TAKES = frozenset({"before"})
_PAGE = 10
_WORST_FIRST = [value for value, _ in status.SWAP_CHECK.choices]


def context(view: PairView) -> dict[str, Any]:
    """What its partials need."""
    swap = view.swap
    estimate = swap_outlook.estimate(view.pair)
    decided = swap is not None and swap.state in status.BUSY_SWAP
    checks = [] if decided and swap.state != "APPROVED" else _checks(view)
    past, more = _past(view)
    return {
        "swap": swap,
        "swap_actions": swap_actions(swap, view.viewer) if swap else [],
        "in_the_way_of_swap": view.in_the_way_of_swap,
        "plan": None if swap else SwapRequest.plan_for(view.pair),
        "may_request": view.viewer.request and not swap and not view.in_the_way_of_swap,
        "estimate": estimate,
        "says": _what_will_happen(view, swap, estimate),
        "checks": checks,
        "in_the_way": sum(check["check"].verdict == "IN THE WAY" for check in checks),
        "to_look_at": sum(check["check"].verdict in ("WARNING", "UNKNOWN") for check in checks),
        "past_swaps": past,
        "more_swaps": more,
        "paged": "before" in view.query,
    }


def _checks(view: PairView) -> list[dict[str, Any]]:
    """All of them with the address of the way out, the worst first."""
    found = [*swap_checks.conditions(view.pair), *swap_outlook.notes(view.pair)]
    found.sort(key=lambda check: _WORST_FIRST.index(check.verdict))
    return [{"check": check, "address": _address(view, check)} for check in found]


def _address(view: PairView, check: SwapCheck) -> str:
    return reverse(check.page, args=[view.pair.name]) if check.page else ""


def _what_will_happen(view: PairView, swap: SwapRequest | None, estimate: swap_outlook.Estimate) -> str:
    """For whoever is about to ask for a swap, or to approve one: in numbers."""
    plan = swap.plan if swap else SwapRequest.plan_for(view.pair)
    databases, files = len(plan["databases"]), len(plan.get("files", ()))
    what = f"{databases} database{'' if databases == 1 else 's'}"
    if files:
        what += f" and {files} file root{'' if files == 1 else 's'}"
    gap = "an unknown time" if estimate.gap_ms is None else f"about {shown.number(estimate.gap_ms)} ms"
    return (
        f"Writing to {what} moves from {plan['from']} to {plan['to']}. Every session on {plan['from']} is"
        f" ended, and nobody can write for {gap}, at most {shown.number(plan['budget_ms'])} ms: else"
        f" {plan['from']} is opened again and keeps its role."
    )


def _past(view: PairView) -> tuple[list[SwapRequest], int | None]:
    """Those that are over, with the gap of each, and the key that the next page begins behind."""
    over = view.pair.swaps.exclude(state__in=status.OPEN_SWAP).select_related("requested_by", "decided_by")
    if (before := number(view.query.get("before"))) is not None:
        over = over.filter(pk__lt=before)
    found = list(over[: _PAGE + 1])
    for swap in found:
        swap.pair, swap.gap_ms = view.pair, swap_outlook.write_gap_ms(swap)
    return found[:_PAGE], found[_PAGE - 1].pk if len(found) > _PAGE else None
