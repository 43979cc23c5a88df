"""What a list is filtered and sorted by: its fields, and what they mean for the query and the counts."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from nodes import status

from .keyset import Wanted
from .spec import Sort, Spec
from .totals import Total

WAITS, _NONE = "waits", "none"
_ASIDE = [(_NONE, "Not set aside"), *status.SET_ASIDE.choices]
_DONE = ("DONE", "Ticked off")
_ENTRY_TYPES = {"C": "Replication state (C)", "M": "Migration phase (M)"}
_FOR_SOMEBODY = "c.state = any(%(left)s) and c.set_aside = '' or c.set_aside = 'DEFERRED'"
_OLD_SHEET = "c.sheet < coalesce((%(sheets)s::jsonb ->> c.owner::text)::int, 0)"
_ESCAPED = re.compile(rb"\\(?:x([0-9a-f]{2})|([\\ntr]))")
_LETTERS = {b"\\": b"\\", b"n": b"\n", b"t": b"\t", b"r": b"\r"}


class ListForm(forms.Form):
    """The fields of a list. What can be chosen is what there is on it now.

    `owners` are its pools or file roots with their names; `sheets` the sheet of the object tracking list that
    is being written, of pools whose older sheets are being worked off.
    """

    def __init__(
        self, spec: Spec, given: Mapping[str, str], owners: Mapping[int, str], totals: Sequence[Total],
        sheets: Mapping[int, int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(dict(given), auto_id="filter-%s")
        self.spec, self._owners, self._sheets = spec, owners, sheets or {}
        for name, field in _fields(spec, given, owners, totals).items():
            field.required = False
            self.fields[name] = field
        self.full_clean()

    @property
    def sort(self) -> Sort:
        """In the order that was asked for; what is searched for is in that of the names searched in."""
        if beginning := self._beginning():
            return self.spec.sort("name" if self.spec.whole_mark in beginning else "bare")
        return self.spec.sort(self.cleaned_data.get("sort") or "")

    @property
    def filters(self) -> list[tuple[str, str, str]]:
        """Name, label and value in words of each filter that holds."""
        return [
            (name, str(self.fields[name].label), _said(self.fields[name], value))
            for name, value in self.cleaned_data.items()
            if value and name != "sort"
        ]

    @property
    def countable(self) -> bool:
        """Whether the entries are counted by all that is asked for."""
        return not (self._beginning() or self._given("object") or self._given("entry"))

    def owners(self) -> list[int]:
        """Whose entries are asked for."""
        chosen = self._given(self.spec.by)
        return [int(chosen)] if chosen else list(self._owners)

    def wanted(self) -> Wanted:
        """The same for the query."""
        wanted, spec = Wanted(exact=self._given("object")), self.spec
        if state := self._given("state"):
            self._add_state(wanted, state)
        if aside := self._given("aside"):
            wanted.add("c.set_aside = %(aside)s", aside="" if aside == _NONE else aside)
        if kind := self._given("type"):
            wanted.add(f"c.{spec.type_column} = %(type)s", type=kind)
        if entry := self._given("entry"):
            wanted.add("c.entry = %(entry)s", entry=entry)
        if beginning := self._beginning():
            wanted.beginning = as_path(beginning) if spec.by == "root" else beginning
        return wanted

    def counts(self, total: Total) -> bool:
        """Whether these entries are asked for."""
        state, aside, kind = self._given("state"), self._given("aside"), self._given("type")
        owner = self._given(self.spec.by)
        return (
            (not owner or total.owner == owner)
            and (not state or (total.waits if state == WAITS else self.state_of(total) == state))
            and (not aside or total.set_aside == ("" if aside == _NONE else aside))
            and (not kind or total.object_type == kind)
        )

    def state_of(self, total: Total) -> str:
        """What the state of these entries is; of tables it depends on their sheet."""
        if "sheet" not in self.spec.kinds:
            return total.state
        return "MIGRATING" if total.sheet < self._sheets.get(int(total.owner), 0) else "READY"

    def _add_state(self, wanted: Wanted, state: str) -> None:
        if "sheet" in self.spec.kinds:
            old = _OLD_SHEET if state == "MIGRATING" else f"not {_OLD_SHEET}"
            wanted.add(old, sheets=json.dumps(self._sheets))
        elif state == WAITS:
            left = ["FAILED"] if self.spec.by == "root" else ["FAILED", "INELIGIBLE"]
            wanted.add(_FOR_SOMEBODY, left=left)
        else:
            wanted.add(f"c.{self.spec.state_column} = %(state)s", state=state)

    def _given(self, name: str) -> str:
        return self.cleaned_data.get(name) or ""

    def _beginning(self) -> str:
        schema, name = self._given("schema"), self._given("q")
        return f"{schema}.{name.removeprefix(f'{schema}.')}" if schema else name


def as_path(text: str) -> bytes:
    """A path as it was typed, or copied from where it is shown: with what cannot be printed escaped."""

    def meant(match: re.Match[bytes]) -> bytes:
        return bytes([int(match[1], 16)]) if match[1] else _LETTERS[match[2]]

    return _ESCAPED.sub(meant, text.encode("utf-8", "replace"))


def _fields(
    spec: Spec, given: Mapping[str, str], owners: Mapping[int, str], totals: Sequence[Total]
) -> dict[str, forms.Field]:
    fields: dict[str, forms.Field] = {}
    there = [total for total in totals if total.entries]
    if spec.searched:
        fields["q"] = forms.CharField(label="Search", max_length=1_000, help_text=spec.searched)
    if spec.with_schema:
        fields["schema"] = forms.CharField(label="Schema", max_length=63)
    if spec.by != "pair" and len(owners) > 1:
        label = "Pool" if spec.by == "pool" else "File root"
        fields[spec.by] = _choice(label, [(str(pk), name) for pk, name in owners.items()])
    if states := _states(spec, there):
        fields["state"] = _choice("Outcome" if spec.state_column == "outcome" else "State", states)
    if spec.set_aside:
        ticked = [_DONE] if spec.by == "pool" else []
        fields["aside"] = _choice("Set aside", [*_ASIDE, *ticked])
    if spec.type_column in spec.kinds:
        types = sorted({total.object_type for total in there if total.object_type})
        fields["type"] = _choice("Type", [(each, _ENTRY_TYPES.get(each, each)) for each in types])
    if "entry" in spec.kinds:
        fields["entry"] = forms.CharField(label="Entry", max_length=63)
    if spec.key == "attempts" and given.get("object"):
        fields["object"] = forms.CharField(label="Object", widget=forms.HiddenInput)
    fields["sort"] = _choice("Sort", [(sort.key, sort.label) for sort in spec.sorts if sort.offered], None)
    return fields


def _states(spec: Spec, there: Sequence[Total]) -> list[tuple[str, str]]:
    if "sheet" in spec.kinds:
        return [(state, status.TRACKING_STATE[state].label) for state in ("READY", "MIGRATING")]
    found = {total.state for total in there}
    if spec.states is None:
        return [(state, state.capitalize()) for state in sorted(found) if state]
    waits = [(WAITS, "Waits for somebody")] if spec.set_aside else []
    return [*waits, *spec.states.choices]


def _choice(label: str, choices: list[tuple[str, str]], none: str | None = "Any") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=[*([("", none)] if none else []), *choices],
        error_messages={"invalid_choice": "'%(value)s' is none of those that can be chosen here."},
    )  # fmt: skip


def _said(field: forms.Field, value: Any) -> str:
    return str(dict(getattr(field, "choices", ())).get(value, value))
