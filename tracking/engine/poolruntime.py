"""What the engine holds in memory for one pool: sessions, its capture process, what it last saw.

None of it is needed to go on after a crash: everything is asked of the nodes again.
"""

import contextlib
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psycopg
from django.utils import timezone

from mwaportal.portaldb import portal_conninfo
from nodes.models import Pair, StoragePool
from nodes.postgres import catalog, definition_changes, publication, slot
from nodes.postgres.connect import Connection, TimedOut, Unreachable, connect
from nodes.postgres.slot import Slot
from nodes.postgres.synchronous import Guard
from tracking.mirror import subscription
from tracking.mirror.capture_client import CaptureFailed, CaptureProcess
from tracking.mirror.handover import Route
from tracking.mirror.subscription import Subscription
from tracking.models import Job

from . import jobs

_STATEMENT_TIMEOUT = "10s"
_LEAST_LIMIT = 50_000  # a smaller table goes by rows however many of them changed


class LeaseLost(Exception):
    """Another engine has this pair now: whatever this one was about to do, it does not do."""


@dataclass(frozen=True)
class Facts:
    """How a pool stands by its nodes' own catalogs; an error says why a node does not answer."""

    primary_error: str
    secondary_error: str
    slot: Slot | None
    subscription: Subscription | None
    definitions: list[definition_changes.DefinitionChange]

    @property
    def slot_gone(self) -> bool:
        """Whether it is no longer known what has changed."""
        return self.slot is None or self.slot.lost

    @property
    def stream_on(self) -> bool:
        """Whether changes may still be applied; a worker outlives the disabling by its last transaction."""
        found = self.subscription
        return found is not None and (found.enabled or found.worker_pid is not None)


class PoolRuntime:
    """One pool of the pair whose lease this process holds, as `owner`."""

    def __init__(self, pool: StoragePool, owner: str) -> None:
        self.pool = pool
        self._owner = owner
        self.capture: CaptureProcess | None = None
        self.guard: Guard | None = None  # while the pool is synchronous
        self.measured_at = self.carried_at = 0.0
        self.pruned_at = self.sampled_at = self.samples_pruned_at = self.jobs_seen_at = float("-inf")
        self.look_for_rows = True  # whether a table may be owed whole because of a definition
        self.look_for_tables = True  # whether one may have been created that is not in the stream
        self.held_back: set[int] | None = None  # entries whose tables are not mirrored; None: not known
        self.least_held: tuple[int, float] | None = None  # bytes of log beyond the limit, and since when
        self._capturing: Job | None = None
        self._sessions: dict[str, Connection] = {}
        self._failing_since: dict[str, float] = {}

    @property
    def job(self) -> str:
        """What this engine is called where it has carried something itself."""
        return f"engine {self._owner}"

    def at(self, kind: str) -> AbstractContextManager[None]:
        """Show as long as it lasts that the pool is at this (`status.JOB`)."""
        return jobs.under_way(self.pool.pair_id, self._owner, kind, self.pool)

    @property
    def route(self) -> Route:
        """How the rows travel now."""
        pair, database, has = self.pool.pair, self.pool.database, self.pool.properties
        return Route(
            pair.primary.conninfo_for(database), pair.secondary.conninfo_for(database), portal_conninfo(),
            self.pool.pk, self.pool.slot(), publication.PUBLICATION, has.parallel_degree,
            has.savactwait_seconds,
        )  # fmt: skip

    def check_lease(self) -> None:
        """Raise `LeaseLost` where another engine may have begun to work on the pair."""
        now = timezone.now()
        ours = Pair.objects.filter(pk=self.pool.pair_id, lease_owner=self._owner, lease_until__gt=now)
        if not ours.exists():
            raise LeaseLost(f"the lease of pair {self.pool.pair} is held by another engine")

    def primary(self) -> Connection:
        """A session on the primary; raises `Unreachable`."""
        return self._session("primary", self.route.primary_conninfo)

    def secondary(self) -> Connection:
        """A session on the secondary; raises `Unreachable`."""
        return self._session("secondary", self.route.secondary_conninfo)

    def facts(self) -> Facts:
        """Ask both nodes; a node that does not answer is a fact, not an error."""
        found_slot, found_subscription, definitions = None, None, []
        primary_error = secondary_error = ""
        try:
            found_slot = slot.find(self.primary(), self.pool.slot())
            if self.pool.step:
                definitions = definition_changes.noted(self.primary(), self.pool.definitions_seen)
        except (Unreachable, psycopg.Error) as error:
            primary_error = self._failed("primary", error)
        else:
            self._failing_since.pop("primary", None)
        try:
            found_subscription = subscription.find(self.secondary(), self.pool.slot())
        except (Unreachable, psycopg.Error) as error:
            secondary_error = self._failed("secondary", error)
        else:
            self._failing_since.pop("secondary", None)
        return Facts(primary_error, secondary_error, found_slot, found_subscription, definitions)

    def failing_for(self, node: str) -> float:
        """Seconds since the node last answered; 0 where it does."""
        since = self._failing_since.get(node)
        return time.monotonic() - since if since else 0.0

    def ensure_capture(self) -> CaptureProcess:
        """The running capture of this pool, started where there is none. Raises `CaptureFailed`."""
        if not self.capturing:
            self.end_capture()
            share = self.pool.properties.whole_share_percent / 100
            limits = {
                str(table): max(_LEAST_LIMIT, int(table.rows * share))
                for table in catalog.tables(self.primary())
            }
            self.capture = CaptureProcess(self.route.capture_config(limits, _LEAST_LIMIT))
            self.capture.started()
            self._capturing = jobs.begin(self.pool.pair_id, self._owner, "CAPTURE", self.pool)
        return self.capture

    @property
    def capturing(self) -> bool:
        """Whether a capture of ours reads the slot."""
        return self.capture is not None and self.capture.alive()

    def end_capture(self) -> None:
        """End the capture; what it had read and not listed is still in the slot."""
        if self.capture is None:
            return
        if self.capture.alive():
            with contextlib.suppress(CaptureFailed):
                self.capture.stop()
        self.capture.kill()
        self.capture = None
        jobs.end(self._capturing)
        self._capturing = None

    def stop_stream(self) -> None:
        """Turn the subscription off where the secondary answers, and free the slot.

        Whether its worker has ended is a fact of the next look (`Facts.stream_on`).
        """
        with contextlib.suppress(Unreachable, TimedOut, psycopg.Error):
            subscription.stop(self.secondary(), self.pool.slot())
        slot.release(self.primary(), self.pool.slot())

    def forget_sessions(self) -> None:
        """Close the sessions: the roles or the nodes have changed."""
        while self._sessions:
            self._sessions.popitem()[1].close()

    def close(self) -> None:
        """End everything held here; a guard on the primary stays as long as commits wait."""
        self.end_capture()
        self.forget_sessions()

    def _session(self, name: str, conninfo: str) -> Connection:
        session = self._sessions.get(name)
        if session is None or session.closed or session.broken:
            session = connect(conninfo, "engine", statement_timeout=_STATEMENT_TIMEOUT)
            self._sessions[name] = session
        return session

    def _failed(self, name: str, error: Exception) -> str:
        session = self._sessions.pop(name, None)
        if session:
            session.close()
        self._failing_since.setdefault(name, time.monotonic())
        return str(error).strip() or type(error).__name__
