"""The four steps of a migration, as a pair stands in them now."""

from dataclasses import dataclass, field

from django.urls import reverse

from mwaportal.shown import duration, number, size
from nodes import status
from nodes.models import SwapRequest
from tracking import progress
from tracking.pages.view import PairView

from . import obstacles, offers
from .obstacles import Obstacle
from .offers import Offer, all_that_moves, counted, owed

_DONE, _LATER = "succeeded", "not-started"


@dataclass(frozen=True)
class Step:
    """One of them. `see` is what is at the address."""

    number: int
    label: str
    kind: str
    text: str
    see: str
    address: str
    now: bool = False
    offers: list[Offer] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)


def steps(view: PairView) -> list[Step]:
    """All four; only what is legal now is offered, and only at the step that it belongs to."""
    at = _at(view)
    return [_setup(view, at), _migration(view, at), _synchronization(view, at), _cutover(view, at)]


def _at(view: PairView) -> int:
    """The number of the step that the pair is in."""
    pair = view.pair
    if pair.stage == "SYSTEM MIGRATION":
        return 2 if pair.goal == "SYNC" else 1
    return 4 if pair.stage == "CUTOVER" or view.swap else 3


def _setup(view: PairView, at: int) -> Step:
    pair, now = view.pair, at == 1
    text = f"{pair.source} to {pair.copy}: {all_that_moves(view)}."
    found = list(obstacles.of_setup(view)) if now else []
    kind = _kind(now, found, _DONE)
    see, address = ("Continue the set-up", "setup") if now else ("See the set-up", "setup")
    offered = offers.of_pair(view) if now and view.pools else []
    return Step(1, "Set up", kind, text, see, _url(view, address), now, offered, found)


def _migration(view: PairView, at: int) -> Step:
    now = at == 2
    found = list(obstacles.of_migration(view)) if now else []
    kind = _kind(now, found, _DONE if at > 2 else _LATER)
    return Step(
        2,
        "System migration",
        kind,
        _copied(view, at),
        "See every table",
        _url(view, "migration"),
        now,
        [],
        found,
    )


def _copied(view: PairView, at: int) -> str:
    found = progress.summary(view.pools, view.now)
    if found is None:
        return "There was no table to copy." if at > 2 else "The tables have not been listed yet."
    if found.ended is not None:
        tables = counted(found.tables, "table")
        return f"{number(found.rows)} rows of {tables} copied, {found.ended:%d %b %H:%M:%S}."
    return (
        f"{found.percent} % copied: {number(found.rows)} of about {number(found.rows_total)} rows,"
        f" {size(found.bytes)} of about {size(found.bytes_total)}; remaining: {duration(found.remaining)}."
    )


def _synchronization(view: PairView, at: int) -> Step:
    now, begun = at >= 3, view.pair.stage != "SYSTEM MIGRATION"
    found = list(obstacles.of_synchronization(view)) if begun and view.pair.stage != "CUTOVER" else []
    kind = _kind(now, found, _LATER)
    offered = offers.of_pair(view) if view.pair.stage == "DATA SYNCHRONIZATION" else []
    return Step(
        3, "Continuous data synchronization", kind, _followed(view) if begun else _not_yet(view),
        "See the lists", _url(view, "tables"), at == 3, offered, found,
    )  # fmt: skip


def _not_yet(view: PairView) -> str:
    return f"Begins by itself when everything is copied: {view.pair.secondary} then follows every change."


def _followed(view: PairView) -> str:
    replicating = sum(each.replicating for each in view.mirrored)
    stand = f"{replicating} of {len(view.mirrored)} replicating"
    lags = [pool for pool in view.pool_list if pool.replicating and pool.lag_bytes is not None]
    if not lags:
        return f"{stand}; owed: {owed(view)}."
    worst = max(lags, key=lambda pool: pool.lag_bytes / pool.properties.lag_limit_bytes)
    return (
        f"{stand}; lag {size(worst.lag_bytes)}, allowed {size(worst.properties.lag_limit_bytes)}"
        f" (measured at {worst.measured_at:%H:%M:%S}); owed: {owed(view)}."
    )


def _cutover(view: PairView, at: int) -> Step:
    begun = view.pair.stage != "SYSTEM MIGRATION"
    found = list(obstacles.of_cutover(view)) if begun else []
    offered = offers.of_swap(view) if begun else []
    swap = view.swap
    kind = (
        status.SWAP[swap.state].kind if swap else _kind(at == 4, [], _DONE if view.pair.swapped else _LATER)
    )
    return Step(
        4,
        "Cutover",
        kind,
        _swapped(view, swap),
        "See the plan",
        _url(view, "cutover"),
        at == 4,
        offered,
        found,
    )


def _swapped(view: PairView, swap: SwapRequest | None) -> str:
    if swap:
        return (
            f"{swap.get_state_display()}: asked for by {swap.requested_by} at {swap.requested_at:%H:%M:%S}."
        )
    past = view.swaps[0] if view.swaps else None
    if past is None:
        return f"Writing moves from {view.pair.primary} to {view.pair.secondary} when two people want it."
    ended = f", {past.ended_at:%d %b %H:%M:%S}" if past.ended_at else ""
    return (
        f"The last one, {past.plan['from']} to {past.plan['to']}: {past.get_state_display().lower()}{ended}."
    )


def _kind(now: bool, found: list[Obstacle], otherwise: str) -> str:
    """The step's icon: the worst of what stands in its way."""
    if not now:
        return otherwise
    kinds = [each.kind for each in found]
    return next(
        (kind for kind in ("failed", "caution-major", "caution-minor") if kind in kinds), "in-progress"
    )


def _url(view: PairView, page: str) -> str:
    return reverse(page, args=[view.pair.name])
