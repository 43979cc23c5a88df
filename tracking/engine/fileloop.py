"""The loop of one file root: a tracker that watches the primary's tree, and carrying what it lists.

In a thread of its own, so that what takes long with files delays no rows. It may be killed at any moment:
whoever comes next starts a tracker, which owes a walk of the whole root.
"""

import logging
import threading
import time
from datetime import timedelta

import psycopg
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from mwaportal import doorbell
from mwaportal.portaldb import portal_conninfo
from nodes.models import FileRoot, Pair
from nodes.postgres.connect import TimedOut, Unreachable, connect
from tracking.ifs.carrier import Carrier
from tracking.ifs.changelist import ChangeList
from tracking.ifs.changes import Change
from tracking.ifs.drain import Batch, Drain
from tracking.ifs.hands import HandLost
from tracking.ifs.not_reached import NotReached
from tracking.ifs.paths import shown
from tracking.ifs.tracker import TrackerConfig
from tracking.ifs.tracker_client import TrackerFailed, TrackerProcess
from tracking.ifs.watching import RootGone
from tracking.models import FileWatch, set_state

from . import filehosts, fileplaces, jobs
from .filecompares import FileCompares
from .poolruntime import LeaseLost
from .say import say

_log = logging.getLogger("mwa.engine")
_TICK_SECONDS = 0.5
_DRAW_SECONDS = 1.0
_BACKOFF_SECONDS = (1, 2, 5, 10, 30, 60)
_EXPECTED = (
    RootGone, NotReached, TrackerFailed, HandLost, Unreachable, TimedOut, psycopg.Error, DatabaseError,
    OSError,
)  # fmt: skip


class FileLoop(threading.Thread):
    """Keeps one root equal; `swapped` is the direction in which it does so now."""

    def __init__(self, root_id: int, owner: str) -> None:
        super().__init__(name=f"file root {root_id}", daemon=True)
        self.root_id = root_id
        self._owner = owner
        self._bell = threading.Event()
        self._halt = threading.Event()
        self._free = threading.Event()
        self._free.set()
        self._at_work = threading.Lock()
        self._session: psycopg.Connection | None = None
        self._drain: Drain | None = None
        self._drawn_at = 0.0
        self.swapped: bool | None = None
        self._was_in_step = False
        self._compares = FileCompares()
        self.tracker: TrackerProcess | None = None
        self._jobs = jobs.Shown(owner)

    @property
    def carrier(self) -> Carrier | None:
        """Whoever carries the files now."""
        drain = self._drain
        return drain.carrier if drain else None

    def wake(self) -> None:
        """Look now."""
        self._bell.set()

    def stop(self) -> None:
        """End after the file that is under way."""
        self._halt.set()
        self._bell.set()

    def in_step(self, swapped: bool) -> bool:
        """Whether everything was on the secondary once since this one began to track in that direction."""
        return self._was_in_step and self.swapped == swapped

    def compare_nothing(self) -> None:
        """End the compare that is under way, and begin none until `release`."""
        self._compares.stop()

    def hold(self) -> None:
        """Carry nothing from here on; returns when nothing is being carried any more."""
        self._free.clear()
        with self._at_work:
            pass

    def release(self) -> None:
        """Carry and compare again."""
        self._compares = FileCompares()
        self._free.set()
        self._bell.set()

    def run(self) -> None:
        """The thread's body."""
        try:
            while not self._halt.is_set():
                self._bell.clear()
                close_old_connections()
                self._bell.wait(0 if self._step() else _TICK_SECONDS)
        except (LeaseLost, FileRoot.DoesNotExist):
            pass
        finally:
            self._compares.stop()
            self._end()
            connection.close()

    def _step(self) -> bool:
        """Do the next thing; whether there is more to do at once."""
        root = FileRoot.objects.select_related("pair__source", "pair__copy").get(pk=self.root_id)
        if root.pair.lease_owner != self._owner or not filehosts.is_here(root.pair.primary):
            raise LeaseLost
        if not self._free.is_set() or (root.retry_at and root.retry_at > timezone.now()):
            return False
        try:
            with self._at_work:
                return self._free.is_set() and self._keep(root)
        except _EXPECTED as error:
            self._failed(root, error)
            return False

    def _keep(self, root: FileRoot) -> bool:
        if self.tracker is None or self.swapped != root.pair.swapped:
            self._begin(root)
        assert self.tracker
        if not self.tracker.alive():
            raise TrackerFailed(self.tracker.last_words())
        if root.pair.goal == Pair.Goal.PAUSED:
            set_state(root, "TRACKING", "SUSPENDED", 212)
            return False
        if not FileWatch.objects.filter(root=root, state="WATCHING").exists():
            return False  # first everything is watched, then it is walked
        drain = self._drain or self._reopen(root)
        if not root.replicating:
            set_state(root, "ACTIVE", "SYNCHRONIZING")
        first = root.copied_at is None
        if first:
            self._jobs.begin("COPY FILES", root)
        tell = (lambda *done: self._tell(root, *done)) if first else None
        batch = drain.batch(self._halt, tell, first=first)
        self._note(root, batch, first)
        if not batch and not root.replicating:
            self._in_step(root)
        self._compares.step(root, drain.carrier)
        return bool(batch) and not self._halt.is_set()

    def _begin(self, root: FileRoot) -> None:
        """Start to track, in the direction of the roles."""
        self._end()
        drain = self._open(root)
        trees = [path.decode("utf-8", "surrogateescape") for path in drain.carrier.excluded.trees]
        FileWatch.objects.filter(root=root).delete()  # what is said from here on is of the new one
        config = TrackerConfig(
            str(root.primary), root.pk, portal_conninfo(), exclusions=list(root.patterns), trees=trees
        )
        self.tracker = TrackerProcess(config, lambda event: self._bell.set())
        self._jobs.begin("TRACK FILES", root)
        self.swapped = root.pair.swapped
        set_state(root, "ACTIVE", "SYNCHRONIZING")  # what changed before is known only after a walk

    def _open(self, root: FileRoot) -> Drain:
        """The way to the copy; what a crash has left there goes."""
        place = fileplaces.place(root)
        self._session = connect(portal_conninfo(), "files")
        drain = self._drain = Drain(
            self._session, place, f"engine {self._owner}", max(2, root.pair.parallel_degree),
            root.pair.savactwait_seconds,
        )  # fmt: skip
        for left in drain.carrier.clean():
            _log.info("%s: removed %s, left by a crash", root, shown(left))
        return drain

    def _reopen(self, root: FileRoot) -> Drain:
        """After the host of the copy was away; tracking went on, but a crash there may have left anything."""
        drain = self._open(root)
        assert self._session
        again = Change(b"", time.monotonic(), walk=True, reason="the host of the secondary was away")
        ChangeList(self._session, root.pk).add([again])
        return drain

    def _end(self) -> None:
        self._close()
        if self.tracker is not None:
            self.tracker.kill()
        self.tracker = None
        self._was_in_step = False
        self._jobs.end("TRACK FILES")

    def _close(self) -> None:
        """Carry no more; tracking goes on."""
        self._jobs.end("COPY FILES")
        if self._drain is not None:
            self._drain.close()
        if self._session is not None:
            self._session.close()
        self._drain = self._session = None

    def _in_step(self, root: FileRoot) -> None:
        """The list was empty once since tracking began: everything that it held is on the secondary."""
        if root.changes.filter(state__in=("READY", "MIGRATING"), set_aside="").exists():
            return
        root.failures, root.retry_at = 0, None
        root.copied_at = root.copied_at or timezone.now()
        root.save(update_fields=["failures", "retry_at", "copied_at"])
        set_state(root, "ACTIVE", "REPLICATING")
        self._jobs.end("COPY FILES")
        self._was_in_step = True
        say(root.pair, f"{root} is on the secondary; changes of its files are carried as they come")

    def _note(self, root: FileRoot, batch: Batch, first: bool) -> None:
        if not batch:
            return
        for entry, tree in batch.walked:
            if first and tree.conflicts:
                self._conflicts(root, tree.conflicts)
            if tree.complete and not entry.path and not first:
                say(root.pair, f"{root}: walked {shown(entry.path)}: {entry.reason}")
        written = 0 if first else sum(len(tree.written) for _, tree in batch.walked)
        if more := written + len(batch.carried):
            FileRoot.objects.filter(pk=root.pk).update(changes_carried=F("changes_carried") + more)
        self._draw(root)

    def _conflicts(self, root: FileRoot, paths: list[bytes]) -> None:
        text = f"{root}: {len(paths)} objects that only {root.secondary} had were removed; the primary wins: "
        say(root.pair, text + ", ".join(map(shown, paths[:5])), "CONFLICT")

    def _tell(self, root: FileRoot, objects: int, written: int) -> None:
        """How far the first copy is."""
        FileRoot.objects.filter(pk=root.pk).update(
            files_copied=Greatest("files_copied", objects), bytes_copied=root.bytes_copied + written
        )
        self._draw(root)

    def _draw(self, root: FileRoot) -> None:
        """Have the open pages drawn again, not all the time."""
        if time.monotonic() - self._drawn_at > _DRAW_SECONDS:
            self._drawn_at = time.monotonic()
            doorbell.notify(root.pair_id)

    def _failed(self, root: FileRoot, error: Exception) -> None:
        if isinstance(error, NotReached):
            self._close()
        else:
            self._end()
        wait = _BACKOFF_SECONDS[min(root.failures, len(_BACKOFF_SECONDS) - 1)]
        why = str(error).strip() or type(error).__name__
        retry_at = timezone.now() + timedelta(seconds=wait)
        if not FileRoot.objects.filter(pk=root.pk).update(failures=root.failures + 1, retry_at=retry_at):
            raise FileRoot.DoesNotExist  # it was removed meanwhile
        reason = _reason(error)
        set_state(root, "TRACKING", "SUSPENDED", reason, why)
        say(root.pair, f"{root}: {why}; tried again in {wait} s", str(reason))


def _reason(error: Exception) -> int:
    if isinstance(error, NotReached):
        return 9120
    return 9110 if isinstance(error, TrackerFailed | HandLost) else 9100
