"""A database of a pair, with its replication state and figures."""

from django.db import models

from nodes.postgres.criteria import Rule

from .mirrored import Mirrored
from .pair import Pair
from .pool_properties import PoolProperties


class StoragePool(Mirrored):
    """One database of a pair (Db2 Mirror keeps its state per ASP); number 1 is *SYSBAS.

    `step` is the last of its system migration that is done.
    """

    class Step(models.TextChoices):
        NEW = "", "Nothing done"
        INSTALLED = "INSTALLED", "Capture"
        DEFINED = "DEFINED", "Definitions"
        COPIED = "COPIED", "Rows"
        INDEXED = "INDEXED", "Indexes and constraints"
        MIRRORED = "MIRRORED", "Hand-over"

    pair = models.ForeignKey(Pair, on_delete=models.CASCADE, related_name="pools")
    number = models.PositiveSmallIntegerField(default=1)
    database = models.CharField(max_length=63)
    step = models.CharField(max_length=12, choices=Step, default=Step.NEW, blank=True)
    definitions_seen = models.BigIntegerField(default=0)  # the last entry of mwa.definition_changes handled
    criteria_asked = models.BooleanField(default=False)  # whether the engine has criteria to look at
    own_properties = models.JSONField(default=dict, blank=True)  # for every other one the pair's value holds

    lag_bytes = models.BigIntegerField(null=True, blank=True)
    wal_held_bytes = models.BigIntegerField(null=True, blank=True)
    tracked_changes = models.BigIntegerField(default=0)
    tracked_rows = models.BigIntegerField(default=0)
    resync_rows = models.BigIntegerField(default=0)  # brought by the last hand-over
    measured_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pair", "number"]
        constraints = [
            models.UniqueConstraint(fields=["pair", "number"], name="pool_number_once"),
            models.UniqueConstraint(fields=["pair", "database"], name="database_once"),
        ]

    def __str__(self) -> str:
        return self.asp_name

    @property
    def asp_name(self) -> str:
        """*SYSBAS for the pair's first database, the database's name for every other."""
        return "*SYSBAS" if self.number == 1 else self.database

    @property
    def properties(self) -> PoolProperties:
        """What holds for it now: its own values, and else those of its pair."""
        return PoolProperties.of(self.pair, self.own_properties)

    def being_worked_off(self) -> str:
        """What is to be said to somebody who wants to change its lists now; empty where he may."""
        if self.detail != "SYNCHRONIZING":
            return ""
        return f"pool {self} is {self.standing}; its lists can be changed when they are not being worked off"

    def active_criteria(self) -> list[Rule]:
        """The rules of the replication criteria list that hold now, as the nodes know them."""
        return [each.rule for each in self.criteria.exclude(state="PENDING ADD")]

    def ask_for_criteria(self) -> None:
        """Have the engine look at the pending changes of the replication criteria."""
        StoragePool.objects.filter(pk=self.pk).update(criteria_asked=True)

    def slot(self, *, reverse: bool | None = None) -> str:
        """The slot's and the subscription's name: one for each direction."""
        backwards = self.pair.swapped if reverse is None else reverse
        return f"mwa_{self.pair.token}_{self.number}_{'r' if backwards else 'f'}"
