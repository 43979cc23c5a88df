"""What became of the library tracking list: each object's latest success, and every attempt."""

from datetime import datetime, timedelta
from typing import Protocol

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status
from nodes.models import StoragePool

KEPT_ATTEMPTS, KEPT_FOR = 10_000, timedelta(days=30)


class Described(Protocol):
    """An entry of the library tracking list, as far as its history needs to know it."""

    pool: StoragePool
    tracked_at: datetime

    @property
    def described(self) -> dict[str, str]:
        """Its object_type, schema_name and identity, and the command that was tracked."""
        ...


class MigratedObject(models.Model):
    """An object that has been carried, with its latest success (as in MIGRATED_LIBRARY).

    When a definition's success began is not known where the stream brought it.
    """

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="migrated_objects")
    schema_name = models.TextField(blank=True)
    identity = models.TextField()
    object_type = models.TextField()
    tracked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    size = models.BigIntegerField(null=True)
    count = models.IntegerField(default=0)

    class Meta:
        ordering = ["-ended_at"]
        constraints = [
            models.UniqueConstraint(fields=["pool", "object_type", "identity"], name="migrated_object_once")
        ]

    def __str__(self) -> str:
        return f"{self.object_type} {self.identity}"

    @property
    def described(self) -> dict[str, str]:
        """As an attempt has it."""
        what = {"object_type": self.object_type, "schema_name": self.schema_name}
        return {**what, "identity": self.identity, "command": ""}

    @classmethod
    def note(
        cls, entry: Described, ended_at: datetime, started_at: datetime | None = None, size: int | None = None
    ) -> None:
        """One success more."""
        what = {name: value for name, value in entry.described.items() if name != "command"}
        times = {"tracked_at": entry.tracked_at, "started_at": started_at, "ended_at": ended_at}
        found, made = cls.objects.get_or_create(
            pool=entry.pool, object_type=what["object_type"], identity=what["identity"],
            defaults={**what, **times, "size": size, "count": 1},
        )  # fmt: skip
        if not made:
            known = found.size if size is None else size
            cls.objects.filter(pk=found.pk).update(**times, size=known, count=models.F("count") + 1)

    @transaction.atomic
    def remove(self, username: str) -> None:
        """Forget it; raises `ValidationError` while the list is being worked off, or where it is gone."""
        if why := self.pool.being_worked_off():
            raise ValidationError(why)
        if not MigratedObject.objects.filter(pk=self.pk).delete()[0]:
            raise ValidationError(f"{self} is not in the history any more")
        Attempt.note(self, "REMOVED", by=username)

    def do(self, act: str, username: str, value: str = "") -> None:
        """What may be asked of many of them at once: to be removed."""
        if act != "remove":
            raise ValidationError(f"'{act}' was asked of '{self}'; needed is remove")
        self.remove(username)


class Attempt(models.Model):
    """An attempt to carry an entry, or what a person has done with one; only ever added to and pruned.

    An attempt that fails as the one before it did only counts that one up.
    """

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="attempts")
    object_type = models.TextField(blank=True)
    schema_name = models.TextField(blank=True)
    identity = models.TextField(blank=True)
    command = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=status.ATTEMPT.choices)
    message = models.TextField(blank=True)
    job = models.TextField(blank=True)  # who carried it
    by = models.CharField(max_length=150, blank=True)  # who asked for it
    times = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.command} {self.identity}: {self.outcome}"

    @classmethod
    def note(cls, entry: Described, outcome: str, *, ended_at: datetime | None = None, **values) -> None:
        """Write one down: `started_at`, `message`, `job` and `by` where they are known."""
        values["ended_at"] = ended_at or timezone.now()
        what = {"pool": entry.pool, **entry.described}
        last = cls.objects.filter(**what).first() if outcome == "FAILED" else None
        if last and (last.outcome, last.message) == (outcome, values.get("message", "")):
            cls.objects.filter(pk=last.pk).update(**values, times=models.F("times") + 1)
        else:
            cls.objects.create(**what, outcome=outcome, **values)

    @classmethod
    def prune(cls, pool: StoragePool) -> None:
        """Keep the newest 10,000 of a pool, and none that is older than 30 days."""
        mine = cls.objects.filter(pool=pool)
        beyond = mine[KEPT_ATTEMPTS : KEPT_ATTEMPTS + 1].values_list("pk", flat=True)
        old = models.Q(ended_at__lt=timezone.now() - KEPT_FOR)
        mine.filter(old | models.Q(pk__lte=next(iter(beyond), 0))).delete()
