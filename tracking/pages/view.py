"""A pair as one viewer's page shows it: what several pages need of it, each read at most once."""

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any

from django.db.models import prefetch_related_objects
from django.utils import timezone

from mwaportal.access import Viewer
from nodes import status
from nodes.models import FileRoot, Pair, StoragePool, SwapRequest
from tracking import attention, files_page
from tracking.listing import totals
from tracking.models import PreflightRun

_SWAPS = 5


class PairView:
    """What a page's context is made of; `query` are the parameters of its address that the page looks at."""

    def __init__(self, pair: Pair, viewer: Viewer, query: Mapping[str, str] | None = None) -> None:
        self.pair, self.viewer = pair, viewer
        self.query = dict(query or {})
        self.now = timezone.now()
        prefetch_related_objects([pair], "pools", files_page.with_counts())

    def of(self, query: Mapping[str, str]) -> "PairView":
        """The same for a page with these parameters; what has been read already is not read again."""
        made = copy(self)
        made.query = dict(query)
        return made

    @cached_property
    def pools(self) -> dict[int, StoragePool]:
        """The storage pools by their key, in their order; each knows this very pair."""
        found = {pool.pk: pool for pool in self.pair.pools.all()}
        for pool in found.values():
            pool.pair = self.pair
        return found

    @property
    def pool_list(self) -> list[StoragePool]:
        """The storage pools in their order."""
        return list(self.pools.values())

    @cached_property
    def roots(self) -> list[FileRoot]:
        """The file roots, with what is owed and left of each (`fileroots.counted`)."""
        return list(self.pair.file_roots.all())

    @property
    def mirrored(self) -> Sequence[StoragePool | FileRoot]:
        """All that has a replication state."""
        return [*self.pool_list, *self.roots]

    @cached_property
    def swaps(self) -> list[SwapRequest]:
        """The latest role swaps, the newest first."""
        found = list(self.pair.swaps.select_related("requested_by", "decided_by")[:_SWAPS])
        for swap in found:
            swap.pair = self.pair
        return found

    @property
    def swap(self) -> SwapRequest | None:
        """The open role swap."""
        return next((swap for swap in self.swaps if swap.state in status.OPEN_SWAP), None)

    @cached_property
    def obstacle(self) -> str:
        """What is in the way of a role swap now, whether one has been asked for or not."""
        return self.pair.in_the_way_of_swap()

    @property
    def in_the_way_of_swap(self) -> str:
        """Why none can be asked for now; empty while one is open."""
        return "" if self.swap else self.obstacle

    @cached_property
    def open_definitions(self) -> int:
        """Definition changes that wait for somebody."""
        return totals.waiting("definitions", self.pools)

    @cached_property
    def preflight(self) -> PreflightRun | None:
        """The latest preflight that somebody asked for."""
        found = self.pair.preflights.first()
        if found is not None:
            found.pair = self.pair
        return found

    @property
    def left_files(self) -> int:
        """Files that wait for somebody."""
        return sum(root.left for root in self.roots)

    @cached_property
    def stands(self) -> attention.Standing:
        """Stage, phase and detail as a reader should take them."""
        return attention.standing(self.pair, self.mirrored)

    @cached_property
    def needs(self) -> list[attention.Need]:
        """What needs a person now."""
        alerts = attention.alerts_of([self.pair])[self.pair.pk]
        return attention.needs(
            self.pair, self.mirrored, self.swap, self.open_definitions, self.left_files, alerts
        )

    @property
    def announcement(self) -> str:
        """The state in one sentence."""
        return attention.announcement(self.pair, self.stands, self.mirrored)

    @property
    def nameless(self) -> tuple[str, ...]:
        """Columns that say nothing: which pool, where there is one."""
        return ("pool",) if len(self.pools) == 1 else ()

    def with_pool(self, found: Sequence[Any]) -> list[Any]:
        """Rows that know the pool which has been read already."""
        rows = list(found)
        for row in rows:
            row.pool = self.pools[row.pool_id]
        return rows
