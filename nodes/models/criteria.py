"""The replication criteria list: which objects of a pool are mirrored, and its pending changes."""

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from nodes import status, system_criteria
from nodes.postgres import criteria

from .pair import Pair
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
        named = f"every {self.object_type}" if self.object_type else "everything"
        if self.name:
            named = f"{self.object_type} {self.name}"
        return f"{named} in schema {self.schema} of {self.pool}" if self.schema else f"{named} in {self.pool}"

    @property
    def rule(self) -> criteria.Rule:
        """As the nodes know it."""
        return criteria.Rule(self.inclusion, self.schema, self.object_type, self.name)

    def clean(self) -> None:
        """Raise `ValidationError` where no object could ever match, or nothing could come of it."""
        try:
            self.rule.check()
        except criteria.BadRule as refusal:
            raise ValidationError(f"rule '{self}': {refusal}") from refusal
        if system := system_criteria.SCHEMAS.get(self.schema):
            raise ValidationError(
                f"rule '{self}': schema {self.schema} is {system.why}, and always {system.inclusion};"
                " needed is another schema"
            )
        if self.state == "PENDING ADD":
            self._refuse_what_is_there()

    def _refuse_what_is_there(self) -> None:
        others = self.pool.criteria.filter(**self._scope).exclude(pk=self.pk)
        if pending := others.filter(state="PENDING ADD").first():
            raise ValidationError(
                f"rule '{self}': '{pending}' is pending under '{pending.label}';"
                " needed is one rule for the same, so withdraw that one first"
            )
        if others.filter(state="ACTIVE", inclusion=self.inclusion).exists():
            raise ValidationError(f"rule '{self}' is active already; needed is a rule that changes something")

    @property
    def _scope(self) -> dict[str, str]:
        return {"schema": self.schema, "object_type": self.object_type, "name": self.name}

    @transaction.atomic
    def add(self, username: str) -> "CriteriaChange":
        """Make it part of the pending change with its label; raises `ValidationError`."""
        self.state = "PENDING ADD"
        self.clean_fields()
        change = CriteriaChange.open(self.pool, self.label, username)  # of two at a time one waits here
        self.clean()
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
            raise ValidationError(
                f"rule '{self}' is being removed under '{self.label}' already; needed is an active one"
            )
        self.state, self.label = "PENDING REMOVE", label
        self.clean_fields()
        CriteriaChange.open(self.pool, label, username)
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
            raise ValidationError(f"the label of a pending rule of {pool} is empty, needed is a word for it")
        change, _ = cls.objects.select_for_update().get_or_create(pool=pool, label=label)
        change._refuse_if_committing()
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
        held = self._hold()
        pair = Pair.objects.select_for_update().get(pk=held.pool.pair_id)  # no swap is asked for meanwhile
        if swap := pair.swaps.filter(state__in=status.OPEN_SWAP).first():
            raise ValidationError(
                f"{held} cannot be committed while a role swap of pair {pair} is open: {swap} is"
                f" {swap.get_state_display()}, and its plan holds for the rules of now; needed is none"
            )
        if held.pool.step == held.pool.Step.NEW:
            held.settle()
            return
        held.commit_asked, held.by, held.failure = True, username, ""
        held.save()
        held.pool.ask_for_criteria()

    @transaction.atomic
    def roll_back(self) -> None:
        """Forget it: nothing of it takes effect. Raises `ValidationError` where it is being committed."""
        held = self._hold()
        held.rules.filter(state="PENDING ADD").delete()
        held.rules.filter(state="PENDING REMOVE").update(state="ACTIVE", label="")
        held.delete()

    def _hold(self) -> "CriteriaChange":
        """Its row, locked; raises `ValidationError` where it is not pending any more, or being committed."""
        held = CriteriaChange.objects.select_for_update().filter(pk=self.pk).first()
        if held is None:
            raise ValidationError(f"{self} is settled or rolled back already, needed is one that is pending")
        held._refuse_if_committing()
        return held

    def _refuse_if_committing(self) -> None:
        if self.commit_asked:
            raise ValidationError(f"{self} is being committed; needed is one that is only pending")

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
            self.pool.criteria.exclude(pk=rule.pk).exclude(state="PENDING ADD").filter(**rule._scope).delete()
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
