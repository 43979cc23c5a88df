"""Who has changed what of a pair or a node, and when."""

from django.db import models
from django.utils import timezone


class PropertyChange(models.Model):
    """A property that somebody has changed, append-only: the database refuses to change or delete one.

    `about` names the pair, its pool or the node, and outlives them. `key`, the same for a pair and its pools,
    tells it from a later one of the same name, and `pool` is the pool's. Secrets are never in it: of a
    connection string it says where it leads.
    """

    at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=150)
    about = models.CharField(max_length=160)  # two names and a few words
    key = models.CharField(max_length=16)
    pool = models.BigIntegerField(null=True)
    name = models.CharField(max_length=63)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["key", "-id"], name="changes_of_one")]

    def __str__(self) -> str:
        return f"{self.name} of {self.about}: {self.before} -> {self.after}"
