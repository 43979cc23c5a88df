"""How far the system migration of a pool is, beside the copying of its tables."""

from django.db import models
from django.utils import timezone

from nodes.models import StoragePool


class SetupStep(models.Model):
    """When a step of a pool's system migration was reached."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="setup_steps")
    step = models.CharField(max_length=12, choices=StoragePool.Step)
    reached_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pool", "reached_at"]
        constraints = [models.UniqueConstraint(fields=["pool", "step"], name="a_step_is_reached_once")]

    def __str__(self) -> str:
        return f"{self.get_step_display()} of {self.pool}"

    @classmethod
    def note(cls, pool: StoragePool, step: str) -> None:
        """It has been reached; a pool that begins anew has reached none."""
        if step == StoragePool.Step.NEW:
            cls.objects.filter(pool=pool).delete()
        else:
            cls.objects.update_or_create(pool=pool, step=step, defaults={"reached_at": timezone.now()})


class FinishingPart(models.Model):
    """What comes after the rows: indexes and the like, with what is being built as of `sampled_at`.

    `total` is None where nobody knows it beforehand.
    """

    class Part(models.TextChoices):
        INDEXES = "indexes", "Indexes, primary keys and unique constraints"
        FOREIGN_KEYS = "foreign keys", "Foreign keys, not validated yet"
        OTHERS = "others", "Triggers, rules, policies, comments and other definitions"
        STATISTICS = "statistics", "Planner statistics (ANALYZE)"
        VALIDATION = "validation", "Foreign keys validated"
        VIEWS = "views", "Materialized views made anew"

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="finishing_parts")
    part = models.CharField(max_length=12, choices=Part)
    done = models.IntegerField(default=0)
    total = models.IntegerField(null=True)
    building = models.JSONField(default=list)
    began_at = models.DateTimeField(default=timezone.now)
    sampled_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pool", "began_at", "id"]
        constraints = [models.UniqueConstraint(fields=["pool", "part"], name="a_finishing_part_once")]

    def __str__(self) -> str:
        return f"{self.get_part_display()} of {self.pool}"
