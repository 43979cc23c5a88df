"""The properties of a pair: what each one means, how it is typed and shown, and changing them.

The shell and the page both come here. Limits are those of the model's fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from mwaportal import typed

from .limits import limits
from .models import Pair, PropertyChange


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


def _size(name: str, label: str, group: str, meaning: str, effect: str) -> Property:
    return Property(name, label, group, meaning, effect, "", typed.size, typed.as_size)


_ROWS, _RESUME, _FIRST, _SWAP = "Replication", "Suspend and resume", "System migration", "Role swap"
PROPERTIES = (
    Property(
        "synchronous", "Synchronous", _ROWS,
        "Every commit on the primary waits until the secondary has applied it. Only while the pool is"
        " replicating and close; otherwise commits do not wait.",
        "within a second, in every pool that is replicating",
    ),
    Property(
        "parallel_degree", "Parallel degree", _ROWS,
        "How many tables, files or indexes are brought at once. More load both nodes more.",
        "with the next copy or resynchronization",
        "at once",
    ),
    _size(
        "lag_limit_bytes", "Lag limit", _ROWS,
        "A pool whose lag is larger is suspended and brought by keys; a role swap needs less.",
        "within a second",
    ),
    Property(
        "whole_share_percent", "Whole share", _ROWS,
        "A table of which more rows have changed is brought whole instead of row by row.",
        "when tracking begins again",
        "% of its rows",
    ),
    Property(
        "auto_resume", "Auto resume", _RESUME,
        "A suspend ends by itself when its reason is gone. With No somebody has to press Start.",
        "with the next suspend that could end",
    ),
    Property(
        "suspend_wait_seconds", "Suspend wait", _RESUME,
        "How long a node may not answer before a pool is suspended; how long commits may wait for a"
        " secondary that is away.",
        "within a second; for commits that wait, when synchronous mode begins again",
        "s",
    ),
    _size(
        "wal_limit_bytes", "WAL limit", _RESUME,
        "How much log the primary may keep for us. Beyond it the slot is given up, and every table is"
        " brought whole when the pool resumes.",
        "within a second",
    ),
    Property(
        "savact", "SAVACT", _FIRST,
        "How wide one checkpoint reaches. A wider one holds its snapshot longer on the source.",
        "with the next copying of tables",
    ),
    Property(
        "savactwait_seconds", "SAVACTWAIT", _FIRST,
        "How long a table that somebody has locked is waited for; then it comes in the end.",
        "with the next copying of tables, the next slot and the next hand-over",
        "s",
    ),
    Property(
        "swap_budget_ms", "Swap budget", _SWAP,
        "How long nobody may be able to write in a role swap. Beyond it the old primary is opened again.",
        "with the next role swap; one that is open is for the old value, and becomes void",
        "ms",
    ),
)  # fmt: skip
BY_NAME = {each.name: each for each in PROPERTIES}


def change(
    pair: Pair, wanted: Mapping[str, Any], by: str, seen: Mapping[str, str] | None = None
) -> list[PropertyChange]:
    """Give properties of a pair new values, and note who did; returns what has become different.

    With `seen`, the values that a person saw, nothing is done to those that he left alone, and everything is
    refused where one that he changed is not in force any more: somebody else was first. Raises
    `ValidationError`, by property.
    """
    refusals: dict[str, ValidationError] = {}
    with transaction.atomic():
        held = Pair.objects.select_for_update().get(pk=pair.pk)
        if held.goal == Pair.Goal.REMOVED:
            raise ValidationError(f"pair {pair} is being removed; needed is one that stays")
        values: dict[str, Any] = {}
        for name, given in wanted.items():
            try:
                value, now = BY_NAME[name].clean(given), getattr(held, name)
                if seen is None or str(value) != seen.get(name):
                    _refuse_if_overtaken(held, BY_NAME[name], now, seen)
                    if value != now:
                        values[name] = value
            except ValidationError as refusal:
                refusals[name] = refusal
        if not refusals:
            refusals = _nonsense(held, values)
        if refusals:
            raise ValidationError(refusals)
        return [_set(held, name, value, by) for name, value in values.items()]


def _refuse_if_overtaken(held: Pair, what: Property, now: Any, seen: Mapping[str, str] | None) -> None:
    if seen is None or str(now) == seen.get(what.name):
        return
    last = PropertyChange.objects.filter(key=held.token, name=what.name).first()
    who = f" by {last.by} at {last.at:%H:%M:%S} UTC" if last else ""
    raise ValidationError(
        f"was changed to {what.shown(now)}{who} while you had it before you; nothing is saved. Save again to"
        " replace that value, too"
    )


def _nonsense(held: Pair, values: Mapping[str, Any]) -> dict[str, ValidationError]:
    """What each value allows and both together do not."""
    both = ("lag_limit_bytes", "wal_limit_bytes")
    lag, log = (values.get(name, getattr(held, name)) for name in both)
    if lag <= log or not any(name in values for name in both):
        return {}
    name = both[0] if both[0] in values else both[1]
    why = (
        f"the lag limit is {typed.as_size(lag)} and the WAL limit {typed.as_size(log)}; needed is a lag limit"
        " that is not the larger one, else the slot is given up before the lag is noticed"
    )
    return {name: ValidationError(why)}


def _set(held: Pair, name: str, value: Any, by: str) -> PropertyChange:
    before = BY_NAME[name].shown(getattr(held, name))
    setattr(held, name, value)
    held.save(update_fields=[name])
    return PropertyChange.objects.create(
        about=held.name, key=held.token, name=name, before=before, after=BY_NAME[name].shown(value), by=by
    )
