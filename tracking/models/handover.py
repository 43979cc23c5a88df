"""Hand-overs of a pool, with RDF's phases of each: the latest are kept."""

from typing import Any

from django.db import models
from django.utils import timezone

from nodes import status
from nodes.models import StoragePool

KEPT = 50  # hand-overs of a pool


class HandOver(models.Model):
    """One attempt to bring a pool from TRACKING to ACTIVE.

    `waiting` are the transactions that were waited for when `waited_at` was; `position` is Z, the place in
    the primary's log where the stream begins. Rows and rounds are of the rounds that are through.
    """

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="hand_overs")
    began_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=11, choices=status.HAND_OVER.choices, default="RUNNING")
    message = models.TextField(blank=True)
    position = models.BigIntegerField(null=True)
    rows = models.BigIntegerField(default=0)
    rounds = models.IntegerField(default=0)
    waiting = models.JSONField(default=list)
    waited_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"hand-over of {self.pool} of {self.began_at:%d %b %H:%M:%S}"

    @classmethod
    def begin(cls, pool: StoragePool) -> "HandOver":
        """A new one; one that was never ended was interrupted. The oldest are forgotten."""
        cls.interrupt(pool)
        run = cls.objects.create(pool=pool)
        kept = cls.objects.filter(pool=pool).values_list("pk", flat=True)[:KEPT]
        cls.objects.filter(pool=pool).exclude(pk__in=list(kept)).delete()
        return run

    @classmethod
    def interrupt(cls, pool: StoragePool) -> None:
        """Whoever was at it has died; its end is when that was seen, and its last phase has none."""
        cls.objects.filter(pool=pool, ended_at=None).update(
            outcome="INTERRUPTED",
            ended_at=timezone.now(),
            waiting=[],
            message="The engine ended in the middle",
        )

    def enter(self, part: str, position: int | None) -> None:
        """A phase begins, and the one before has ended."""
        now = timezone.now()
        self.phases.filter(ended_at=None).update(ended_at=now)
        self.phases.update_or_create(part=part, defaults={"began_at": now, "ended_at": None})
        self._set(position=position, **({} if part == "1.2" else {"waiting": []}))

    def wait_for(self, running: list[dict[str, Any]]) -> None:
        """These are waited for now."""
        self._set(waiting=running, waited_at=timezone.now())
        self.phases.filter(part="1.2", waited__lt=len(running)).update(waited=len(running))

    def brought(self, rows: int, rounds: int) -> None:
        """So many rows are on the secondary after so many rounds."""
        self._set(rows=rows, rounds=rounds)

    def end(self, outcome: str, message: str = "") -> None:
        """It is over; the phase in which it failed stays without an end."""
        now = timezone.now()
        if outcome == "COMPLETE":
            self.phases.filter(ended_at=None).update(ended_at=now)
        self._set(outcome=outcome, ended_at=now, message=message, waiting=[])

    def _set(self, **values: Any) -> None:
        # Not of one that was interrupted: another engine has begun to work on the pool.
        HandOver.objects.filter(pk=self.pk, ended_at=None).update(**values)


class HandOverPhase(models.Model):
    """A phase of a hand-over; `waited` is for how many transactions at the same time, at most."""

    run = models.ForeignKey(HandOver, on_delete=models.CASCADE, related_name="phases")
    part = models.CharField(max_length=3, choices=status.HAND_OVER_PHASE.choices)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    waited = models.IntegerField(default=0)

    class Meta:
        ordering = ["run", "part"]
        constraints = [models.UniqueConstraint(fields=["run", "part"], name="a_phase_is_once_in_a_hand_over")]

    def __str__(self) -> str:
        return f"phase {self.part} of {self.run}"
