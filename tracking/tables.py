"""The lists of the live page."""

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mwaportal import shown
from mwaportal.templatetags.portal import status

_STATE = {"td": {"class": "state"}}
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


class DefinitionTable(List):
    """Definitions to be carried by hand."""

    pool = tables.Column()
    command = tables.Column()
    object_type = tables.Column(verbose_name="Type")
    identity = tables.Column(verbose_name="Object", attrs={"td": {"class": "name"}})
    tracked_at = When(verbose_name="Changed")
    done = tables.Column(empty_values=(), verbose_name="By hand")

    class Meta(List.Meta):
        empty_text = "No definition waits to be carried by hand."

    def __init__(self, *args: Any, pair: str, may_operate: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pair, self._may_operate = pair, may_operate

    def render_done(self, record: Any) -> str:
        if record.done_at:
            return format_html("{} {}", shown.when(record.done_at), record.done_by)
        if not self._may_operate:
            return "open"
        url = reverse("definition-done", args=[self._pair, record.pk])
        return format_html(
            '<button form="act" formaction="{}" class="button small" id="definition-{}">Tick off</button>',
            url, record.pk,
        )  # fmt: skip


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
