"""What a compare of tables and one of files have in common: who wants it, how far it is, how it ended."""

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status
from nodes.status import Status

_KEPT = 300


class Compare(models.Model):
    """A compare that is asked for, runs, and ends with a verdict, or without one where it was stopped.

    `asked_by` is a person, or empty where the portal itself asks: `why` says on what occasion.
    """

    class Why(models.TextChoices):
        ASKED = "ASKED", "asked for"
        SCHEDULE = "SCHEDULE", "by the schedule"
        SWAP = "SWAP", "before a role swap"
        LOOK = "LOOK", "a look now and then"

    why = models.CharField(max_length=8, choices=Why, default=Why.ASKED)
    asked_by = models.CharField(max_length=150, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    progress_at = models.DateTimeField(null=True)  # when the figures below were true
    stopped_by = models.CharField(max_length=150, blank=True)  # who wants it to stop, or has stopped it
    ended_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=14, choices=status.VERDICT.choices, blank=True)
    message = models.TextField(blank=True)

    in_step: bool  # whether what it compares is replicating, which it waits for

    class Meta:
        abstract = True

    @property
    def standing(self) -> Status:
        """How it stands, for an indicator."""
        if self.ended_at and self.verdict and not self.stopped_by:
            return status.VERDICT[self.verdict]
        if self.ended_at:
            return status.COMPARE["STOPPED" if self.stopped_by else "NO VERDICT"]
        if self.stopped_by:
            return status.COMPARE["STOPPING"]
        if not self.in_step:
            return status.COMPARE["WAITING"]
        return status.COMPARE["RUNNING" if self.started_at else "ASKED"]

    @property
    def seconds(self) -> float | None:
        """How long it took, or how long it has been running; None where it has not begun."""
        if self.started_at is None:
            return None
        return ((self.ended_at or timezone.now()) - self.started_at).total_seconds()

    def stop(self, username: str) -> None:
        """Have it end soon, without a verdict; raises `ValidationError` where it has ended or is ending."""
        with transaction.atomic():
            held = type(self).objects.select_for_update().filter(pk=self.pk).first()
            if held is None or held.ended_at:
                raise ValidationError(f"{self} has ended already")
            if held.stopped_by:
                raise ValidationError(f"{self} is being stopped by {held.stopped_by}")
            held.stopped_by = username
            if held.started_at is None or not held.in_step:  # nobody may be at work on it
                held.ended_at = timezone.now()
            held.save(update_fields=["stopped_by", "ended_at"])

    @classmethod
    def prune(cls, found: models.QuerySet) -> None:
        """Of these, which are of one pool or root, keep the newest 300 that have ended."""
        over = found.filter(ended_at__isnull=False).order_by("-pk")
        beyond = over.values_list("pk", flat=True)[_KEPT : _KEPT + 1].first()
        if beyond is not None:
            cls.objects.filter(pk__in=over.filter(pk__lte=beyond).values("pk")).delete()

    def begin(self) -> bool:
        """Note that it begins, or begins again; False where it has been stopped meanwhile."""
        now = timezone.now()
        mine = type(self).objects.filter(pk=self.pk, ended_at=None, stopped_by="")
        if not mine.update(started_at=now, progress_at=now):
            return False
        self.started_at = self.progress_at = now
        return True
