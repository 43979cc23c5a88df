"""What there is: nodes, pairs, storage pools, and role swaps with their approvals."""

import hashlib
import json
import secrets
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.utils import timezone

from mwaportal.secretbox import EncryptedTextField

from . import status
from .postgres.connect import for_database
from .postgres.embedded import EmbeddedServer


class Node(models.Model):
    """One PostgreSQL cluster: given by a connection string, or embedded (then `directory` says where)."""

    name = models.CharField(max_length=63, unique=True)
    conninfo = EncryptedTextField(blank=True)
    directory = models.CharField(max_length=1000, blank=True)
    version = models.PositiveSmallIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @property
    def embedded(self) -> EmbeddedServer | None:
        """The server of our own behind this node, if it is one."""
        return EmbeddedServer(Path(self.directory), self.version or 18) if self.directory else None

    @property
    def own_conninfo(self) -> str:
        """The connection string as it was given, for questions to the server as a whole."""
        server = self.embedded
        return server.conninfo() if server else self.conninfo

    def conninfo_for(self, database: str) -> str:
        """The connection string for one of its databases."""
        server = self.embedded
        return server.conninfo(database) if server else for_database(self.conninfo, database)


class Pair(models.Model):
    """A source and a copy, what is wanted of them, and where the migration stands.

    `goal` is intent, written by people; phase and detail are fact, written by the engine that holds the
    lease. A goal that is not reached yet is shown as the pending phase.
    """

    class Goal(models.TextChoices):
        NONE = "", "Nothing yet"
        SYNC = "SYNC", "Synchronize"
        PAUSED = "PAUSED", "Pause"
        REMOVED = "REMOVED", "Remove"

    class Savact(models.TextChoices):
        SYNCLIB = "*SYNCLIB", "One checkpoint for everything"
        LIB = "*LIB", "One checkpoint per schema"
        SYSDFN = "*SYSDFN", "One checkpoint per table"

    name = models.CharField(max_length=63, unique=True)
    token = models.CharField(max_length=8, unique=True, editable=False)
    source = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="source_of")
    copy = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="copy_of")
    swapped = models.BooleanField(default=False)  # whether the copy is the primary now
    goal = models.CharField(max_length=12, choices=Goal, default=Goal.NONE, blank=True)
    asked_by = models.CharField(max_length=150, blank=True)  # whose goal it is, for the journal
    phase = models.CharField(max_length=12, choices=status.PHASE.choices, default="", blank=True)
    phase_detail = models.CharField(max_length=1, choices=status.PHASE_DETAIL.choices, default="I")
    detail_text = models.TextField(blank=True)

    synchronous = models.BooleanField(default=False)
    auto_resume = models.BooleanField(default=True)
    parallel_degree = models.PositiveSmallIntegerField(default=2)
    savact = models.CharField(max_length=8, choices=Savact, default=Savact.SYNCLIB)
    savactwait_seconds = models.PositiveIntegerField(default=120)
    suspend_wait_seconds = models.PositiveIntegerField(default=10)
    lag_limit_bytes = models.BigIntegerField(default=256 * 2**20)
    wal_limit_bytes = models.BigIntegerField(default=4 * 2**30)
    whole_share_percent = models.PositiveSmallIntegerField(default=30)
    swap_budget_ms = models.PositiveIntegerField(default=5_000)

    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(source=models.F("copy")), name="a_pair_has_two_nodes")
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs):
        self.token = self.token or secrets.token_hex(3)
        super().save(*args, **kwargs)

    @property
    def primary(self) -> Node:
        """The node that may be written to."""
        return self.copy if self.swapped else self.source

    @property
    def secondary(self) -> Node:
        """The node that follows."""
        return self.source if self.swapped else self.copy

    @property
    def stage(self) -> str:
        """Which of Migrate While Active's three stages the phase belongs to."""
        return status.STAGE_OF_PHASE[self.phase]

    @property
    def pending_phase(self) -> str:
        """What was asked for and is not in force yet."""
        if self.goal == self.phase or (self.goal == "SYNC" and self.stage != "DATA SYNCHRONIZATION"):
            return ""
        return self.goal

    def ask(self, goal: str, by: str = "") -> None:
        """Write down what somebody wants; raises `ValidationError` where it is not possible now."""
        if self.goal == self.Goal.REMOVED:
            raise ValidationError(f"pair {self.name} is being removed")
        if goal == self.Goal.PAUSED and self.stage == "SYSTEM MIGRATION":
            raise ValidationError(
                f"pair {self.name} is in phase {self.get_phase_display()}; only SYNC can be paused"
            )
        if self.swaps.filter(state__in=SwapRequest.BUSY).exists():
            raise ValidationError(f"a role swap of pair {self.name} is running")
        if goal == self.Goal.SYNC:
            self.pools.update(retry_at=timezone.now())  # now, whatever auto-resume or a backoff says
        self.goal, self.asked_by = goal, by
        self.save(update_fields=["goal", "asked_by"])

    def take_lease(self, owner: str, seconds: float) -> bool:
        """Become (or stay) the only engine of this pair for some seconds."""
        now = timezone.now()
        free = models.Q(lease_until__isnull=True) | models.Q(lease_until__lt=now)
        return bool(
            Pair.objects.filter(free | models.Q(lease_owner=owner), pk=self.pk).update(
                lease_owner=owner, lease_until=now + timedelta(seconds=seconds)
            )
        )


class StoragePool(models.Model):
    """One database of a pair (Db2 Mirror keeps its state per ASP); number 1 is *SYSBAS.

    `step` is how far its system migration got, `state`, `detail` and `reason` are the primary's.
    """

    class Step(models.TextChoices):
        NEW = "", "Nothing done"
        INSTALLED = "INSTALLED", "Capture runs"
        DEFINED = "DEFINED", "Definitions restored"
        COPIED = "COPIED", "Rows copied"
        INDEXED = "INDEXED", "Indexes built"
        MIRRORED = "MIRRORED", "Handed over"

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="pools")
    number = models.PositiveSmallIntegerField(default=1)
    database = models.CharField(max_length=63)
    step = models.CharField(max_length=12, choices=Step, default=Step.NEW, blank=True)
    state = models.CharField(max_length=12, choices=status.REPLICATION_STATE.choices, default="NOT MIRRORED")
    detail = models.CharField(
        max_length=13, choices=status.REPLICATION_DETAIL.choices, default="", blank=True
    )
    reason = models.PositiveIntegerField(default=0)
    reason_text = models.TextField(blank=True)
    since = models.DateTimeField(default=timezone.now)
    definitions_seen = models.BigIntegerField(default=0)  # the last entry of mwa.definition_changes handled
    failures = models.PositiveIntegerField(default=0)  # in a row, since it was last REPLICATING
    retry_at = models.DateTimeField(null=True, blank=True)

    lag_bytes = models.BigIntegerField(null=True)
    wal_held_bytes = models.BigIntegerField(null=True)
    tracked_changes = models.BigIntegerField(default=0)
    tracked_rows = models.BigIntegerField(default=0)
    resync_rows = models.BigIntegerField(default=0)  # brought by the last hand-over
    measured_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pair", "number"]
        constraints = [
            models.UniqueConstraint(fields=["pair", "number"], name="pool_number_once"),
            models.UniqueConstraint(fields=["pair", "database"], name="database_once"),
        ]

    def __str__(self) -> str:
        return self.asp_name

    @property
    def asp_name(self) -> str:
        """*SYSBAS for the pair's first database, the database's name for every other."""
        return "*SYSBAS" if self.number == 1 else self.database

    @property
    def secondary_state(self) -> str:
        """What the secondary shows while the primary shows `state`."""
        return "BLOCKED" if self.state == "TRACKING" else self.state

    def slot(self, *, reverse: bool | None = None) -> str:
        """The slot's and the subscription's name: one for each direction."""
        backwards = self.pair.swapped if reverse is None else reverse
        return f"mwa_{self.pair.token}_{self.number}_{'r' if backwards else 'f'}"


class SwapRequest(models.Model):
    """A role swap: asked for by one, approved by another, for exactly the plan that was shown."""

    BUSY = ("APPROVED", "RUNNING", "COMMITTED")

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="swaps")
    state = models.CharField(max_length=10, choices=status.SWAP.choices, default="REQUESTED")
    plan = models.JSONField()
    digest = models.CharField(max_length=64)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requested_swaps"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="decided_swaps"
    )
    decided_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    steps = models.JSONField(default=list)
    definitions = models.JSONField(default=dict)  # by pool: the new primary's last one before it opened
    failure = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("approve_swaprequest", "Can approve a role swap")]
        constraints = [
            models.UniqueConstraint(
                fields=["pair"],
                condition=models.Q(state__in=("REQUESTED", "APPROVED", "RUNNING", "COMMITTED")),
                name="one_open_swap_per_pair",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True)
                | ~models.Q(decided_by=models.F("requested_by"))
                | models.Q(state="CANCELLED"),
                name="nobody_approves_his_own_swap",
            ),
        ]

    def __str__(self) -> str:
        return f"role swap {self.pk} of {self.pair}"

    @staticmethod
    def plan_for(pair: Pair) -> dict[str, object]:
        """What a swap of the pair would do now; an approval holds as long as this stays the same."""
        return {
            "pair": pair.name,
            "from": pair.primary.name,
            "to": pair.secondary.name,
            "databases": [pool.database for pool in pair.pools.all()],
            "budget_ms": pair.swap_budget_ms,
        }

    @staticmethod
    def digest_of(plan: dict[str, object]) -> str:
        """A plan's fingerprint."""
        return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()

    @classmethod
    def request(cls, pair: Pair, user) -> "SwapRequest":
        """Ask for a swap; raises `ValidationError` where the pair is not synchronizing."""
        if pair.phase != "SYNC":
            raise ValidationError(
                f"pair {pair.name} is in phase {pair.get_phase_display()}; a role swap needs Synchronizing"
            )
        if pair.swaps.filter(state__in=("REQUESTED", *cls.BUSY)).exists():
            raise ValidationError(f"a role swap of pair {pair.name} is already open")
        plan = cls.plan_for(pair)
        return cls.objects.create(pair=pair, plan=plan, digest=cls.digest_of(plan), requested_by=user)

    def approve(self, user, digest: str) -> None:
        """Approve the plan with this digest; raises `PermissionDenied` or `ValidationError`."""
        if user == self.requested_by:
            raise PermissionDenied("nobody approves his own role swap")
        if not user.has_perm("nodes.approve_swaprequest"):
            raise PermissionDenied(f"{user} is not an approver")
        with transaction.atomic():
            held = SwapRequest.objects.select_for_update().get(pk=self.pk)
            if held.state != "REQUESTED":
                raise ValidationError(f"{self} is {held.get_state_display()}, not waiting for approval")
            if not self.digest == digest == self.digest_of(self.plan_for(self.pair)):
                raise ValidationError(f"the plan of {self} is not the one that was shown")
            self.state, self.decided_by, self.decided_at = "APPROVED", user, timezone.now()
            self.save(update_fields=["state", "decided_by", "decided_at"])

    def decline(self, user, state: str) -> None:
        """End an open request: CANCELLED by whoever asked, REJECTED by an approver."""
        changed = SwapRequest.objects.filter(pk=self.pk, state="REQUESTED").update(
            state=state, decided_by=user, decided_at=timezone.now()
        )
        if not changed:
            raise ValidationError(f"{self} is not waiting for approval any more")
        self.refresh_from_db()
