"""When a pair is compared without anybody asking."""

from contextlib import suppress
from datetime import UTC, datetime, time, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone

from nodes import status
from nodes.models import Pair

from .compare import CompareRun
from .comparing import Compare
from .filecompare import FileCompare

_MOST_HOURS = 24 * 31


class CompareSchedule(models.Model):
    """Every so many hours, or daily at a time in UTC; all pools, and file roots with or without contents.

    `last_due` is the time for which the engine has asked last.
    """

    pair = models.OneToOneField(Pair, on_delete=models.CASCADE, related_name="compare_schedule")
    every_hours = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(_MOST_HOURS)]
    )
    daily_at = models.TimeField(null=True, blank=True)
    content = models.BooleanField(default=False)  # of files, too
    set_by = models.CharField(max_length=150, blank=True)
    set_at = models.DateTimeField(default=timezone.now)
    last_due = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(every_hours__isnull=True) ^ models.Q(daily_at__isnull=True),
                name="a_schedule_has_one_rhythm",
                violation_error_message="needed is either a number of hours or a time of the day",
            )
        ]

    def __str__(self) -> str:
        if self.every_hours is not None:
            return "every hour" if self.every_hours == 1 else f"every {self.every_hours} hours"
        return f"daily at {self.daily_at:%H:%M} UTC"

    @classmethod
    def put(
        cls, pair: Pair, by: str, *, every_hours: int | None = None, daily_at: time | None = None,
        content: bool = False,
    ) -> "CompareSchedule":  # fmt: skip
        """Set or replace a pair's schedule; raises `ValidationError` for one that there cannot be."""
        with transaction.atomic():
            held = Pair.objects.select_for_update().get(pk=pair.pk)
            found = cls.objects.filter(pair=held).first() or cls(pair=held)
            found.every_hours, found.daily_at, found.content = every_hours, daily_at, content
            found.set_by, found.set_at, found.last_due = by, timezone.now(), None
            found.full_clean()
            found.save()
            return found

    @property
    def next_due(self) -> datetime:
        """The first time after the last one; it may be over, where the pair was not in step then."""
        after = self.last_due or self.set_at
        if self.every_hours is not None:
            return after + timedelta(hours=self.every_hours)
        at = datetime.combine(after.astimezone(UTC).date(), self.daily_at, UTC)
        return at if at > after else at + timedelta(days=1)

    @property
    def next_due_text(self) -> str:
        """The same for a message, in UTC."""
        return f"{self.next_due:%d %b %H:%M} UTC"

    def waits_for(self, now: datetime | None = None) -> str:
        """Why a compare that is due is not asked for; empty where it is not due, or can be."""
        if self.next_due > (now or timezone.now()):
            return ""
        if self.pair.swaps.filter(state__in=status.BUSY_SWAP).exists():
            return "a role swap is under way; needed is that it has ended"
        for each in (*self.pair.pools.all(), *self.pair.file_roots.all()):
            if not each.replicating:
                return f"{each.asp_name} is {each.standing}; needed is ACTIVE REPLICATING"
        return ""

    def ask(self, now: datetime | None = None) -> bool:
        """Ask for what is due; whether it was. Times that were missed meanwhile are not made up for."""
        now = now or timezone.now()
        with transaction.atomic():
            held = CompareSchedule.objects.select_for_update().filter(pk=self.pk).first()
            if held is None or held.next_due > now or held.waits_for(now):
                return False
            while held.next_due <= now:
                held.last_due = held.next_due
            held.save(update_fields=["last_due"])
            self.last_due = held.last_due
        why = Compare.Why.SCHEDULE
        for pool in held.pair.pools.all():
            with suppress(ValidationError):  # one that is under way already is as good
                CompareRun.request(pool, why=why)
        for root in held.pair.file_roots.all():
            with suppress(ValidationError):
                FileCompare.request(root, content=held.content, why=why)
        return True
