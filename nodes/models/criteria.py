"""The replication criteria list: which objects of a pool are mirrored, and its pending changes."""

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status
from nodes.postgres import criteria

from .pool import StoragePool

_SCOPE = ("pool", "schema", "object_type", "name")


class CriteriaRule(models.Model):
    """What is mirrored of a pool, a schema, a type in it, or an object; the most specific rule wins.

    An empty schema, type or name stands for all of them. Types that are in no schema have rules without one.
    """

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="criteria")
    schema = models.CharField(max_length=63, blank=True)
    object_type = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=63, blank=True)
    inclusion = models.CharField(max_length=10, choices=status.INCLUSION.choices)
    state = models.CharField(max_length=14, choices=status.APPLY_STATE.choices, default="PENDING ADD")
    label = models.CharField(max_length=63, blank=True)  # of the pending change that it is part of

    class Meta:
        ordering = ["pool", "schema", "object_type", "name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=_SCOPE,
                condition=~models.Q(state="PENDING ADD"),
                name="one_active_rule_for_the_same",
                violation_error_message="there is a rule for the same already",
            ),
            models.UniqueConstraint(
                fields=_SCOPE,
                condition=models.Q(state="PENDING ADD"),
                name="one_pending_rule_for_the_same",
                violation_error_message="a rule for the same is pending already",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.inclusion} {self.about}"

    @property
    def about(self) -> str:
        """What it is about, in words."""
        if not (self.schema or self.object_type):
            return f"everything in {self.pool}"
        named = f"{self.object_type} {self.name}" if self.name else f"every {self.object_type or 'object'}"
        return f"{named} in schema {self.schema}" if self.schema else named

    @property
    def rule(self) -> criteria.Rule:
        """As the nodes know it."""
        return criteria.Rule(self.inclusion, self.schema, self.object_type, self.name)

    def clean(self) -> None:
        """Raise `ValidationError` where no object could ever match, or the word does not fit."""
        try:
            self.rule.check()
        except criteria.BadRule as refusal:
            raise ValidationError(str(refusal)) from refusal

    @transaction.atomic
    def add(self, username: str) -> "CriteriaChange":
        """Make it part of the pending change with its label; raises `ValidationError`."""
        change = CriteriaChange.open(self.pool, self.label, username)
        self.state = "PENDING ADD"
        self.full_clean()
        self.save()
        return change

    @transaction.atomic
    def remove(self, label: str, username: str) -> None:
        """Have it go with the pending change of this label; what is only pending goes at once."""
        if self.state == "PENDING ADD":
            CriteriaChange.open(self.pool, self.label, username)
            self.delete()
            CriteriaChange.objects.filter(pool=self.pool).empty().delete()
            return
        if self.state == "PENDING REMOVE":
            raise ValidationError(f"rule '{self}' is being removed already, by '{self.label}'")
        CriteriaChange.open(self.pool, label, username)
        self.state, self.label = "PENDING REMOVE", label
        self.save()


class CriteriaChanges(models.QuerySet):
    """Pending changes."""

    def empty(self) -> "CriteriaChanges":
        """Those without a rule that is left."""
        rules = CriteriaRule.objects.filter(pool=models.OuterRef("pool"), label=models.OuterRef("label"))
        return self.filter(~models.Exists(rules))

    def to_do(self) -> "CriteriaChanges":
        """What the engine has to see to: a preview, or a commit that was asked for."""
        return self.filter(models.Q(preview__isnull=True) | models.Q(commit_asked=True))


class CriteriaChange(models.Model):
    """Pending rules of a pool under one label: previewed by the engine, committed or rolled back together."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="criteria_changes")
    label = models.CharField(max_length=63)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(default=timezone.now)
    preview = models.JSONField(null=True)  # criteria.Preview as data; null until the engine has looked
    commit_asked = models.BooleanField(default=False)
    failure = models.TextField(blank=True)  # why the last commit was refused

    objects = CriteriaChanges.as_manager()

    class Meta:
        ordering = ["pool", "label"]
        constraints = [models.UniqueConstraint(fields=["pool", "label"], name="one_change_of_a_label")]

    def __str__(self) -> str:
        return f"criteria change '{self.label}' of pool {self.pool}"

    @property
    def rules(self) -> "models.QuerySet[CriteriaRule]":
        """The rules that it adds and removes."""
        return CriteriaRule.objects.filter(pool=self.pool, label=self.label)

    @classmethod
    def open(cls, pool: StoragePool, label: str, username: str) -> "CriteriaChange":
        """The change of this label, to be previewed anew; raises `ValidationError` while it is committed."""
        if not label:
            raise ValidationError("a pending rule has no label, needed is one")
        change, _ = cls.objects.select_for_update().get_or_create(pool=pool, label=label)
        if change.commit_asked:
            raise ValidationError(f"{change} is being committed")
        change.by, change.at, change.preview, change.failure = username, timezone.now(), None, ""
        change.save()
        pool.ask_for_criteria()
        return change

    @transaction.atomic
    def commit(self, username: str) -> None:
        """Have it take effect; the engine does, or refuses and says why. Raises `ValidationError`.

        Before anything was done on the nodes nothing is looked at: the rules are active at once, and the
        system migration begins with them, or says why it cannot.
        """
        held = CriteriaChange.objects.select_for_update().get(pk=self.pk)
        pair = held.pool.pair
        if held.commit_asked:
            raise ValidationError(f"{held} is being committed already")
        if pair.swaps.filter(state__in=status.OPEN_SWAP).exists():
            raise ValidationError(f"a role swap of pair {pair} is open: its plan holds for the rules of now")
        if held.pool.step == held.pool.Step.NEW:
            held.settle()
            return
        held.commit_asked, held.by, held.failure = True, username, ""
        held.save()
        held.pool.ask_for_criteria()

    @transaction.atomic
    def roll_back(self) -> None:
        """Forget it: nothing of it takes effect. Raises `ValidationError` where it is being committed."""
        held = CriteriaChange.objects.select_for_update().get(pk=self.pk)
        if held.commit_asked:
            raise ValidationError(f"{held} is being committed")
        held.rules.filter(state="PENDING ADD").delete()
        held.rules.filter(state="PENDING REMOVE").update(state="ACTIVE", label="")
        held.delete()

    def proposed(self) -> list[criteria.Rule]:
        """The rules of the pool as they would be."""
        kept = self.pool.criteria.filter(state__in=("ACTIVE", "PENDING REMOVE")).exclude(
            state="PENDING REMOVE", label=self.label
        )
        added = [each.rule for each in self.rules.filter(state="PENDING ADD")]
        replaced = {rule.scope for rule in added}
        return [each.rule for each in kept if each.rule.scope not in replaced] + added

    @transaction.atomic
    def settle(self) -> None:
        """It has taken effect: its rules are active, or gone; a new one replaces an older one."""
        self.rules.filter(state="PENDING REMOVE").delete()
        for rule in self.rules.filter(state="PENDING ADD"):
            same = {"schema": rule.schema, "object_type": rule.object_type, "name": rule.name}
            self.pool.criteria.exclude(pk=rule.pk).exclude(state="PENDING ADD").filter(**same).delete()
            rule.state, rule.label = "ACTIVE", ""
            rule.save()
        self.delete()
        CriteriaChange.objects.filter(pool=self.pool).empty().delete()
        CriteriaChange.objects.filter(pool=self.pool).update(preview=None)
        self.pool.ask_for_criteria()

    def show(self, preview: dict[str, object]) -> None:
        """What the engine has found; not where it was changed meanwhile."""
        CriteriaChange.objects.filter(pk=self.pk, at=self.at).update(preview=preview)

    def refuse(self, why: str) -> None:
        """It does not take effect, and stays pending."""
        CriteriaChange.objects.filter(pk=self.pk).update(commit_asked=False, failure=why)
