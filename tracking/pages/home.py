"""The list of pairs: the worst off first, and what needs a person now."""

from typing import Any

from django.db.models import Prefetch
from django.urls import reverse
from django.utils import timezone

from nodes import status
from nodes.models import Pair, SwapRequest
from tracking import attention, charts, files_page
from tracking.listing import totals
from tracking.models import Alert


def home_context() -> dict[str, Any]:
    """Every pair, the worst off first."""
    pairs = Pair.objects.select_related("source", "copy").prefetch_related(
        "pools",
        files_page.with_counts(),
        Prefetch(
            "swaps", SwapRequest.objects.filter(state__in=status.OPEN_SWAP).select_related("requested_by")
        ),
    )
    now, undone = timezone.now(), totals.waiting_by_owner("definitions")
    alerts = attention.alerts_of(pairs)
    rows = [_overview(pair, undone, alerts[pair.pk]) for pair in pairs]
    rows.sort(key=lambda row: (row["worst"], row["pair"].name))
    pools = {pool.pk: pool for row in rows for pool in row["pair"].pools.all()}
    for key, small in charts.small(pools.values(), now).items():
        pools[key].small = small
    return {
        "now": now,
        "socket": reverse("home"),
        "rows": rows,
        "needed": attention.urgent((row["pair"], need) for row in rows for need in row["needs"]),
        "announcement": " ".join(row["announcement"] for row in rows),
    }


def _overview(pair: Pair, undone: dict[str, int], alerts: list[Alert]) -> dict[str, Any]:
    pools, roots = list(pair.pools.all()), list(pair.file_roots.all())
    mirrored = [*pools, *roots]
    swap = next(iter(pair.swaps.all()), None)
    left = sum(root.left for root in roots)
    definitions = sum(undone.get(str(pool.pk), 0) for pool in pools)
    needed = attention.needs(pair, mirrored, swap, definitions, left, alerts)
    stands = attention.standing(pair, mirrored)
    return {
        "pair": pair,
        "mirrored": mirrored,
        "stands": stands,
        "needs": needed,
        "worst": attention.worst(stands, mirrored, needed),
        "announcement": attention.announcement(pair, stands, mirrored),
    }
