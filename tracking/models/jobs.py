"""What the engine is doing now: a row for each thing that takes long, as long as it lasts."""

from django.db import models
from django.utils import timezone

from nodes import status
from nodes.models import FileRoot, Pair, StoragePool
from nodes.status import Status


class Job(models.Model):
    """Something that is under way. `owner` is the engine: the row of one that died is not believed."""

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="jobs")
    pool = models.ForeignKey(StoragePool, null=True, on_delete=models.CASCADE, related_name="jobs")
    root = models.ForeignKey(FileRoot, null=True, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=12, choices=status.JOB.choices)
    owner = models.CharField(max_length=64)
    began_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pair", "pool", "root", "id"]

    def __str__(self) -> str:
        return f"{status.JOB[self.kind].label} of {self.pool or self.root or self.pair}"

    @property
    def about(self) -> Status:
        """What it is, in words."""
        return status.JOB[self.kind]
