"""The list of the flight recorder."""

from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mwaportal.templatetags.portal import status

from .columns import NUMBER, List

_SHORT = 300  # characters of a line; the rest is folded


class LineTable(List):
    """Lines of the flight recorder, newest first."""

    at = tables.Column(verbose_name="At (UTC)")
    level_name = tables.Column(verbose_name="Level", attrs={"td": {"class": "state"}})
    component = tables.Column(attrs={"td": {"class": "state"}})
    place = tables.Column(verbose_name="Where", default="", attrs={"td": {"class": "name"}})
    text = tables.Column(verbose_name="Step", attrs={"td": {"class": "long"}})
    seconds = tables.Column(verbose_name="Took", default="", attrs=NUMBER)

    class Meta(List.Meta):
        empty_text = "No line."

    def render_at(self, value: datetime) -> SafeString:
        today = value.date() == timezone.now().date()
        text = value.strftime("%H:%M:%S.%f" if today else "%d %b %H:%M:%S.%f")[:-3]
        return format_html('<time datetime="{}">{}</time>', value.isoformat(), text)

    def render_level_name(self, value: str) -> SafeString:
        return status("RECORDER_LEVEL", value)

    def render_component(self, record: Any) -> str:
        return record.get_component_display()

    def render_text(self, record: Any) -> SafeString | str:
        first, _, rest = record.text.partition("\n")
        if not rest and len(first) <= _SHORT:
            return first
        more = '<details id="line-{}"><summary>{}</summary><pre class="detail-text">{}</pre></details>'
        head = first if len(first) <= _SHORT else f"{first[:_SHORT]} ..."
        return format_html(more, record.pk, head, record.text)

    def render_seconds(self, value: float) -> str:
        return f"{value * 1000:.0f} ms" if value < 10 else f"{value:.1f} s"
