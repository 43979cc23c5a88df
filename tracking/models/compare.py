"""Compares and their verdicts."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from nodes import status
from nodes.models import StoragePool


class CompareRun(models.Model):
    """One compare of some tables of a pool."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="compares")
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"compare {self.pk} of {self.pool}"

    @classmethod
    def request(cls, pool: StoragePool) -> "CompareRun":
        """Have every table of a pool compared; raises `ValidationError` where that is not possible now."""
        if not pool.replicating:
            raise ValidationError(
                f"pool {pool} of pair {pool.pair} is {pool.standing}; a compare needs ACTIVE REPLICATING"
            )
        if running := pool.compares.filter(ended_at__isnull=True).first():
            raise ValidationError(f"{running} has not ended yet")
        return cls.objects.create(pool=pool)


class CompareResult(models.Model):
    """The verdict on one table; `differences` holds the first rows that differ, with both versions."""

    run = models.ForeignKey(CompareRun, on_delete=models.CASCADE, related_name="results")
    schema = models.CharField(max_length=63)
    name = models.CharField(max_length=63)
    verdict = models.CharField(max_length=14, choices=status.VERDICT.choices)
    reason = models.TextField(blank=True)
    rows = models.BigIntegerField(default=0)
    different_rows = models.BigIntegerField(default=0)
    differences = models.JSONField(default=list)
    written = models.BigIntegerField(default=0)  # the primary's counter of row changes before the compare
    seconds = models.FloatField(default=0)

    class Meta:
        ordering = ["run", "schema", "name"]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}: {self.verdict}"
