"""What a storage pool and a file root have in common: the replication state, and why."""

from django.db import models
from django.utils import timezone

from nodes import status


class Mirrored(models.Model):
    """Something that is kept equal on both nodes; state, detail and reason are the primary's."""

    state = models.CharField(max_length=12, choices=status.REPLICATION_STATE.choices, default="NOT MIRRORED")
    detail = models.CharField(
        max_length=13, choices=status.REPLICATION_DETAIL.choices, default="", blank=True
    )
    reason = models.PositiveIntegerField(default=0)
    reason_text = models.TextField(blank=True)
    since = models.DateTimeField(default=timezone.now)
    failures = models.PositiveIntegerField(default=0)  # in a row, since it was last REPLICATING
    retry_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def replicating(self) -> bool:
        """Whether both nodes are in step: what a compare and a role swap need."""
        return (self.state, self.detail) == ("ACTIVE", "REPLICATING")

    @property
    def in_trouble(self) -> bool:
        """Whether it is suspended for a reason that somebody should know of."""
        return self.detail == "SUSPENDED" and self.reason in status.TROUBLE_REASONS

    @property
    def why(self) -> str:
        """What the reason means, and what there is to say about this time."""
        meaning = status.REASONS.get(self.reason, "")
        return meaning if self.reason_text in ("", meaning) else f"{meaning}: {self.reason_text}"

    @property
    def standing(self) -> str:
        """State and detail in one, for messages."""
        return f"{self.state} {self.detail}".strip()

    @property
    def secondary_state(self) -> str:
        """What the secondary shows while the primary shows `state`."""
        return "BLOCKED" if self.state == "TRACKING" else self.state
