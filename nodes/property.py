"""A property: what it means, how it is typed and shown. Its limits are those of the pair's field."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models

from mwaportal import typed

from .limits import limits
from .models import Pair


@dataclass(frozen=True)
class Property:
    """One property. `unit` stands behind its value; `effect` says when a change is in force."""

    name: str
    label: str
    group: str
    meaning: str
    effect: str
    unit: str = ""
    parse: Callable[[str], Any] = str.strip
    render: Callable[[Any], str] = str

    @property
    def field(self) -> "models.Field[Any, Any]":
        """The model's field."""
        return Pair._meta.get_field(self.name)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Where it is one of a few values: each as it is typed, and in words."""
        if isinstance(self.field, models.BooleanField):
            return [("True", "Yes"), ("False", "No")]
        return [(value, f"{value}: {label.lower()}") for value, label in self.field.choices or []]

    @property
    def limits(self) -> str:
        """The least and the largest value; empty where it has choices."""
        found = limits(self.field.validators)
        return f"{self._told(found[0])} to {self._told(found[1])}" if found else ""

    @property
    def default(self) -> str:
        """What a new pair has."""
        return self.shown(self.field.default)

    def shown(self, value: Any) -> str:
        """In words, with its unit."""
        return dict(self.choices).get(str(value)) or f"{self._told(value)} {self.unit}".strip()

    def _told(self, value: Any) -> str:
        """Easier to read than what is typed."""
        return f"{value:,}" if self.render is str else self.render(value)

    def clean(self, value: Any) -> Any:
        """What was typed as a value within the limits; raises `ValidationError`."""
        return self.field.clean(self.parse(value) if isinstance(value, str) else value, None)


def of_size(name: str, label: str, group: str, meaning: str, effect: str) -> Property:
    """One whose value is a number of bytes."""
    return Property(name, label, group, meaning, effect, "", typed.size, typed.as_size)
