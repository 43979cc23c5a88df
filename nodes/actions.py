"""Which actions are legal now, for a pair and for its role swap: only these are offered."""

from dataclasses import dataclass

from django.urls import reverse

from mwaportal.access import Viewer

from . import status
from .models import Pair, SwapRequest


@dataclass(frozen=True)
class Action:
    """A button: it posts `digest` to `url`. `does` is what it asks for; pages say by it what that means."""

    label: str
    url: str
    style: str = "secondary"
    digest: str = ""
    does: str = ""


def pair_actions(
    pair: Pair, swap: SwapRequest | None, in_the_way_of_swap: str, viewer: Viewer
) -> list[Action]:
    """What may be asked of a pair now; `swap` is its open role swap, if there is one."""
    found = []
    if viewer.operate and pair.goal != Pair.Goal.REMOVED and not _is_busy(swap):
        found += _goal_actions(pair)
    if viewer.request and swap is None and not in_the_way_of_swap:
        found.append(Action("Request role swap", reverse("swap-request", args=[pair.name]), does="swap"))
    return found


def removal(pair: Pair, swap: SwapRequest | None, viewer: Viewer) -> Action | None:
    """The button that takes a pair off both nodes, where that may be asked for now."""
    if not viewer.operate or pair.goal == Pair.Goal.REMOVED or _is_busy(swap):
        return None
    return Action("Remove", reverse("pair-ask", args=[pair.name, "remove"]), "danger", does="remove")


def swap_actions(swap: SwapRequest, viewer: Viewer) -> list[Action]:
    """What may be decided about an open role swap now."""
    if swap.state != "REQUESTED":
        return []

    def decide(label: str, how: str, style: str) -> Action:
        url = reverse(f"swap-{how}", args=[swap.pair.name, swap.pk])
        return Action(label, url, style, swap.digest, how)

    found = []
    his_own = viewer.user_id == swap.requested_by_id
    if viewer.approve and not his_own:
        found = [decide("Approve this plan", "approve", "danger"), decide("Reject", "reject", "secondary")]
    if viewer.request and his_own:
        found.append(decide("Cancel request", "cancel", "ghost"))
    return found


def _goal_actions(pair: Pair) -> list[Action]:
    start = reverse("pair-ask", args=[pair.name, "start"])
    pause = reverse("pair-ask", args=[pair.name, "pause"])
    if pair.goal == Pair.Goal.NONE:
        return [Action("Start migration", start, "primary", does="migrate")]
    if pair.goal == Pair.Goal.PAUSED and pair.phase != "PAUSED":
        return [Action("Cancel the pause", start, "primary", does="cancel pause")]
    if pair.goal == Pair.Goal.PAUSED:
        return [Action("Start", start, "primary", does="start")]
    if pair.stage == "DATA SYNCHRONIZATION":
        return [Action("Pause", pause, does="pause")]
    return []


def _is_busy(swap: SwapRequest | None) -> bool:
    return swap is not None and swap.state in status.BUSY_SWAP
