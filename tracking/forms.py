"""What people type into the page of a pair's file roots."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from nodes.models import FileRoot, Pair

from . import fileroots


class RootForm(forms.ModelForm):
    """A new file root of a pair. The database of the query is asked for where there are several."""

    class Meta:
        model = FileRoot
        fields = ("source", "copy", "exclusions", "query", "query_pool")
        labels = {"exclusions": "Left out", "query_pool": "Database of the query"}
        widgets = {
            "source": forms.TextInput,
            "copy": forms.TextInput,
            "exclusions": forms.Textarea({"rows": 4}),
            "query": forms.Textarea({"rows": 4}),
        }
        help_texts = {
            "source": "The directory on the source, from the root of its file system on.",
            "copy": "The directory on the copy. It has to be there; what only it holds is removed.",
            "exclusions": "Patterns as in .gitignore, one a line. Empty: everything is carried.",
            "query": "Returns the paths that rows name. In a role swap each has to be there. May be empty.",
        }

    def __init__(self, pair: Pair, *args: Any, **kwargs: Any) -> None:
        pools = pair.pools.all()
        super().__init__(*args, instance=FileRoot(pair=pair), **kwargs)
        for name in ("exclusions", "query"):
            self.fields[name].strip = False
        self.fields["query_pool"].queryset = pools
        self.fields["query_pool"].empty_label = None
        self.initial["query_pool"] = pools[0]
        if len(pools) == 1:
            del self.fields["query_pool"]

    def added(self, username: str) -> bool:
        """Whether the root is there now; else the form says why not."""
        if not self.is_valid():
            return False
        try:
            fileroots.add(self.instance, username)
        except ValidationError as refusal:
            self.add_error(None, refusal)
            return False
        return True
