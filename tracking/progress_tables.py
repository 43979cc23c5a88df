"""The lists of what is under way: copies of tables, locks, checkpoints, hand-overs."""

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mwaportal import shown
from mwaportal.templatetags.portal import status
from nodes.postgres import lsn

from .columns import NUMBER, List, Number, Size, When


class CopyTable(List):
    """The tables of the system migration."""

    pool = tables.Column()
    table = tables.Column(accessor="copy")
    state = tables.Column(accessor="copy__state")
    progress = tables.Column(accessor="percent", verbose_name="Progress")
    rows_done = Number(accessor="copy__rows", verbose_name="Rows")
    bytes_done = Size(verbose_name="Size")
    rate = Number(verbose_name="Rate", empty_values=())
    remaining = tables.Column(attrs=NUMBER, empty_values=())

    class Meta(List.Meta):
        empty_text = "No table is like this."

    def render_table(self, value: Any) -> SafeString:
        note = format_html('<div class="quiet">{}</div>', value.message) if value.message else ""
        return format_html('<span class="name">{}</span>{}', value, note)

    def render_state(self, record: Any) -> SafeString:
        """With when the table was begun; what comes as the value may be its label."""
        began = record.copy.started_at
        since = format_html('<div class="quiet whole">begun {}</div>', shown.when(began)) if began else ""
        return format_html("{}{}", status("TABLE_COPY", record.copy.state), since)

    def render_progress(self, value: int, record: Any) -> SafeString:
        bar = format_html('<progress max="100" value="{}">{} %</progress>', value, value)
        return (
            format_html('{}<div class="quiet whole">{}</div>', bar, record.chunks) if record.chunks else bar
        )

    def render_rows_done(self, value: int, record: Any) -> SafeString:
        return _of_about(shown.number(value), shown.number(record.rows_total))

    def render_bytes_done(self, value: int, record: Any) -> SafeString:
        return _of_about(shown.size(value), shown.size(record.bytes_total))

    def render_rate(self, value: float | None, record: Any) -> str:
        if value is None:
            return ""
        sizes = "" if record.byte_rate is None else f"{shown.size(record.byte_rate)}/s"
        return format_html('{} rows/s<div class="quiet">{}</div>', shown.number(value), sizes)

    def render_remaining(self, value: float | None, record: Any) -> str:
        return "" if record.copy.state != "COPYING" else shown.duration(value)


def _of_about(done: str, total: str) -> SafeString:
    """The totals are estimates."""
    return format_html('{}<div class="quiet">of about {}</div>', done, total)


class LockTable(List):
    """Tables that somebody else holds on the source (SAVACTWAIT)."""

    pool = tables.Column()
    table = tables.Column(empty_values=(), attrs={"td": {"class": "name"}})
    locked_by = tables.Column(verbose_name="Held by", default=shown.UNKNOWN, attrs={"td": {"class": "long"}})
    locked_at = tables.Column(verbose_name="Waited for since", empty_values=())
    most = tables.Column(empty_values=(), verbose_name="At most", attrs=NUMBER)
    skips = Number(verbose_name="Skipped so far")

    class Meta(List.Meta):
        empty_text = "No table is waited for, and none was skipped."

    def render_table(self, record: Any) -> str:
        return str(record)

    def render_locked_at(self, value: Any) -> str:
        return shown.when(value) if value else "skipped, comes in the end"

    def render_most(self, record: Any) -> str:
        return f"{shown.duration(record.pool.properties.savactwait_seconds)} at a time"


class CheckpointTable(List):
    """Checkpoints that have been taken, the newest first."""

    at = When(verbose_name="Taken")
    code = tables.Column(verbose_name="Message", attrs={"td": {"class": "name"}})
    text = tables.Column(verbose_name="What", attrs={"td": {"class": "long"}})

    class Meta(List.Meta):
        empty_text = "No checkpoint has been taken yet."


class HandOverTable(List):
    """Hand-overs that are over, the newest first."""

    pool = tables.Column()
    began_at = When(verbose_name="Began")
    took = tables.Column(empty_values=(), verbose_name="Took", attrs=NUMBER)
    outcome = tables.Column(attrs={"td": {"class": "state"}})
    waited = tables.Column(empty_values=(), verbose_name="Waited", attrs=NUMBER)
    rounds = Number()
    rows = Number()
    position = tables.Column(verbose_name="Z", default="", attrs={"td": {"class": "name"}})
    message = tables.Column(default="", attrs={"td": {"class": "long"}})

    class Meta(List.Meta):
        empty_text = "No earlier hand-over: each resynchronization of a pool is listed here."

    def render_outcome(self, record: Any) -> SafeString:
        """What comes as the value is its label."""
        return status("HAND_OVER", record.outcome)

    def render_took(self, record: Any) -> str:
        if record.ended_at is None:
            return shown.UNKNOWN
        return f"{(record.ended_at - record.began_at).total_seconds():.1f} s"

    def render_waited(self, record: Any) -> str:
        """For other transactions, before Z."""
        waits = [phase for phase in record.phases.all() if phase.part == "1.2"]
        if not waits:
            return "0 s" if record.position is not None else ""
        until = waits[0].ended_at or record.ended_at
        return f"{(until - waits[0].began_at).total_seconds():.1f} s" if until else shown.UNKNOWN

    def render_position(self, value: int) -> str:
        return lsn.render(value)
