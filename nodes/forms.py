"""What people type into the pages of a pair."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nodes.postgres.criteria import ELSEWHERE, IN_SCHEMAS

from .models import CriteriaChange, CriteriaRule, Pair

_TYPES = [
    ("", "All types"),
    ("In a schema", [(each, each) for each in IN_SCHEMAS]),
    ("In no schema", [(each, each) for each in ELSEWHERE]),
]


class RuleForm(forms.ModelForm):
    """A new rule of a pair's replication criteria. The pool is asked for where there are several."""

    object_type = forms.ChoiceField(
        label="Type",
        choices=_TYPES,
        required=False,
        help_text="Types in no schema go without a schema above.",
    )

    class Meta:
        model = CriteriaRule
        fields = ("inclusion", "pool", "schema", "object_type", "name", "label")
        labels = {"name": "Object"}
        help_texts = {
            "inclusion": "Definition only is for tables, materialized views and sequences.",
            "schema": "As it is called, without quotes. Empty: all schemas.",
            "name": "Its name without schema or quotes; of a function, every one of this name. Empty: all.",
            "label": "Any word. What is pending under the same one is committed together.",
        }

    def __init__(self, pair: Pair, *args: Any, **kwargs: Any) -> None:
        pools = pair.pools.all()
        super().__init__(*args, instance=CriteriaRule(pool=pools[0]), **kwargs)
        self.fields["pool"].queryset = pools
        self.fields["pool"].empty_label = None
        self.fields["inclusion"].choices = [("", "Choose"), *CriteriaRule.inclusion.field.choices]
        self.fields["label"].required = True
        if len(pools) == 1:
            del self.fields["pool"]
        pending = CriteriaChange.objects.filter(pool__in=pools, commit_asked=False).first()
        self.initial["label"] = pending.label if pending else ""

    def validate_constraints(self) -> None:
        """Not here: the model refuses the same, and names the rule that is in the way."""

    def added(self, username: str) -> bool:
        """Whether the rule is pending now; else the form says why not."""
        if not self.is_valid():
            return False
        try:
            self.instance.add(username)
        except ValidationError as refusal:
            self.add_error(None, refusal.messages)
            return False
        return True
