"""What changes and how it gets across: copies of tables, the tracking list, compares, the journal."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status
from nodes.models import Pair, StoragePool


class TableCopy(models.Model):
    """One table of the system migration. A table that is COPIED is never copied again."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="table_copies")
    schema = models.CharField(max_length=63)
    name = models.CharField(max_length=63)
    state = models.CharField(max_length=8, choices=status.TABLE_COPY.choices, default="WAITING")
    rows_total = models.BigIntegerField(default=0)  # the planner's estimate
    bytes_total = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["pool", "-bytes_total", "schema", "name"]
        constraints = [
            models.UniqueConstraint(fields=["pool", "schema", "name"], name="a_table_is_copied_once")
        ]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class TrackedTable(models.Model):
    """An entry of the object tracking list; the capture process writes it (mirror/list.sql)."""

    pool = models.ForeignKey(StoragePool, on_delete=models.DO_NOTHING, related_name="tracked_tables")
    sheet = models.IntegerField()
    schema_name = models.TextField()
    table_name = models.TextField()
    key_columns = ArrayField(models.TextField())
    whole_reason = models.TextField()
    changes = models.BigIntegerField()
    keys = models.BigIntegerField()
    first_tracked_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "tracking_trackedtable"
        ordering = ["pool", "schema_name", "table_name", "sheet"]

    def __str__(self) -> str:
        return f"{self.schema_name}.{self.table_name}"


class DefinitionEntry(models.Model):
    """A definition that was changed on the primary and is not carried: to be done by hand, and ticked off."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="definition_entries")
    on_copy = models.BooleanField(default=False)  # which node's: the copy is the primary after a role swap
    number = models.BigIntegerField()  # its id in that node's mwa.definition_changes
    command = models.TextField()
    object_type = models.TextField(blank=True)
    identity = models.TextField(blank=True)
    tracked_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["pool", "number"]
        constraints = [models.UniqueConstraint(fields=["pool", "on_copy", "number"], name="definition_once")]

    def __str__(self) -> str:
        return f"{self.command} {self.identity}"

    def tick_off(self, username: str) -> None:
        """Note who has carried it by hand; raises `ValidationError` where somebody has done so before."""
        changed = DefinitionEntry.objects.filter(pk=self.pk, done_at__isnull=True).update(
            done_at=timezone.now(), done_by=username
        )
        if not changed:
            raise ValidationError(f"'{self}' was ticked off already")


class Message(models.Model):
    """What the engine says as it happens; `code` is the original system's number where it has one."""

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="messages")
    pool = models.ForeignKey(StoragePool, null=True, on_delete=models.CASCADE, related_name="messages")
    at = models.DateTimeField(default=timezone.now)
    code = models.CharField(max_length=8, blank=True)
    text = models.TextField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


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


class JournalEntry(models.Model):
    """An M9 entry, append-only: the database refuses to change or delete one.

    Type C is a change of a pool's replication state, type M of the migration's phase; `name` is the ASP
    for C, and MANAGER, OBJECT MIR, OBJECT RST or IFS RST for M. The pair's name is copied, so that the
    entry outlives the pair.
    """

    at = models.DateTimeField(default=timezone.now)
    pair_name = models.CharField(max_length=63)
    user = models.CharField(max_length=150, blank=True)
    entry_type = models.CharField(max_length=1)
    name = models.CharField(max_length=63)
    state = models.CharField(max_length=12)
    previous_state = models.CharField(max_length=12, blank=True)
    phase_detail = models.CharField(max_length=1, blank=True)
    reason = models.IntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "journal entries"

    def __str__(self) -> str:
        return f"M9 {self.entry_type} {self.name} {self.previous_state} -> {self.state}"


def set_state(pool: StoragePool, state: str, detail: str, reason: int = 0, text: str = "") -> None:
    """Change a pool's replication state, with its journal entry in the same transaction.

    An M9 entry of type C has no room for the detail: where only that changes, there is none.
    """
    text = text or status.REASONS.get(reason, "")
    if (pool.state, pool.detail, pool.reason, pool.reason_text) == (state, detail, reason, text):
        return
    with transaction.atomic():
        before = StoragePool.objects.select_for_update().get(pk=pool.pk)
        if (before.state, before.detail, before.reason) != (state, detail, reason):
            pool.since = timezone.now()
        pool.state, pool.detail, pool.reason, pool.reason_text = state, detail, reason, text
        pool.save(update_fields=["state", "detail", "reason", "reason_text", "since"])
        if (before.state, before.reason) != (state, reason):
            JournalEntry.objects.create(
                pair_name=pool.pair.name, entry_type="C", name=pool.asp_name,
                state=state, previous_state=before.state,
                reason=reason if state == "TRACKING" else None,
            )  # fmt: skip


def set_phase(pair: Pair, phase: str, detail: str, text: str = "") -> None:
    """Change a pair's migration phase, with its journal entry in the same transaction."""
    if (pair.phase, pair.phase_detail) == (phase, detail):
        if pair.detail_text != text:
            pair.detail_text = text
            pair.save(update_fields=["detail_text"])
        return
    with transaction.atomic():
        before = Pair.objects.select_for_update().get(pk=pair.pk).phase
        pair.phase, pair.phase_detail, pair.detail_text = phase, detail, text
        pair.save(update_fields=["phase", "phase_detail", "detail_text"])
        JournalEntry.objects.create(
            pair_name=pair.name, user=pair.asked_by, entry_type="M", name="MANAGER",
            state=phase, previous_state=before, phase_detail=detail,
        )  # fmt: skip
