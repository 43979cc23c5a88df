"""The lists of files: the IFS tracking list, and what has been carried."""

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mwaportal import shown

from .acts_table import ActsTable, failure
from .columns import NUMBER, List, Number, When

_PATH = {"td": {"class": "name path"}}


class FileTable(ActsTable):
    """Entries of the IFS tracking list."""

    root = tables.Column(accessor="root__asp_name")
    object_type = tables.Column(verbose_name="Type", default="")
    path = tables.Column(accessor="pk", attrs=_PATH)
    first_tracked_at = When(verbose_name="Tracked since")
    failure = tables.Column(default="", attrs={"td": {"class": "path"}})
    kind = "file"

    class Meta(List.Meta):
        empty_text = "The list is empty."
        sequence = ("chosen", "root", "state", "object_type", "path", "first_tracked_at", "failure", "done")

    def render_path(self, record: Any) -> SafeString:
        """A path, and whether all below it is meant."""
        below = "with all below it" if record.walk else ""
        why = ": ".join(filter(None, (below, record.reason)))
        note = format_html('<div class="quiet">{}</div>', why) if why else ""
        return format_html("<div>{}</div>{}", str(record), note)

    def render_failure(self, record: Any) -> SafeString:
        return format_html("<div>{}</div>", failure(record.failure, record.failure_job))


class MigratedFileTable(List):
    """Files that have been carried, the latest first."""

    root = tables.Column(accessor="root__asp_name")
    object_type = tables.Column(verbose_name="Type")
    path = tables.Column(accessor="pk", attrs=_PATH)
    count = Number(verbose_name="Times")
    size = tables.Column(attrs=NUMBER, default="")
    tracked_at = When(verbose_name="Changed")
    ended_at = When(verbose_name="Carried")

    class Meta(List.Meta):
        empty_text = "No file has been carried since the first copy."

    def render_path(self, record: Any) -> SafeString:
        return format_html("<div>{}</div>", str(record))

    def render_size(self, value: int) -> str:
        return shown.size(value)
