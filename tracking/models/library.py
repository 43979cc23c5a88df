"""The library tracking list (LTL): definitions and other objects on their way, and what has been carried."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from nodes import status
from nodes.models import StoragePool

TABLE_TYPES = ("table", "foreign table")


class DefinitionEntries(models.QuerySet):
    """The library tracking list."""

    def by_hand(self) -> "DefinitionEntries":
        """What waits for somebody: it failed on the secondary, or what it was could not be noted."""
        return self.filter(state__in=("FAILED", "INELIGIBLE"), done_at__isnull=True)

    def in_the_way(self) -> "DefinitionEntries":
        """Those of them without which no row can follow: of these nothing is known."""
        return self.by_hand().filter(state="INELIGIBLE")


class DefinitionEntry(models.Model):
    """A definition that was changed on the primary, until it is on the secondary (an entry of the LTL)."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="definition_entries")
    on_copy = models.BooleanField(default=False)  # which node's: the copy is the primary after a role swap
    number = models.BigIntegerField()  # its id in that node's mwa.definition_changes
    command = models.TextField()
    object_type = models.TextField(blank=True)
    schema_name = models.TextField(blank=True)
    identity = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=status.TRACKING_STATE.choices, default="INELIGIBLE")
    failure = models.TextField(blank=True)  # the secondary's message
    retry_asked = models.BooleanField(default=False)
    tracked_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=150, blank=True)

    objects = DefinitionEntries.as_manager()

    class Meta:
        ordering = ["pool", "number"]
        constraints = [models.UniqueConstraint(fields=["pool", "on_copy", "number"], name="definition_once")]

    def __str__(self) -> str:
        return f"{self.command} {self.identity}"

    def tick_off(self, username: str) -> None:
        """Note who has carried it by hand; raises `ValidationError` where somebody has done so before."""
        changed = (
            DefinitionEntry.objects.by_hand()
            .filter(pk=self.pk)
            .update(done_at=timezone.now(), done_by=username)
        )
        if not changed:
            raise ValidationError(f"'{self}' was ticked off already, or comes by itself")

    def retry(self) -> None:
        """Have it tried once more; raises `ValidationError` where it has not failed."""
        changed = (
            DefinitionEntry.objects.by_hand().filter(pk=self.pk, state="FAILED").update(retry_asked=True)
        )
        if not changed:
            raise ValidationError(f"'{self}' has not failed, or is done already")


class MigratedObject(models.Model):
    """An object whose definition has been carried, with its latest success (as in MIGRATED_LIBRARY)."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="migrated_objects")
    schema_name = models.TextField(blank=True)
    identity = models.TextField()
    object_type = models.TextField()
    tracked_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    count = models.IntegerField(default=0)

    class Meta:
        ordering = ["-ended_at"]
        constraints = [
            models.UniqueConstraint(fields=["pool", "object_type", "identity"], name="migrated_object_once")
        ]

    def __str__(self) -> str:
        return f"{self.object_type} {self.identity}"

    @classmethod
    def note(cls, entry: DefinitionEntry, ended_at: datetime) -> None:
        """One success more."""
        found, _ = cls.objects.get_or_create(
            pool=entry.pool, object_type=entry.object_type, identity=entry.identity,
            defaults={"tracked_at": entry.tracked_at, "ended_at": ended_at, "schema_name": entry.schema_name},
        )  # fmt: skip
        found.tracked_at, found.ended_at, found.count = entry.tracked_at, ended_at, found.count + 1
        found.save()


class OtherObject(models.Model):
    """An object that no event trigger sees and that differs between the nodes (an entry of the LTL)."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="other_objects")
    object_type = models.TextField()
    library = models.TextField(blank=True)
    name = models.TextField(blank=True)
    change = models.TextField()
    state = models.CharField(max_length=10, choices=status.TRACKING_STATE.choices)
    why = models.TextField(blank=True)  # what is to be done by hand, or the server's message
    size = models.BigIntegerField(null=True)
    tracked_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True)
    key = ArrayField(models.TextField(), default=list)  # of what was carried in vain, with its contents then
    seen = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["pool", "object_type", "library", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "object_type", "library", "name"], name="other_object_once"
            )
        ]

    def __str__(self) -> str:
        where = f"{self.library}." if self.library else ""
        return f"{self.object_type} {where}{self.name}"

    @property
    def what(self) -> tuple[str, str, str]:
        """What it is known by within its pool."""
        return self.object_type, self.library, self.name

    def tick_off(self, username: str) -> None:
        """Note who has done it by hand; raises `ValidationError` where that is not for hands, or was done."""
        changed = OtherObject.objects.filter(pk=self.pk, state="INELIGIBLE", done_at__isnull=True).update(
            done_at=timezone.now(), done_by=username
        )
        if not changed:
            raise ValidationError(f"'{self}' is not to be done by hand, or was ticked off already")
