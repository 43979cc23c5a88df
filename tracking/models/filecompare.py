"""Compares of file roots."""

from django.core.exceptions import ValidationError
from django.db import models, transaction

from nodes.models import FileRoot

from .comparing import Compare


class FileCompare(Compare):
    """A compare of the two trees of a root; without `content` by what is seen without opening files."""

    root = models.ForeignKey(FileRoot, on_delete=models.CASCADE, related_name="compares")
    content = models.BooleanField(default=True)
    objects_compared = models.BigIntegerField(default=0)
    bytes_compared = models.BigIntegerField(default=0)
    difference_count = models.BigIntegerField(default=0)
    differences = models.JSONField(default=list)  # the first ones: path, kind, type, what

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["root"], condition=models.Q(ended_at__isnull=True), name="one_file_compare_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"compare {self.pk} of {self.root}"

    @property
    def in_step(self) -> bool:
        """Whether its root is replicating."""
        return self.root.replicating

    @property
    def of(self) -> str:
        """What is compared, in words."""
        return f"{self.root.asp_name} {'with' if self.content else 'without'} contents"

    @property
    def rate(self) -> float | None:
        """Objects a second up to now; None where nothing is known."""
        if not self.started_at or not self.objects_compared:
            return None
        seconds = ((self.ended_at or self.progress_at or self.started_at) - self.started_at).total_seconds()
        return self.objects_compared / seconds if seconds > 0 else None

    @classmethod
    def request(
        cls, root: FileRoot, *, content: bool = True, by: str = "", why: str = Compare.Why.ASKED
    ) -> "FileCompare":
        """Ask for one; raises `ValidationError` where the root is not in step, or one is under way."""
        if not root.replicating:
            raise ValidationError(f"file root {root} is {root.standing}; a compare needs ACTIVE REPLICATING")
        with transaction.atomic():
            FileRoot.objects.select_for_update().get(pk=root.pk)
            if cls.objects.filter(root=root, ended_at=None).exists():
                raise ValidationError(f"file root {root} is being compared already")
            return cls.objects.create(root=root, content=content, asked_by=by, why=why)
