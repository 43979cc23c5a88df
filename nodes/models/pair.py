"""A source and a copy: what is wanted of them, and where their migration stands."""

import secrets
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status, swap_checks
from nodes.limits import within

from .node import Node


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
    asked_at = models.DateTimeField(null=True, editable=False)
    phase = models.CharField(max_length=12, choices=status.PHASE.choices, default="", blank=True)
    phase_detail = models.CharField(max_length=1, choices=status.PHASE_DETAIL.choices, default="I")
    detail_text = models.TextField(blank=True)

    synchronous = models.BooleanField(default=False)
    auto_resume = models.BooleanField(default=True)
    parallel_degree = models.PositiveSmallIntegerField(default=2, validators=within(1, 64))
    savact = models.CharField(max_length=8, choices=Savact, default=Savact.SYNCLIB)
    savactwait_seconds = models.PositiveIntegerField(default=120, validators=within(1, 86_400))
    suspend_wait_seconds = models.PositiveIntegerField(default=10, validators=within(1, 3_600))
    lag_limit_bytes = models.BigIntegerField(default=256 * 2**20, validators=within(2**20, 2**50))
    wal_limit_bytes = models.BigIntegerField(default=4 * 2**30, validators=within(2**26, 2**50))
    whole_share_percent = models.PositiveSmallIntegerField(default=30, validators=within(1, 100))
    swap_budget_ms = models.PositiveIntegerField(default=5_000, validators=within(1, 600_000))

    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(source=models.F("copy")),
                name="a_pair_has_two_nodes",
                violation_error_message="source and copy are the same node, needed are two",
            ),
            models.CheckConstraint(  # a browser takes these out of an address
                condition=~models.Q(name__in=("", ".", "..")),
                name="a_pair_has_an_address",
                violation_error_message="a pair's name is neither empty nor . nor ..",
            ),
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

    @transaction.atomic
    def ask(self, goal: str, by: str = "") -> None:
        """Write down what somebody wants; raises `ValidationError` where it is not possible now."""
        held = Pair.objects.select_for_update().filter(pk=self.pk).first()  # of two at once one is second
        if held is None or held.goal == self.Goal.REMOVED:
            raise ValidationError(f"pair {self.name} {'is being' if held else 'has been'} removed")
        if goal == self.Goal.PAUSED and held.stage == "SYSTEM MIGRATION":
            raise ValidationError(f"{held.where}; a pause needs {status.PHASE['SYNC'].label}")
        if self.swaps.filter(state__in=status.BUSY_SWAP).exists():
            raise ValidationError(f"a role swap of pair {self.name} is running")
        if goal == self.Goal.SYNC:
            for mirrored in (self.pools, self.file_roots):
                mirrored.update(retry_at=timezone.now())  # now, whatever auto-resume or a backoff says
        held.goal, held.asked_by, held.asked_at = goal, by, timezone.now()
        held.save(update_fields=["goal", "asked_by", "asked_at"])
        self.goal, self.asked_by, self.asked_at = held.goal, held.asked_by, held.asked_at

    def in_the_way_of_swap(self) -> str:
        """Why a role swap cannot take place now, with what is seen and what is needed; empty where it can."""
        return next((check.refusal for check in swap_checks.conditions(self) if check.refusal), "")

    @property
    def untouched(self) -> bool:
        """Whether nothing has been done on the nodes yet; the phase is written before the first thing is."""
        return self.phase == ""

    @property
    def attended(self) -> bool:
        """Whether an engine works on this pair."""
        return self.lease_until is not None and self.lease_until > timezone.now()

    def take_lease(self, owner: str, seconds: float) -> bool:
        """Become (or stay) the only engine of this pair for some seconds."""
        now = timezone.now()
        free = models.Q(lease_until__isnull=True) | models.Q(lease_until__lt=now)
        return bool(
            Pair.objects.filter(free | models.Q(lease_owner=owner), pk=self.pk).update(
                lease_owner=owner, lease_until=now + timedelta(seconds=seconds)
            )
        )

    @property
    def where(self) -> str:
        """Which phase it is in, for a refusal."""
        return f"pair {self.name} is in phase {self.get_phase_display()}"
