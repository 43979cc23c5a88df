"""How a pair's nodes are: what was measured last, and the thresholds."""

from functools import cached_property
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from nodes.models import FileRoot, Node, Pair
from nodes.postgres import health
from nodes.postgres.health import Figures


def _limit(label: str, help_text: str, default: float, least: float, most: float) -> models.FloatField:
    between = [MinValueValidator(least), MaxValueValidator(most)]
    return models.FloatField(label, null=True, blank=True, default=default, help_text=help_text,
                             validators=between)  # fmt: skip


class HealthSettings(models.Model):
    """What somebody should know of, and how often it is looked for; an empty threshold watches nothing."""

    pair = models.OneToOneField(Pair, on_delete=models.CASCADE, related_name="health_settings")
    critical_seconds = models.PositiveSmallIntegerField(
        "Critical check interval", default=10, validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text="Seconds between two looks at nodes, slots, log, transactions and free space.",
    )  # fmt: skip
    normal_seconds = models.PositiveIntegerField(
        "Normal check interval", default=60, validators=[MinValueValidator(1), MaxValueValidator(86_400)],
        help_text="Seconds between two looks at the sizes of databases and at the room of file roots.",
    )  # fmt: skip
    silent_seconds = _limit("Node does not answer", "Seconds without an answer.", 15, 1, 86_400)
    storage_percent = _limit("Storage", "Percent of a volume that have to be free.", 5, 0, 99)
    held_bytes = _limit("Log held", "Bytes that a slot may hold, ours or another.", 2 * 2**30, 1, 2**62)
    lag_bytes = _limit("Lag", "Bytes that a pool may be behind.", 128 * 2**20, 1, 2**62)
    clock_seconds = _limit("Clock difference", "Seconds between the two nodes.", 1, 0.001, 86_400)
    transaction_seconds = _limit("Transaction age", "Seconds, of others' transactions.", 600, 1, 10**8)
    connections_percent = _limit("Connections", "Percent of max_connections in use.", 90, 1, 100)

    THRESHOLDS = (
        "silent_seconds", "storage_percent", "held_bytes", "lag_bytes", "clock_seconds",
        "transaction_seconds", "connections_percent",
    )  # fmt: skip
    FIELDS = ("critical_seconds", "normal_seconds", *THRESHOLDS)

    def __str__(self) -> str:
        return f"health settings of {self.pair}"

    @classmethod
    def of(cls, pair: Pair) -> "HealthSettings":
        """Those of a pair; the defaults where nobody has changed them."""
        return cls.objects.filter(pair=pair).first() or cls(pair=pair)


class NodeHealth(models.Model):
    """What was measured of a node for a pair; while it does not answer these are the last known figures."""

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="node_health")
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="health")
    asked_at = models.DateTimeField(default=timezone.now)
    measured_at = models.DateTimeField(null=True)
    answers_since = models.DateTimeField(null=True)
    silent_since = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    measured = models.JSONField(null=True)

    class Meta:
        ordering = ["pair", "node"]
        constraints = [models.UniqueConstraint(fields=["pair", "node"], name="health_of_a_node_once")]

    def __str__(self) -> str:
        return f"health of {self.node}"

    @cached_property
    def figures(self) -> Figures | None:
        """What was measured; None where nothing was yet."""
        return health.read(self.measured)

    @classmethod
    def note(cls, pair: Pair, node: Node, measured: dict[str, Any] | None, error: str = "") -> "NodeHealth":
        """Write down an answer, or why there was none."""
        now = timezone.now()
        row = cls.objects.filter(pair=pair, node=node).first() or cls(pair=pair, node=node)
        row.node, row.asked_at, row.error = node, now, error
        if measured is None:
            row.silent_since, row.answers_since = row.silent_since or now, None
        else:
            row.answers_since, row.silent_since = row.answers_since or now, None
            row.measured, row.measured_at = measured, now
        row.save()
        return row


class FileRoom(models.Model):
    """The room on the file system that has a root's secondary; an error says why it is not known."""

    root = models.OneToOneField(FileRoot, on_delete=models.CASCADE, related_name="room")
    path = models.TextField()
    total_bytes = models.BigIntegerField(null=True)
    free_bytes = models.BigIntegerField(null=True)
    error = models.TextField(blank=True)
    measured_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"room of {self.path}"

    @property
    def free_percent(self) -> float | None:
        """What is free of it."""
        known = self.total_bytes and self.free_bytes is not None
        return 100 * self.free_bytes / self.total_bytes if known else None
