"""The flight recorder: what the engine did, step by step, and how much of it is recorded and kept."""

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models
from django.utils import timezone

from nodes import status
from nodes.models import Pair

_AT_ONCE = 10_000
_PRUNE = """
    delete from tracking_recorderline where id in (
        select id from tracking_recorderline
        where pair_id = %s and (at < %s or (at, id) <= (%s, %s))
        order by at, id limit %s for update skip locked)
"""


class RecorderSettings(models.Model):
    """Of a pair: the level that is recorded for each component, and what is kept.

    `dropped` lines could not be written since the pair was made: the queue was full.
    """

    pair = models.OneToOneField(Pair, on_delete=models.CASCADE, related_name="recorder_settings")
    levels = models.JSONField(default=dict, blank=True)  # component: level; INFO where there is none
    retention_days = models.PositiveSmallIntegerField(
        default=7, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    retention_lines = models.PositiveIntegerField(
        default=1_000_000, validators=[MinValueValidator(1_000), MaxValueValidator(10_000_000)]
    )
    dropped = models.BigIntegerField(default=0)
    dropped_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"recorder settings of {self.pair}"

    @classmethod
    def of(cls, pair: Pair) -> "RecorderSettings":
        """Those of a pair; the defaults where nobody has changed them."""
        return cls.objects.filter(pair=pair).first() or cls(pair=pair)

    def level_of(self, component: str) -> str:
        """The most detailed level that is recorded of it."""
        return str(self.levels.get(component, status.RECORDER_DEFAULT))

    @classmethod
    def count_dropped(cls, pair_id: int, number: int) -> None:
        """So many lines more are lost."""
        cls.objects.get_or_create(pair_id=pair_id)
        lost = {"dropped": models.F("dropped") + number, "dropped_at": timezone.now()}
        cls.objects.filter(pair_id=pair_id).update(**lost)


class RecorderLine(models.Model):
    """A step: when, where and what; only ever added to and pruned. `seconds` is how long it took."""

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="recorder_lines", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    place = models.TextField(blank=True)  # the pool's name, or the file root
    component = models.CharField(max_length=12, choices=status.COMPONENT.choices)
    level = models.SmallIntegerField(choices=list(enumerate(status.RECORDER_LEVELS)))  # 0 is the worst
    text = models.TextField()
    seconds = models.FloatField(null=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index("pair", "at", "id", name="recorder_time"),
            models.Index("pair", "component", "at", "id", name="recorder_component"),
            models.Index(
                "pair",
                "at",
                "id",
                name="recorder_trouble",
                condition=models.Q(level__lte=status.TROUBLE_LEVEL),
            ),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def level_name(self) -> str:
        """As in the vocabulary."""
        return status.RECORDER_LEVELS[self.level]

    @classmethod
    def prune(cls, settings: RecorderSettings) -> None:
        """Keep the newest lines of a pair, and none that is older than its retention."""
        pair, kept = settings.pair_id, settings.retention_lines
        beyond = cls.objects.filter(pair=pair).values_list("at", "pk")[kept : kept + 1]
        oldest = timezone.now() - timedelta(days=settings.retention_days)
        at, pk = next(iter(beyond), (oldest, 0))
        with connection.cursor() as cursor:
            deleted = _AT_ONCE
            while deleted == _AT_ONCE:
                cursor.execute(_PRUNE, [pair, oldest, at, pk, _AT_ONCE])
                deleted = cursor.rowcount
