"""How many entries of a list are alike: what its triggers have noted (listing/counts.sql)."""

from django.db import models


class ListTotal(models.Model):
    """A row of a view; `list` and `owner` (the key of a pool or a file root) are what is asked for."""

    owner = models.TextField(primary_key=True)
    list = models.TextField()
    state = models.TextField()
    set_aside = models.TextField()
    object_type = models.TextField()
    waits = models.BooleanField()  # for somebody
    entries = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "tracking_listtotal"

    def __str__(self) -> str:
        return f"{self.list} of {self.owner}: {self.entries}"
