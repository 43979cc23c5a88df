"""What is or was beyond its threshold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status
from nodes.models import Node, Pair

_LOOKS_WITHIN = 2  # before an alert is over: a value that swings about its threshold is not a message a look
_KEPT_ALERTS = 1_000


@dataclass(frozen=True)
class Beyond:
    """A value that is beyond its threshold; `text` says both with their object."""

    kind: str
    subject: str
    value: float
    threshold: float
    text: str
    node: Node | None = None

    @property
    def key(self) -> str:
        """Which alert it is."""
        return f"{self.node.pk if self.node else ''}/{self.kind}/{self.subject}"


class Alert(models.Model):
    """A value that is beyond its threshold since a time, or was until another.

    `looks_within` counts the looks since then at which it was not.
    """

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="alerts")
    node = models.ForeignKey(Node, null=True, on_delete=models.CASCADE, related_name="+")
    key = models.TextField()
    kind = models.CharField(max_length=12, choices=status.ALERT.choices)
    subject = models.TextField(blank=True)
    text = models.TextField()
    value = models.FloatField()
    threshold = models.FloatField()
    since = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    looks_within = models.PositiveSmallIntegerField(default=0)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pair", "key"],
                condition=models.Q(ended_at__isnull=True),
                name="an_alert_is_open_once",
            )
        ]

    def __str__(self) -> str:
        return self.text

    def acknowledge(self, username: str) -> None:
        """Somebody knows of it; raises `ValidationError` where it is over, or somebody was first."""
        with transaction.atomic():
            held = Alert.objects.select_for_update().filter(pk=self.pk).first()
            if held is None or held.ended_at:
                raise ValidationError(f"this is over: {self.text}")
            if held.acknowledged_by:
                raise ValidationError(f"{held.acknowledged_by} has acknowledged this already: {held.text}")
            Alert.objects.filter(pk=self.pk).update(acknowledged_by=username, acknowledged_at=timezone.now())

    @classmethod
    def settle(
        cls, pair: Pair, found: Sequence[Beyond], unjudged: Iterable[str], now: datetime
    ) -> tuple[list["Alert"], list["Alert"]]:
        """Open what is newly beyond and end what is not any more; returns the ones that begin and that end.

        What begins with one of `unjudged` could not be measured: it stays as it was.
        """
        known = {alert.key: alert for alert in cls.objects.filter(pair=pair, ended_at=None)}
        begun = [cls._open(pair, each, now) for each in found if each.key not in known]
        for each in found:
            if alert := known.pop(each.key, None):
                alert.value, alert.threshold, alert.text = each.value, each.threshold, each.text
                alert.seen_at, alert.looks_within = now, 0
                alert._keep()
        within = [alert for key, alert in known.items() if not key.startswith(tuple(unjudged))]
        for alert in within:
            alert.looks_within += 1
            alert.ended_at = now if alert.looks_within >= _LOOKS_WITHIN else None
            alert._keep()
        return begun, [alert for alert in within if alert.ended_at]

    @classmethod
    def _open(cls, pair: Pair, each: Beyond, now: datetime) -> "Alert":
        return cls.objects.create(
            pair=pair, node=each.node, key=each.key, kind=each.kind, subject=each.subject, text=each.text,
            value=each.value, threshold=each.threshold, since=now, seen_at=now,
        )  # fmt: skip

    def _keep(self) -> None:
        """Not who has acknowledged it: that is somebody else's to write."""
        measured = ["value", "threshold", "text", "seen_at", "looks_within", "ended_at"]
        self.save(update_fields=measured)

    @classmethod
    def prune(cls, pair: Pair) -> None:
        """Keep the newest 1,000 of a pair that are over."""
        over = cls.objects.filter(pair=pair, ended_at__isnull=False)
        beyond = over.values_list("pk", flat=True)[_KEPT_ALERTS : _KEPT_ALERTS + 1]
        over.filter(pk__lte=next(iter(beyond), 0)).delete()
