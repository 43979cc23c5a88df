"""The lists of the pages."""

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mwaportal import shown
from mwaportal.templatetags.portal import status

from .acts_table import BUTTON, LibraryTable, Tick, failure
from .columns import LONG, NUMBER, STATE, List, Number, When


class TrackingTable(List):
    """The object tracking list: what the copy is owed, a row per table and sheet.

    `sheets` are those that are being written while a pool's older ones are being worked off.
    """

    pool = tables.Column()
    state = tables.Column(empty_values=())
    table = tables.Column(empty_values=(), attrs={"td": {"class": "name"}})
    changes = Number()
    keys = Number(verbose_name="Rows by key")
    whole_reason = tables.Column(verbose_name="Goes whole because", default="")
    first_tracked_at = When(verbose_name="Since")

    class Meta(List.Meta):
        empty_text = "No table has changes that the secondary does not have yet."

    def __init__(self, *args: Any, sheets: dict[int, int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sheets = sheets

    def render_state(self, record: Any) -> SafeString:
        worked_off = record.sheet < self._sheets.get(record.pool_id, 0)
        return status("TRACKING_STATE", "MIGRATING" if worked_off else "READY")

    def render_table(self, record: Any) -> str:
        return str(record)


class DefinitionTable(LibraryTable):
    """Definition changes on their way to the secondary."""

    command = tables.Column(attrs=STATE)
    identity = tables.Column(verbose_name="Object", attrs={"td": {"class": "name"}})
    failure = tables.Column(verbose_name="Failure", default="", attrs=LONG)
    kind = "definition"

    class Meta(List.Meta):
        empty_text = "Every definition change is on the secondary."
        sequence = ("chosen", "pool", "state", "command", "identity", "tracked_at", "failure", "done")

    def render_identity(self, value: str, record: Any) -> SafeString:
        return self.named(value, record.schema_name)

    def render_failure(self, record: Any) -> SafeString:
        return format_html("<div>{}</div>", failure(record.failure, record.failure_job))


class OtherTable(LibraryTable):
    """Objects that event triggers do not see and that differ between the nodes."""

    object_type = tables.Column(verbose_name="Type")
    object = tables.Column(empty_values=(), verbose_name="Object", attrs={"td": {"class": "name"}})
    change = tables.Column(verbose_name="On the secondary")
    size = tables.Column(attrs=NUMBER, default="")
    why = tables.Column(verbose_name="What is to be done, or the failure", default="", attrs=LONG)
    kind = "other"

    class Meta(List.Meta):
        empty_text = "Roles, settings, large objects and the like are the same on both nodes."
        sequence = (
            "chosen", "pool", "state", "object_type", "object", "change", "size", "tracked_at", "why", "done",
        )  # fmt: skip

    def render_object(self, record: Any) -> SafeString:
        return self.named(".".join(filter(None, (record.library, record.name))), record.library)

    def render_size(self, value: int) -> str:
        return shown.size(value)

    def render_why(self, record: Any) -> SafeString:
        job = record.failure_job if record.state == "FAILED" else ""
        return format_html("<div>{}</div>", failure(record.why, job))


class MigratedTable(List):
    """Objects that have been carried, the latest first."""

    chosen = Tick()
    pool = tables.Column()
    object_type = tables.Column(verbose_name="Type")
    identity = tables.Column(verbose_name="Object", attrs={"td": {"class": "name"}})
    count = Number(verbose_name="Times")
    size = tables.Column(attrs=NUMBER, default="")
    ended_at = When(verbose_name="Last")
    forget = tables.Column(accessor="pk", verbose_name="Entry")

    class Meta(List.Meta):
        empty_text = "No definition has been carried since the system migration."

    def __init__(self, *args: Any, pair: str, may_operate: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pair, self._may_operate = pair, may_operate

    def render_size(self, value: int) -> str:
        return shown.size(value)

    def render_forget(self, record: Any) -> str:
        if not self._may_operate or record.pool.detail == "SYNCHRONIZING":
            return ""
        address = reverse("migrated-remove", args=[self._pair, record.pk])
        return format_html(BUTTON, address, f"migrated-remove-{record.pk}", "Forget")


class AttemptTable(List):
    """What became of entries, the newest first."""

    pool = tables.Column()
    ended_at = When(verbose_name="At")
    outcome = tables.Column(attrs=STATE)
    change = tables.Column(accessor="command", default="", attrs=STATE)
    identity = tables.Column(verbose_name="Object", attrs={"td": {"class": "name"}})
    took = tables.Column(empty_values=(), verbose_name="Took", attrs=NUMBER)
    times = Number()
    message = tables.Column(default="", attrs={"td": {"class": "long"}})
    job = tables.Column(verbose_name="Carried by", default="")
    by = tables.Column(verbose_name="By", default="", attrs=STATE)

    class Meta(List.Meta):
        empty_text = "Nothing was carried, tried or set aside yet."

    def render_outcome(self, record: Any) -> SafeString:
        return status("ATTEMPT", record.outcome)

    def render_took(self, record: Any) -> str:
        if record.started_at is None:
            return ""
        return f"{(record.ended_at - record.started_at).total_seconds():.2f} s"


class MessageTable(List):
    """What the engine has said, newest first."""

    at = When(verbose_name="At")
    code = tables.Column(default="", attrs={"td": {"class": "name"}})
    text = tables.Column(verbose_name="Message", attrs={"td": {"class": "long"}})

    class Meta(List.Meta):
        empty_text = "The engine has said nothing yet."


class JournalTable(List):
    """M9 entries, newest first."""

    at = When(verbose_name="At")
    entry_type = tables.Column(verbose_name="Type")
    name = tables.Column(verbose_name="Entry")
    previous_state = tables.Column(verbose_name="From", default="", attrs=STATE)
    state = tables.Column(verbose_name="To", default="", attrs=STATE)
    phase_detail = tables.Column(verbose_name="Detail", default="")
    reason = tables.Column(default="")
    user = tables.Column(default="")

    class Meta(List.Meta):
        empty_text = "Nothing has happened yet."


class SupportTable(List):
    """Object types and migration."""

    object_type = tables.Column(verbose_name="Type", attrs={"td": {"class": "name"}})
    system_migration = tables.Column(verbose_name="System migration", attrs=STATE)
    data_synchronization = tables.Column(verbose_name="Data synchronization", attrs=STATE)
    tracking_list = tables.Column(verbose_name="List", default="")
    exceptions = tables.Column(verbose_name="Exceptions", default="")
