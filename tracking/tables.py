"""The lists of the live page."""

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mwaportal import shown
from mwaportal.templatetags.portal import status

_STATE = {"td": {"class": "state"}}
_BUTTON = '<button form="act" formaction="{}" class="button small" id="{}">{}</button>'
_NUMBER = {"td": {"class": "num"}, "th": {"class": "num"}}


class Number(tables.Column):
    """A count; None is unknown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, attrs=_NUMBER, default=shown.UNKNOWN, **kwargs)

    def render(self, value: int) -> str:
        return shown.number(value)


class Size(Number):
    """Bytes."""

    def render(self, value: float) -> str:
        return shown.size(value)


class When(tables.Column):
    """A time."""

    def render(self, value: Any) -> str:
        return shown.when(value)


class StatusColumn(tables.Column):
    """A value of one of the vocabularies in nodes/status.py."""

    def __init__(self, vocabulary: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, empty_values=(), **kwargs)
        self.vocabulary = vocabulary

    def render(self, value: str) -> SafeString:
        return status(self.vocabulary, value)


class List(tables.Table):
    """What our lists have in common: they are short, in the page's order, and named for their readers."""

    class Meta:
        template_name = "tables/table.html"
        orderable = False
        empty_text = "Nothing."


class CopyTable(List):
    """The tables of the system migration."""

    pool = tables.Column()
    table = tables.Column(accessor="copy")
    state = StatusColumn("TABLE_COPY", accessor="copy__state")
    progress = tables.Column(accessor="percent", verbose_name="Progress")
    rows_done = Number(accessor="copy__rows", verbose_name="Rows")
    rows_total = Number(accessor="rows_total", verbose_name="of about")
    bytes_done = Size(verbose_name="Size")
    bytes_total = Size(verbose_name="of about")
    rate = Number(verbose_name="Rows/s", empty_values=())
    byte_rate = Number(verbose_name="Size/s", empty_values=())
    remaining = tables.Column(attrs=_NUMBER, empty_values=())

    class Meta(List.Meta):
        pass

    def render_table(self, value: Any) -> SafeString:
        note = format_html('<div class="quiet">{}</div>', value.message) if value.message else ""
        return format_html('<span class="name">{}</span>{}', value, note)

    def render_progress(self, value: int) -> SafeString:
        return format_html('<progress max="100" value="{}">{} %</progress>', value, value)

    def render_rate(self, value: float | None) -> str:
        return "" if value is None else shown.number(value)

    def render_byte_rate(self, value: float | None) -> str:
        return "" if value is None else shown.size(value)

    def render_remaining(self, value: float | None, record: Any) -> str:
        return "" if record.copy.state != "COPYING" else shown.duration(value)


class TrackingTable(List):
    """The object tracking list: what the copy is owed, a row per table."""

    pool = tables.Column()
    table = tables.Column(attrs={"td": {"class": "name"}})
    changes = Number()
    keys = Number(verbose_name="Rows by key")
    reason = tables.Column(verbose_name="Goes whole because", default="")
    since = When(verbose_name="Since")

    class Meta(List.Meta):
        empty_text = "No table has changes that the copy does not have yet."


class LibraryTable(List):
    """Entries of the library tracking list, with what can be done about them."""

    pool = tables.Column()
    state = tables.Column(attrs=_STATE)
    tracked_at = When(verbose_name="Changed")
    done = tables.Column(empty_values=(), verbose_name="By hand")

    def __init__(self, *args: Any, pair: str, may_operate: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pair, self._may_operate = pair, may_operate

    def render_state(self, record: Any) -> SafeString:
        return status("TRACKING_STATE", record.state)  # what comes as the value is its label

    def render_done(self, record: Any) -> str:
        if record.done_at:
            return format_html("{} {}", shown.when(record.done_at), record.done_by)
        if not self._may_operate:
            return ""
        return format_html_join(" ", _BUTTON, self._buttons(record))

    def _buttons(self, record: Any) -> list[tuple[str, str, str]]:
        """What may be pressed: address, id, word."""
        return []

    def _button(self, record: Any, address: str, word: str) -> tuple[str, str, str]:
        return reverse(address, args=[self._pair, record.pk]), f"{address}-{record.pk}", word


class DefinitionTable(LibraryTable):
    """Definition changes on their way to the secondary."""

    command = tables.Column()
    identity = tables.Column(verbose_name="Object", attrs={"td": {"class": "name"}})
    failure = tables.Column(verbose_name="Failure", default="")

    class Meta(List.Meta):
        empty_text = "Every definition change is on the secondary."
        sequence = ("pool", "state", "command", "identity", "tracked_at", "failure", "done")

    def _buttons(self, record: Any) -> list[tuple[str, str, str]]:
        retry = [self._button(record, "definition-retry", "Try again")] if record.state == "FAILED" else []
        by_hand = record.state in ("FAILED", "INELIGIBLE")
        return retry + ([self._button(record, "definition-done", "Tick off")] if by_hand else [])


class OtherTable(LibraryTable):
    """Objects that event triggers do not see and that differ between the nodes."""

    object_type = tables.Column(verbose_name="Type")
    object = tables.Column(empty_values=(), verbose_name="Object", attrs={"td": {"class": "name"}})
    change = tables.Column(verbose_name="On the secondary")
    why = tables.Column(verbose_name="What is to be done, or the failure", default="")

    class Meta(List.Meta):
        empty_text = "Roles, settings, large objects and the like are the same on both nodes."
        sequence = ("pool", "state", "object_type", "object", "change", "tracked_at", "why", "done")

    def render_object(self, record: Any) -> str:
        return ".".join(filter(None, (record.library, record.name)))

    def _buttons(self, record: Any) -> list[tuple[str, str, str]]:
        return [self._button(record, "other-done", "Tick off")] if record.state == "INELIGIBLE" else []


class MigratedTable(List):
    """Objects that have been carried, the latest first."""

    pool = tables.Column()
    object_type = tables.Column(verbose_name="Type")
    identity = tables.Column(verbose_name="Object", attrs={"td": {"class": "name"}})
    count = Number(verbose_name="Times")
    ended_at = When(verbose_name="Last")

    class Meta(List.Meta):
        empty_text = "No definition has been carried since the system migration."


class MessageTable(List):
    """What the engine has said, newest first."""

    at = When(verbose_name="At")
    code = tables.Column(default="", attrs={"td": {"class": "name"}})
    text = tables.Column(verbose_name="Message")

    class Meta(List.Meta):
        empty_text = "The engine has said nothing yet."


class JournalTable(List):
    """M9 entries, newest first."""

    at = When(verbose_name="At")
    entry_type = tables.Column(verbose_name="Type")
    name = tables.Column(verbose_name="Entry")
    previous_state = tables.Column(verbose_name="From", default="", attrs=_STATE)
    state = tables.Column(verbose_name="To", default="", attrs=_STATE)
    phase_detail = tables.Column(verbose_name="Detail", default="")
    reason = tables.Column(default="")
    user = tables.Column(default="")

    class Meta(List.Meta):
        empty_text = "Nothing has happened yet."


class SupportTable(List):
    """Object types and migration."""

    object_type = tables.Column(verbose_name="Type", attrs={"td": {"class": "name"}})
    system_migration = tables.Column(verbose_name="System migration", attrs=_STATE)
    data_synchronization = tables.Column(verbose_name="Data synchronization", attrs=_STATE)
    tracking_list = tables.Column(verbose_name="List", default="")
    exceptions = tables.Column(verbose_name="Exceptions", default="")
