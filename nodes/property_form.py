"""The form of a pair's properties: what was typed, and what somebody saw when he began to type."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms import BoundField

from .models import Pair
from .properties import PROPERTIES, Property, change

_LONGEST = 100


@dataclass(frozen=True)
class Shown:
    """A property with its field; `seen` is the value in force that stands beside it."""

    what: Property
    field: BoundField
    seen: str


class PropertiesForm(forms.Form):
    """All properties of a pair. With each value comes the one that was in force when the form was shown."""

    def __init__(self, pair: Pair, data: Any = None) -> None:
        super().__init__(data)
        self.pair = pair
        for each in PROPERTIES:
            self.fields[each.name] = _field(each, each.render(getattr(pair, each.name)))

    def changed(self, by: str) -> bool:
        """Whether everything that was typed is in force now; else the form says why not."""
        if not self.is_valid():
            return False
        seen = {each.name: str(self.data.get(f"seen-{each.name}", "")) for each in PROPERTIES}
        try:
            change(self.pair, self.cleaned_data, by, seen)
        except ValidationError as refusal:
            found = refusal.message_dict if hasattr(refusal, "error_dict") else None
            for name, said in (found or {NON_FIELD_ERRORS: refusal.messages}).items():
                self.add_error(name if name in self.fields else None, said)
            self._show_again(seen)
            return False
        return True

    def _show_again(self, seen: dict[str, str]) -> None:
        """What he left alone is shown as it is now: saving again must not bring back what he never wanted."""
        self.pair.refresh_from_db()
        self.data = self.data.copy()
        for each in PROPERTIES:
            try:
                alone = str(each.clean(self.data.get(each.name, ""))) == seen[each.name]
            except ValidationError:
                alone = False
            if alone:
                self.data[each.name] = each.render(getattr(self.pair, each.name))

    @property
    def groups(self) -> list[tuple[str, list[Shown]]]:
        """By what they are about."""
        found: dict[str, list[Shown]] = {}
        for each in PROPERTIES:
            shown = Shown(each, self[each.name], str(getattr(self.pair, each.name)))
            found.setdefault(each.group, []).append(shown)
        return list(found.items())


def _field(each: Property, value: str) -> forms.Field:
    """What is typed is judged by the property alone, so that everything that is wrong is said at once."""
    widget = forms.Select(choices=each.choices) if each.choices else forms.TextInput({"autocomplete": "off"})
    return forms.CharField(label=each.label, initial=value, max_length=_LONGEST, widget=widget)
