"""The form of the properties of a pair or a pool: what was typed, and what somebody saw when he began to."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms import BoundField

from .models import Pair, StoragePool
from .properties import PROPERTIES, change
from .property import Property
from .property_holders import OfPair, OfPool, properties_of

_LONGEST = 100


@dataclass(frozen=True)
class Shown:
    """A property with its field; `seen` is the value in force that stands beside it.

    `note` says for whom else it holds, or does not.
    """

    what: Property
    field: BoundField
    seen: str
    note: str


class PropertiesForm(forms.Form):
    """All properties of a pair or a pool. With each value comes the one in force when the form was shown."""

    def __init__(self, holder: Pair | StoragePool, data: Any = None) -> None:
        super().__init__(data)
        self.holder, self.of = holder, properties_of(holder)
        self.properties = [each for each in PROPERTIES if self.of.has(each)]
        for each in self.properties:
            self.fields[each.name] = _field(self.of, each)

    @property
    def pool(self) -> StoragePool | None:
        """Whose it is, where it is not the pair's."""
        return self.holder if isinstance(self.holder, StoragePool) else None

    def changed(self, by: str) -> bool:
        """Whether everything that was typed is in force now; else the form says why not."""
        if not self.is_valid():
            return False
        seen = {each.name: str(self.data.get(f"seen-{each.name}", "")) for each in self.properties}
        wanted = {name: value for name, value in self.cleaned_data.items() if name in self.data}
        try:
            change(self.holder, wanted, by, seen)
        except ValidationError as refusal:
            found = refusal.message_dict if hasattr(refusal, "error_dict") else None
            for name, said in (found or {NON_FIELD_ERRORS: refusal.messages}).items():
                self.add_error(name if name in self.fields else None, said)
            self._show_again(seen)
            return False
        return True

    def _show_again(self, seen: dict[str, str]) -> None:
        """What he left alone is shown as it is now: saving again must not bring back what he never wanted."""
        self.of.refresh()
        self.data = self.data.copy()
        for each in self.properties:
            try:
                alone = self.of.seen(self.of.clean(each, self.data.get(each.name, ""))) == seen[each.name]
            except ValidationError:
                alone = False
            if alone:
                self.data[each.name] = self.of.typed(each)

    @property
    def groups(self) -> list[tuple[str, list[Shown]]]:
        """By what they are about."""
        found: dict[str, list[Shown]] = {}
        for each in self.properties:
            seen = self.of.seen(self.of.value(each))
            shown = Shown(each, self[each.name], seen, self.of.note(each))
            found.setdefault(each.group, []).append(shown)
        return list(found.items())


def _field(of: OfPair, each: Property) -> forms.Field:
    """What is typed is judged by the property alone, so that everything that is wrong is said at once."""
    nothing = ""
    if isinstance(of, OfPool):
        nothing = f"As the pair ({of.of_the_pair(each).partition(':')[0]})"  # without what a choice means
    choices = [("", nothing), *each.choices] if nothing else each.choices
    attributes = {"autocomplete": "off", **({"placeholder": nothing} if nothing else {})}
    widget = forms.Select(choices=choices) if each.choices else forms.TextInput(attributes)
    return forms.CharField(
        label=each.label, initial=of.typed(each), max_length=_LONGEST, widget=widget, required=not nothing
    )
