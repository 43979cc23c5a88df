"""Who is in the way of a pool on either of its nodes, as the engine has last seen it there."""

from datetime import UTC, datetime
from typing import Any

from django.db import models

from nodes.models import StoragePool

from .handover import HandOver


class NodeJobs(models.Model):
    """The transactions on one node that keep a pool from resuming; Db2 Mirror's jobs preventing resume.

    `jobs` are those that were there at `seen_at`. With a `failure` the node could not be read at `looked_at`,
    and nobody knows whether they still are.
    """

    class Role(models.TextChoices):
        PRIMARY = "PRIMARY", "Primary"
        SECONDARY = "SECONDARY", "Secondary"

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="node_jobs")
    role = models.CharField(max_length=9, choices=Role)
    looked_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)
    jobs = models.JSONField(default=list)

    class Meta:
        ordering = ["pool", "role"]
        constraints = [models.UniqueConstraint(fields=["pool", "role"], name="jobs_of_a_node_once")]

    def __str__(self) -> str:
        return f"jobs of {self.pool} on its {self.role.lower()}"


def one_of(pool: StoragePool, role: str, pid: int, session_began: datetime) -> dict[str, Any] | None:
    """This very session, where it is in the way of the pool; None where it is not."""
    seen = list(NodeJobs.objects.filter(pool=pool, role=role, failure="").values_list("jobs", flat=True))
    if role == NodeJobs.Role.PRIMARY:
        seen += HandOver.objects.filter(pool=pool, ended_at=None).values_list("waiting", flat=True)
    wanted = (pid, session_began.astimezone(UTC).isoformat())
    for jobs in seen:
        for job in jobs:
            if (job["pid"], job["session_began"]) == wanted:
                return job
    return None
