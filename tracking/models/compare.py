"""Compares of tables and their verdicts."""

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Count

from nodes import status
from nodes.models import StoragePool

from .comparing import Compare


class CompareRun(Compare):
    """One compare of tables of a pool: of all, of a schema, of one table, or of some rows of it.

    `rows` and `current` are progress: what has been compared, and which tables are being read right now, each
    with its rows so far and its rows in all as the planner sees them.
    """

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="compares")
    schema = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=63, blank=True)
    keys = models.JSONField(default=list)  # as differences have them; empty: all rows
    tables = models.IntegerField(null=True)  # null: not known yet
    tables_done = models.IntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    current = models.JSONField(default=list)  # [name, rows, of about]

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"compare {self.pk} of {self.pool}"

    @property
    def in_step(self) -> bool:
        """Whether its pool is replicating."""
        return self.pool.replicating

    @property
    def of(self) -> str:
        """What is compared, in words."""
        if self.keys:
            rows = "1 row" if len(self.keys) == 1 else f"{len(self.keys)} rows"
            return f"{rows} of {self.schema}.{self.name}"
        if self.name:
            return f"table {self.schema}.{self.name}"
        return f"schema {self.schema}" if self.schema else "all tables"

    @property
    def rate(self) -> float | None:
        """Rows a second up to now; None where nothing is known."""
        if not self.started_at or not self.progress_at or not self.rows:
            return None
        seconds = ((self.ended_at or self.progress_at) - self.started_at).total_seconds()
        return self.rows / seconds if seconds > 0 else None

    @classmethod
    def request(
        cls, pool: StoragePool, *, schema: str = "", name: str = "", keys: list[str] | None = None,
        by: str = "", why: str = Compare.Why.ASKED,
    ) -> "CompareRun":  # fmt: skip
        """Have tables of a pool compared; raises `ValidationError` where that is not possible now."""
        if not pool.replicating:
            raise ValidationError(
                f"pool {pool} of pair {pool.pair} is {pool.standing}; a compare needs ACTIVE REPLICATING"
            )
        for word, given in (("schema", schema), ("table", name)):
            if len(given) > 63 or "\0" in given:
                raise ValidationError(f"the {word}'s name has {len(given)} characters; needed are at most 63")
        if name and not schema:
            raise ValidationError(f"table {name} was named without its schema; needed are both")
        with transaction.atomic():
            StoragePool.objects.select_for_update().get(pk=pool.pk)  # of two who ask at once one is second
            if running := pool.compares.filter(ended_at__isnull=True).first():
                raise ValidationError(f"{running} has not ended yet")
            return cls.objects.create(
                pool=pool, schema=schema, name=name, keys=keys or [], asked_by=by, why=why
            )

    def end(self) -> None:
        """Its verdict is the worst of its tables'; in a role swap no table at all is as good as equal."""
        counted = dict(self.results.order_by().values_list("verdict").annotate(Count("id")))
        none = "EQUAL" if self.why == self.Why.SWAP else "NOT COMPARABLE"
        worst = next((verdict for verdict, _ in status.VERDICT.choices if verdict in counted), none)
        self.verdict = "" if self.stopped_by else worst
        self.tables_done, self.current = sum(counted.values()), []


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
