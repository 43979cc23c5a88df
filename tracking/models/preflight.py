"""Preflights that somebody asked for, and what they have found."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status
from nodes.models import Pair
from nodes.status import Status

_KEPT = 20


class PreflightRun(models.Model):
    """One look at a pair: asked for here, carried out by the engine; of a pair one at a time.

    `runner` is the engine that has begun it. One that ended in the middle leaves it begun: the next engine
    begins it again.
    """

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="preflights")
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(default=timezone.now)
    create_databases = models.BooleanField(default=False)
    runner = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    databases = models.JSONField(default=list)  # those that were looked at
    checks = models.JSONField(default=list)  # preflight.Check as data
    made = models.JSONField(default=list)  # a line for each database that was made
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pair"], condition=models.Q(ended_at=None), name="one_preflight_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"preflight {self.pk} of pair {self.pair}"

    @classmethod
    def request(cls, pair: Pair, by: str, *, create_databases: bool = False) -> "PreflightRun":
        """Have a pair looked at; raises `ValidationError` where that is not possible now."""
        with transaction.atomic():
            held = Pair.objects.select_for_update().filter(pk=pair.pk).first()  # of two at once one is second
            if held is None or held.goal == Pair.Goal.REMOVED:
                raise ValidationError(f"pair {pair} is being removed; a preflight needs one that stays")
            if not held.pools.exists():
                raise ValidationError(f"pair {pair} has no database yet; a preflight needs one to look at")
            if create_databases and not held.untouched:
                raise ValidationError(f"{held.where}; databases are made before it is started")
            if open_one := held.preflights.filter(ended_at=None).first():
                raise ValidationError(f"{open_one} has not ended yet; needed is that it has")
            return cls.objects.create(pair=held, asked_by=by, create_databases=create_databases)

    def begin(self, runner: str) -> None:
        """It is being carried out by this engine."""
        self.runner, self.started_at = runner, timezone.now()
        self.save(update_fields=["runner", "started_at"])

    def end(self, **found: Any) -> None:
        """It is over; not where another engine has begun it again meanwhile."""
        mine = PreflightRun.objects.filter(pk=self.pk, runner=self.runner, ended_at=None)
        if mine.update(ended_at=timezone.now(), **found):
            kept = self.pair.preflights.values_list("pk", flat=True)[:_KEPT]
            self.pair.preflights.exclude(pk__in=list(kept)).delete()

    @property
    def standing(self) -> Status:
        """Where it stands, in words; what no engine works on is not called running."""
        if self.ended_at is None:
            running = bool(self.runner) and self.pair.attended and self.pair.lease_owner == self.runner
            return status.PREFLIGHT["RUNNING" if running else "ASKED"]
        if self.error:
            return status.PREFLIGHT["ENDED"]
        return status.PREFLIGHT["FAILED" if self.counts["failed"] else "PASSED"]

    @property
    def counts(self) -> dict[str, int]:
        """How many checks have failed, warn, and have passed."""
        found = [check["status"] for check in self.checks]
        return {name: found.count(name) for name in ("failed", "warning", "passed")}

    @property
    def since(self) -> datetime:
        """Since when it stands where it does."""
        return self.ended_at or self.started_at or self.asked_at
