"""What people type into the page of the compares."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from nodes.models import Pair

from .models import CompareRun, CompareSchedule, FileCompare

_ALL = "all"
_CONTENTS = [("1", "With contents"), ("", "Without contents")]
_ABOUT = "Without: by names, types, sizes, owners, modes and times."


class CompareForm(forms.Form):
    """What is to be compared now: all of a pair, or one pool, schema, table or file root of it."""

    what = forms.ChoiceField(label="What")
    schema = forms.CharField(
        max_length=63,
        required=False,
        strip=False,
        help_text="Without quotes. Empty: all.",
    )
    table = forms.CharField(max_length=63, required=False, strip=False, help_text="Empty: all.")
    content = forms.ChoiceField(label="Files", choices=_CONTENTS, required=False, help_text=_ABOUT)

    def __init__(self, pair: Pair, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pools = {f"pool-{pool.number}": pool for pool in pair.pools.all()}
        self._roots = {f"root-{root.number}": root for root in pair.file_roots.all()}
        for each in (*self._pools.values(), *self._roots.values()):
            each.pair = pair
        self.fields["what"].choices = [
            (_ALL, "Everything"),
            *((key, f"Pool {pool}") for key, pool in self._pools.items()),
            *((key, f"File root {root.asp_name}: {root}"[:80]) for key, root in self._roots.items()),
        ]
        if not self._roots:
            del self.fields["content"]

    def clean(self) -> dict[str, Any]:
        """A file root has no schemas."""
        given = super().clean()
        if given.get("what") in self._roots and (given.get("schema") or given.get("table")):
            raise ValidationError(
                "A schema or a table was named, and a file root was chosen; needed is a pool."
            )
        if given.get("table") and not given.get("schema"):
            self.add_error("schema", "A table was named without its schema; needed are both.")
        return given

    def asked(self, username: str) -> bool:
        """Whether it was asked for, all of it or nothing; else the form says why not."""
        if not self.is_valid():
            return False
        try:
            with transaction.atomic():
                self._ask(username)
        except ValidationError as refusal:
            self.add_error(None, refusal.messages)
            return False
        return True

    def _ask(self, username: str) -> None:
        given = self.cleaned_data
        what, scope = given["what"], {"schema": given["schema"], "name": given["table"]}
        for key, pool in self._pools.items():
            if what in (_ALL, key):
                CompareRun.request(pool, by=username, **scope)
        for key, root in self._roots.items():
            if what == key or (what == _ALL and not given["schema"]):
                FileCompare.request(root, content=bool(given.get("content")), by=username)


class ScheduleForm(forms.Form):
    """When a pair is compared without anybody asking."""

    rhythm = forms.ChoiceField(
        label="By itself",
        choices=[("", "Never"), ("hours", "Every so many hours"), ("daily", "Daily at a time")],
        required=False,
    )
    hours = forms.IntegerField(min_value=1, max_value=744, required=False, help_text="1 to 744.")
    at = forms.TimeField(
        label="Time, in UTC",
        required=False,
        input_formats=["%H:%M"],
        widget=forms.TimeInput(format="%H:%M", attrs={"placeholder": "03:30"}),
        help_text="As 03:30.",
    )
    content = forms.ChoiceField(label="Files", choices=_CONTENTS, required=False, help_text=_ABOUT)

    def __init__(self, pair: Pair, *args: Any, **kwargs: Any) -> None:
        found = CompareSchedule.objects.filter(pair=pair).first()
        initial = {}
        if found:
            rhythm = "hours" if found.every_hours else "daily"
            initial = {"rhythm": rhythm, "hours": found.every_hours, "at": found.daily_at}
            initial["content"] = "1" if found.content else ""
        super().__init__(*args, initial=initial, auto_id="id_schedule_%s", **kwargs)
        self._pair = pair
        if not pair.file_roots.all():
            del self.fields["content"]

    def clean(self) -> dict[str, Any]:
        """The chosen rhythm needs its figure."""
        given = super().clean()
        rhythm = given.get("rhythm")
        if rhythm == "hours" and given.get("hours") is None and "hours" not in self.errors:
            self.add_error("hours", "Nothing was given; needed is a number of hours from 1 to 744.")
        if rhythm == "daily" and given.get("at") is None and "at" not in self.errors:
            self.add_error("at", "Nothing was given; needed is a time as 03:30.")
        return given

    def put(self, username: str) -> bool:
        """Whether it holds from now on; else the form says why not."""
        if not self.is_valid():
            return False
        given = self.cleaned_data
        if not given["rhythm"]:
            CompareSchedule.objects.filter(pair=self._pair).delete()
            return True
        hourly = given["rhythm"] == "hours"
        CompareSchedule.put(
            self._pair, username, every_hours=given["hours"] if hourly else None,
            daily_at=None if hourly else given["at"], content=bool(given.get("content")),
        )  # fmt: skip
        return True
