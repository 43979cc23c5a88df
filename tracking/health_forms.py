"""What people type into the health center and the flight recorder's settings."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from mwaportal import shown
from nodes import status
from nodes.models import Pair

from .models import HealthSettings, RecorderLine, RecorderSettings

_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
_SIZE = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)\s*", re.IGNORECASE)


class SizeField(forms.CharField):
    """Bytes, typed as 512 MB or 2 GB; a unit is 1,024 of the one before."""

    def to_python(self, value: Any) -> float | None:
        """Raises `ValidationError` with what was typed and what is needed."""
        text = super().to_python(value)
        if not text:
            return None
        found = _SIZE.fullmatch(text)
        unit = found[2].lower() or "b" if found else ""
        if found is None or unit not in _UNITS:
            raise ValidationError(f"'{text[:40]}' is not a size; needed is one like 512 MB or 2 GB")
        return float(found[1]) * _UNITS[unit]

    def prepare_value(self, value: Any) -> Any:
        """The largest unit in which it is exact to a tenth."""
        if not isinstance(value, float | int):
            return value
        for unit, size in reversed(_UNITS.items()):
            if value >= size and (10 * value / size).is_integer():
                return f"{f'{value / size:.1f}'.removesuffix('.0')} {unit.upper().replace('KB', 'kB')}"
        return f"{value:.0f} B"


class HealthForm(forms.ModelForm):
    """The thresholds of a pair and how often it is looked at."""

    held_bytes = SizeField(label="Log held", required=False)
    lag_bytes = SizeField(label="Lag", required=False)

    class Meta:
        model = HealthSettings
        fields = HealthSettings.FIELDS

    def __init__(self, pair: Pair, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, instance=HealthSettings.of(pair), **kwargs)
        for name in ("held_bytes", "lag_bytes"):
            self.fields[
                name
            ].help_text = f"{HealthSettings._meta.get_field(name).help_text} As 512 MB or 2 GB."
        for name in HealthSettings.THRESHOLDS:
            self.fields[name].help_text += " Empty: not watched."

    def said_of(self) -> str:
        """What was changed, from what to what, for whoever reads of it later."""
        now = self.cleaned_data
        changes = [f"{self.fields[n].label}: {shown_as(n, self.initial[n])} -> {shown_as(n, now[n])}"
                   for n in self.changed_data]  # fmt: skip
        return ", ".join(changes)


def shown_as(name: str, value: float | None) -> str:
    """A threshold with its unit."""
    if value is None:
        return "not watched"
    if name.endswith("_bytes"):
        return shown.size(value)
    return f"{value:g} %" if name.endswith("_percent") else f"{value:g} s"


class RecorderForm(forms.ModelForm):
    """The level that is recorded of each component, and what is kept."""

    class Meta:
        model = RecorderSettings
        fields = ("retention_days", "retention_lines")
        labels = {"retention_days": "Days kept", "retention_lines": "Lines kept"}

    def __init__(self, pair: Pair, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, instance=RecorderSettings.of(pair), **kwargs)
        for value, label in status.COMPONENT.choices:
            self.fields[value.lower()] = forms.ChoiceField(
                label=label, choices=status.RECORDER_LEVEL.choices, initial=self.instance.level_of(value)
            )

    def save(self, commit: bool = True) -> RecorderSettings:
        """With the levels, of which only those are kept that are not the usual one."""
        chosen = {value: self.cleaned_data[value.lower()] for value, _ in status.COMPONENT.choices}
        self.instance.levels = {
            value: level for value, level in chosen.items() if level != status.RECORDER_DEFAULT
        }
        return super().save(commit)

    def said_of(self) -> str:
        """What was changed, from what to what."""
        return ", ".join(
            f"{self.fields[name].label}: {self.get_initial_for_field(self.fields[name], name)} ->"
            f" {self.cleaned_data[name]}"
            for name in self.changed_data
        )


def record(pair: Pair, username: str, text: str) -> None:
    """A line of the flight recorder on what somebody did."""
    level = status.RECORDER_LEVELS.index("INFO")
    RecorderLine.objects.create(
        pair=pair, component="PORTAL", level=level, text=f"{username}: {text}"[:8_000]
    )
