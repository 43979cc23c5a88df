"""The whole migration without a person in front of it, and what it measured."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from django.db.models import Sum
from django.utils import timezone

from mwaportal.workload import file_check, gaps, ledger
from nodes import status
from nodes.models import FileRoot, Pair, SwapRequest
from nodes.postgres.connect import Unreachable, connect, one, wait_until
from nodes.postgres.embedded import EmbeddedServer
from tracking.ifs.compare import dangling, named
from tracking.ifs.opened import Opened
from tracking.ifs.roots import Root
from tracking.models import CompareResult, CompareRun, FileChange, FileCompare

from .plant import DATABASE, Plant, wait_for

_PATIENCE_SECONDS = 900
_HELD = """
    select coalesce(max(pg_current_wal_lsn() - restart_lsn), 0)::bigint
    from pg_replication_slots where slot_name like 'mwa%'
"""
_ARRIVED = "select %s::pg_lsn <= confirmed_flush_lsn from pg_replication_slots where slot_name = %s"
Say = Callable[[str], None]


@dataclass
class Report:
    """The rehearsal's last line."""

    copied_rows: int = 0
    copy_seconds: float = 0
    tracked_changes: int = 0
    resync_rows: int = 0
    resync_seconds: float = 0
    swap_write_gap_ms: float = 0
    swap_back_write_gap_ms: float = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    compared_rows: int = 0
    differences: int = 0
    wal_held_peak_mb: float = 0
    files_copied: int = 0
    file_changes: int = 0
    file_differences: int = 0
    dangling_paths: int = 0
    files_acknowledged: int = 0
    files_lost: int = 0

    @property
    def wrong(self) -> bool:
        """Whether anything was lost, or is not what it should be."""
        rows = self.lost or self.duplicated or self.differences
        return bool(rows or self.files_lost or self.file_differences or self.dangling_paths)


@dataclass
class Rehearsal:
    """Drives a plant through every stage; each step can be taken alone."""

    plant: Plant
    say: Say
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        self.administrator = self.plant.person("olga", "Administrators")
        self.approver = self.plant.person("artur", "Approvers")

    def everything(self, pause_seconds: float = 10) -> Report:
        """Migrate, pause, resume, compare, swap, write, swap back, compare, hold against the accounts."""
        with WalWatch([self.plant.source, self.plant.copy]) as watch:
            self.migrate()
            self.pause(pause_seconds)
            self.compare()
            self.report.swap_write_gap_ms = self.swap()
            time.sleep(3)
            self.report.swap_back_write_gap_ms = self.swap()
            time.sleep(1)
            self.plant.stop_writing()
            self.drain()
            self.compare()
            self.hold_against_ledger()
            self.hold_files_against_account()
        self.report.wal_held_peak_mb = round(watch.peak / 2**20, 1)
        return self.report

    def migrate(self) -> None:
        """From nothing to REPLICATING."""
        began = time.monotonic()
        self.plant.pair().ask(Pair.Goal.SYNC)
        self._until("the system migration", lambda: self.settled() and self.plant.pair().phase == "SYNC")
        self.report.copy_seconds = round(time.monotonic() - began, 1)
        pool = self._pool()
        self.report.copied_rows = pool.table_copies.aggregate(rows=Sum("rows"))["rows"] or 0
        self.say(f"migrated {self.report.copied_rows} rows in {self.report.copy_seconds} s")

    def pause(self, seconds: float) -> None:
        """Pause while writing goes on, and resume."""
        self.plant.pair().ask(Pair.Goal.PAUSED)
        self._until("the pause", lambda: self.plant.pair().phase == "PAUSED")
        time.sleep(seconds)
        self.report.tracked_changes = self._pool().tracked_changes
        began = time.monotonic()
        self.plant.pair().ask(Pair.Goal.SYNC)
        self._until("the resynchronization", self.settled)
        self.report.resync_seconds = round(time.monotonic() - began, 2)
        self.report.resync_rows = self._pool().resync_rows
        self.say(
            f"paused {seconds:g} s: {self.report.tracked_changes} changes tracked;"
            f" {self.report.resync_rows} rows in {self.report.resync_seconds} s"
        )

    def compare(self) -> int:
        """Compare everything, while writing goes on; returns the rows that differ."""
        self._until("a compare to be possible", lambda: self._pool().replicating)
        run = CompareRun.request(self._pool())
        self._until(
            "the compare", lambda: CompareRun.objects.filter(pk=run.pk, ended_at__isnull=False).exists()
        )
        found = CompareResult.objects.filter(run=run)
        self.report.compared_rows = found.aggregate(n=Sum("rows"))["n"] or 0
        unequal = found.exclude(verdict="EQUAL")
        differing = sum(max(1, result.different_rows) for result in unequal)
        self.report.differences += differing
        self.say(f"compared {self.report.compared_rows} rows, {differing} differ")
        for result in unequal:
            self.say(f"  {result} {result.reason} {result.differences[:1]}")
        self._compare_files()
        return differing

    def _compare_files(self) -> None:
        """The same with the files."""
        for root in self.plant.pair().file_roots.all():
            asked = FileCompare.request(root)
            ended = FileCompare.objects.filter(pk=asked.pk, ended_at__isnull=False)
            self._until("the compare of files", ended.exists)
            asked.refresh_from_db()
            self.report.file_differences += asked.difference_count
            self.say(
                f"compared {asked.objects_compared} files, {asked.difference_count} differ {asked.message}"
            )
            for difference in asked.differences[:3]:
                self.say(f"  {difference}")

    def swap(self) -> float:
        """Asked for by one, approved by another; returns the time without a commit, in ms."""
        self._until("a role swap to be possible", lambda: not self.plant.pair().in_the_way_of_swap())
        request = self.request_swap()
        self._until("the role swap", lambda: not _busy(request.pk))
        request.refresh_from_db()
        if request.state != "COMPLETE":
            raise RuntimeError(f"{request} is {request.state}: {request.failure}")
        self._until("the roles to settle", self.settled)
        time.sleep(1)
        span = (int(request.started_at.timestamp() * 1e9), int((timezone.now().timestamp()) * 1e9))
        gap = round(gaps.write_gap_ms(self.plant.ledger, span), 1)
        self.say(f"roles swapped, {self.plant.pair().primary} is the primary; write gap {gap} ms")
        return gap

    def request_swap(self) -> SwapRequest:
        """An approved request."""
        request = SwapRequest.request(self.plant.pair(), self.administrator)
        request.approve(self.approver, request.digest)
        return request

    def settled(self) -> bool:
        """Whether the pair is replicating and nothing is under way."""
        pair = self.plant.pair()
        pools = list(pair.pools.all())
        return (
            pair.phase == "SYNC"
            and not pair.swaps.filter(state__in=status.BUSY_SWAP).exists()
            and all(mirrored.replicating for mirrored in (*pools, *pair.file_roots.all()))
        )

    def drain(self) -> None:
        """Wait until the secondary has everything; nobody writes any more."""
        pair = self.plant.pair()
        with connect(pair.primary.conninfo_for(DATABASE), "drain") as primary:
            slot_name, end = self._pool().slot(), one(primary, "select pg_current_wal_insert_lsn()::text")

            def arrived() -> bool:
                primary.execute("select pg_logical_emit_message(true, 'mwa', 'drain')")
                return bool(one(primary, _ARRIVED, (end, slot_name)))

            wait_until(arrived, "the secondary to have everything", seconds=120, every=0.2)
        owed = FileChange.objects.filter(root__pair=pair).exclude(state="INELIGIBLE")
        self._until("the secondary to have every file", lambda: not owed.exists())

    def hold_against_ledger(self) -> None:
        """What the writers say was committed, against both nodes."""
        for server in (self.plant.source, self.plant.copy):
            with self.plant.session(server) as session:
                found = ledger.check(self.plant.ledger, session)
            self.report.acknowledged = found.acknowledged
            self.report.lost += found.lost
            self.report.duplicated += found.duplicated
            for example in found.examples[:5]:
                self.say(f"  {server.directory.name}: {example}")
        self.say(
            f"{self.report.acknowledged} acknowledged, {self.report.lost} lost,"
            f" {self.report.duplicated} duplicated"
        )

    def hold_files_against_account(self) -> None:
        """What the file application says is there, against the file root of the current primary."""
        if not self.plant.files:
            return
        primary = self.plant.pair().primary
        found = file_check.check(self.plant.file_account, self.plant.root_of(primary))
        root = self.plant.pair().file_roots.get()
        self.report.files_copied, self.report.file_changes = root.files_copied, root.changes_carried
        self.report.dangling_paths = self._dangling(root)
        self.report.files_acknowledged = found.acknowledged
        self.report.files_lost = found.lost
        for example in found.examples[:5]:
            self.say(f"  {primary}: {example}")
        self.say(
            f"{found.acknowledged} files acknowledged, {found.missing} missing, {found.differing} differing,"
            f" {found.unaccounted} not accounted for"
        )

    def _dangling(self, root: FileRoot) -> int:
        """Rows of either node whose file is not on the secondary."""
        trees, found = Root(root.primary, root.secondary), 0
        for server in (self.plant.source, self.plant.copy):
            with self.plant.session(server) as session, Opened(trees) as opened:
                paths = [named(trees, path) for (path,) in session.execute(root.query)]
                found += len(dangling(opened, paths))
        return found

    def _pool(self):
        return self.plant.pair().pools.get(number=1)

    def _until(self, what: str, condition: Callable[[], bool]) -> None:
        def met() -> bool:
            if (pair := self.plant.pair()).phase == "" and pair.phase_detail == "E":
                raise RuntimeError(pair.detail_text)
            return condition()

        wait_for(self.plant, what, met, _PATIENCE_SECONDS)


def _busy(request: int) -> bool:
    return SwapRequest.objects.filter(pk=request, state__in=status.BUSY_SWAP).exists()


class WalWatch:
    """How much log our slots have held at most, on any of the servers."""

    def __init__(self, servers: list[EmbeddedServer]) -> None:
        self.peak = 0
        self._servers = servers
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            for server in self._servers:
                try:
                    with connect(server.conninfo(), "wal watch") as session:
                        row = session.execute(_HELD).fetchone()
                        self.peak = max(self.peak, row[0] if row else 0)
                except (Unreachable, psycopg.Error):
                    continue

    def __enter__(self) -> "WalWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)
