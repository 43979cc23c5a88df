"""Rows on their way: the tables of the system migration, and the object tracking list (OTL)."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from nodes import status
from nodes.models import StoragePool


class TableCopy(models.Model):
    """One table of the system migration. A table that is COPIED is never copied again.

    `chunks` is None until its copying has begun. `locked_at` is since when it is waited for, None while it is
    not; `skips` how often that lasted for longer than SAVACTWAIT.
    """

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
    chunks = models.IntegerField(null=True)
    chunks_done = models.IntegerField(default=0)
    locked_at = models.DateTimeField(null=True)
    locked_by = models.TextField(blank=True)
    skips = models.IntegerField(default=0)

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
