"""What may be asked for now, each with what it will do: in a sentence, with the numbers that are known."""

from collections.abc import Callable
from dataclasses import dataclass

from mwaportal.shown import number, size
from nodes.actions import Action, pair_actions, removal, swap_actions
from tracking.pages.view import PairView


@dataclass(frozen=True)
class Offer:
    """A button and its meaning."""

    action: Action
    what: str


def of_pair(view: PairView) -> list[Offer]:
    """What may be asked of the pair now, but for its role swap and its end."""
    found = pair_actions(view.pair, view.swap, "left out", view.viewer)
    return [Offer(action, _WHAT[action.does](view)) for action in found]


def of_swap(view: PairView) -> list[Offer]:
    """What may be asked or decided about a role swap now."""
    if view.swap is not None:
        found = swap_actions(view.swap, view.viewer)
    else:
        asked = pair_actions(view.pair, None, view.in_the_way_of_swap, view.viewer)
        found = [action for action in asked if action.does == "swap"]
    return [Offer(action, _WHAT[action.does](view)) for action in found]


def of_end(view: PairView) -> Offer | None:
    """Taking the pair off both nodes."""
    action = removal(view.pair, view.swap, view.viewer)
    return Offer(action, _WHAT["remove"](view)) if action else None


def counted(number_of: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number(number_of)} {one if number_of == 1 else many or one + 's'}"


def all_that_moves(view: PairView) -> str:
    """How many databases and file roots there are."""
    roots = f" and {counted(len(view.roots), 'file root')}" if view.roots else ""
    return f"{counted(len(view.pools), 'database')}{roots}"


def owed(view: PairView) -> str:
    """What the secondary lacks, as far as it has been measured."""
    measured = [pool for pool in view.pool_list if pool.measured_at]
    parts = []
    if measured:
        rows = sum(pool.tracked_rows for pool in measured)
        at = min(pool.measured_at for pool in measured)
        parts.append(f"{counted(rows, 'row')} (measured at {at:%H:%M:%S})")
    if view.roots:
        parts.append(counted(sum(root.owed for root in view.roots), "file"))
    return " and ".join(parts) or "what has changed, which has not been counted yet"


def _migrate(view: PairView) -> str:
    pair = view.pair
    return (
        f"Notes every change on {pair.source} from then on, and copies {all_that_moves(view)} to {pair.copy}."
        f" {pair.source} can be written to all the time; on {pair.copy} applications can only read from then"
        " on. Nothing is begun while a check of the preflight fails."
    )


def _pause(view: PairView) -> str:
    pair, lags = view.pair, [pool.lag_bytes for pool in view.pool_list if pool.lag_bytes is not None]
    lag = f", now {size(max(lags))} behind," if lags else ""
    return (
        f"{pair.secondary}{lag} stops following {pair.primary} as soon as what is under way has drained. What"
        " changes then is noted by its key, so that the log does not grow, and comes with Start."
    )


def _start(view: PairView) -> str:
    return f"Brings {owed(view)} to {view.pair.secondary} while writing goes on, and then follows as before."


def _cancel_pause(view: PairView) -> str:
    return "Nothing more is suspended; what is suspended already is resynchronized and follows again."


def _swap(view: PairView) -> str:
    pair = view.pair
    return (
        f"Asks that writing moves from {pair.primary} to {pair.secondary}, for {all_that_moves(view)}. Nobody"
        f" can write for at most {number(pair.swap_budget_ms)} ms. Somebody else has to approve exactly this"
        " plan."
    )


def _approve(view: PairView) -> str:
    pair = view.pair
    return (
        f"Writing moves from {pair.primary} to {pair.secondary} as soon as both are equal, for"
        f" {all_that_moves(view)}. After {number(pair.swap_budget_ms)} ms without a write {pair.primary} is"
        " opened again, and nothing has changed."
    )


def _remove(view: PairView) -> str:
    pair = view.pair
    if pair.untouched:
        return (
            "Nothing has been done on the nodes yet. Forgotten is the definition here:"
            f" {all_that_moves(view)} with their rules. The nodes stay defined."
        )
    return (
        f"Ends what is under way and takes slots, publications, triggers and schema mwa off {pair.source} and"
        f" {pair.copy}, for {all_that_moves(view)}. Both keep their rows and files, and differ from then on."
        " It cannot be undone: to mirror again, everything is copied again."
    )


_WHAT: dict[str, Callable[[PairView], str]] = {
    "migrate": _migrate,
    "pause": _pause,
    "start": _start,
    "cancel pause": _cancel_pause,
    "swap": _swap,
    "approve": _approve,
    "reject": lambda view: "The request ends, and nothing happens on the nodes.",
    "cancel": lambda view: "Your request ends, and nothing happens on the nodes.",
    "remove": _remove,
}
