"""The list of pairs: the worst off first, and what needs a person now."""

from typing import Any

from django.db.models import Prefetch
from django.urls import reverse
from django.utils import timezone

from nodes import status
from nodes.models import Pair, SwapRequest
from tracking import attention, files_page
from tracking.listing import totals


def home_context() -> dict[str, Any]:
    """Every pair, the worst off first."""
    pairs = Pair.objects.select_related("source", "copy").prefetch_related(
        "pools",
        files_page.with_counts(),
        Prefetch(
            "swaps", SwapRequest.objects.filter(state__in=status.OPEN_SWAP).select_related("requested_by")
        ),
    )
    undone = totals.waiting_by_owner("definitions")
    rows = [_overview(pair, undone) for pair in pairs]
    rows.sort(key=lambda row: (row["worst"], row["pair"].name))
    return {
        "now": timezone.now(),
        "socket": reverse("home"),
        "rows": rows,
        "announcement": " ".join(row["announcement"] for row in rows),
    }


def _overview(pair: Pair, undone: dict[str, int]) -> dict[str, Any]:
    pools, roots = list(pair.pools.all()), list(pair.file_roots.all())
    mirrored = [*pools, *roots]
    swap = next(iter(pair.swaps.all()), None)
    definitions = sum(undone.get(str(pool.pk), 0) for pool in pools)
    needed = attention.needs(pair, mirrored, swap, definitions, sum(root.left for root in roots))
    stands = attention.standing(pair, mirrored)
    return {
        "pair": pair,
        "mirrored": mirrored,
        "stands": stands,
        "needs": needed,
        "worst": attention.worst(stands, mirrored, needed),
        "announcement": attention.announcement(pair, stands, mirrored),
    }
