"""How many objects of each type a primary has, and whether its way back could be prepared now."""

from django.db import models
from django.utils import timezone

from nodes.models import StoragePool


class Inventory(models.Model):
    """What the engine has counted on a pool's nodes, and when; it does so now and then, or when asked."""

    pool = models.OneToOneField(StoragePool, on_delete=models.CASCADE, related_name="inventory")
    asked_at = models.DateTimeField(null=True)
    counted_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)  # of the latest attempt; the counts are then older
    failed_at = models.DateTimeField(null=True)
    way_back = models.TextField(blank=True)  # what was seen on the secondary
    way_back_missing = models.TextField(blank=True)  # what is not as the reverse stream needs it

    def __str__(self) -> str:
        return f"inventory of {self.pool}"

    @classmethod
    def ask(cls, pool: StoragePool) -> None:
        """Have the engine count now."""
        cls.objects.update_or_create(pool=pool, defaults={"asked_at": timezone.now()})


class ObjectCount(models.Model):
    """How many objects of a type the primary had when the inventory was taken."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="object_counts")
    object_type = models.TextField()
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pool", "object_type"], name="object_type_counted_once")
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.object_type} of {self.pool}"
