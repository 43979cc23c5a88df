"""The lists on the page of the compares."""

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mwaportal import shown
from mwaportal.templatetags.portal import indicator, status

from .columns import NUMBER, List, Number, When

_STATE = {"td": {"class": "state"}}
_NAME = {"td": {"class": "name"}}


class Compared(List):
    """What compares of tables and of files have in common; `pair` is the pair's name."""

    number = tables.Column(accessor="pk", verbose_name="Number")
    of = tables.Column(verbose_name="What", attrs={"td": {"class": "path"}})
    why = tables.Column(empty_values=(), verbose_name="Occasion")
    asked_at = When(verbose_name="Asked for")
    took = tables.Column(accessor="seconds", empty_values=(), verbose_name="Took", attrs=NUMBER)
    verdict = tables.Column(empty_values=(), verbose_name="Verdict", attrs=_STATE)
    parameter = ""

    def __init__(self, *args: Any, pair: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pair = pair

    def render_number(self, value: int) -> SafeString:
        """Leads to what was found."""
        address = f"{reverse('compare', args=[self._pair])}?{self.parameter}={value}"
        return format_html('<a href="{}">{}</a>', address, value)

    def render_why(self, record: Any) -> str:
        return occasion(record)

    def render_took(self, value: float | None) -> str:
        return "" if value is None else shown.duration(value)

    def render_verdict(self, record: Any) -> SafeString:
        return indicator(record.standing.kind, record.standing.label)


class RunTable(Compared):
    """Compares of tables, the newest first."""

    pool = tables.Column()
    tables_done = Number(verbose_name="Tables")
    rows = Number(accessor="rows", verbose_name="Rows")
    parameter = "run"

    class Meta(List.Meta):
        empty_text = (
            "Nothing has been compared yet. A compare can run whenever a pool is replicating, while writing"
            " goes on; its verdict on each table would stand here."
        )
        sequence = ("number", "pool", "of", "why", "asked_at", "took", "tables_done", "rows", "verdict")


class FileRunTable(Compared):
    """Compares of file roots, the newest first."""

    objects_compared = Number(verbose_name="Objects")
    bytes_compared = tables.Column(verbose_name="Size", attrs=NUMBER)
    difference_count = Number(verbose_name="Differ")
    parameter = "files"

    class Meta(List.Meta):
        empty_text = "No file root has been compared yet."
        sequence = (
            "number", "of", "why", "asked_at", "took", "objects_compared", "bytes_compared",
            "difference_count", "verdict",
        )  # fmt: skip

    def render_bytes_compared(self, value: int) -> str:
        return shown.size(value)


class ResultTable(List):
    """The verdicts of one compare on its tables."""

    verdict = tables.Column(attrs=_STATE)
    table = tables.Column(empty_values=(), verbose_name="Table", attrs=_NAME)
    rows = Number(accessor="rows", verbose_name="Rows")
    different_rows = Number(verbose_name="Rows that differ")
    took = tables.Column(accessor="seconds", verbose_name="Took", attrs=NUMBER)
    reason = tables.Column(
        verbose_name="Why, or what to know besides", default="", attrs={"td": {"class": "long"}}
    )

    class Meta(List.Meta):
        empty_text = "No table with this verdict and name."

    def __init__(self, *args: Any, pair: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pair = pair

    def render_verdict(self, record: Any) -> SafeString:
        """What comes as the value is its label."""
        return status("VERDICT", record.verdict)

    def render_table(self, record: Any) -> SafeString | str:
        """Leads to the rows that differ."""
        name = f"{record.schema}.{record.name}"
        if not record.different_rows:
            return name
        address = f"{reverse('compare', args=[self._pair])}?result={record.pk}"
        return format_html('<a href="{}">{}</a>', address, name)

    def render_took(self, value: float) -> str:
        return f"{value:.1f} s" if value < 60 else shown.duration(value)


def occasion(compare: Any) -> str:
    """Who asked for it, or on what occasion the portal did."""
    label = compare.get_why_display()
    return f"{label} by {compare.asked_by}" if compare.asked_by else label
