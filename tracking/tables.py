"""The lists of the live page."""

from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlencode

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mwaportal import shown
from mwaportal.templatetags.portal import status

_STATE = {"td": {"class": "state"}}
_BUTTON = '<button form="act" formaction="{}" class="button small" id="{}">{}</button>'
# A list to choose from: Enter in a field would press the page's first button.
_PRIORITY = '<select form="act" name="priority-{}" aria-label="Priority, 0 is tried first">{}</select>'
_PRIORITIES = range(10)
_TICK = (
    '<input type="checkbox" form="act" name="row" value="{}" id="tick-{}" aria-label="{}" autocomplete="off">'
)
# What may be asked for, in the order of the buttons; the first ones stand in sight.
_WORDS = {
    "retry": "Try again",
    "done": "Tick off",
    "restore": "Take up again",
    "omit": "Omit",
    "defer": "Defer",
    "remove": "Remove",
    "prioritize": "Set priority",
}
_FIRST = ("retry", "done", "restore")
LONG = {"td": {"class": "path"}}
NUMBER = {"td": {"class": "num"}, "th": {"class": "num"}}


class Number(tables.Column):
    """A count; None is unknown."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, attrs=NUMBER, default=shown.UNKNOWN, **kwargs)

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


class Tick(tables.Column):
    """A box to tick, for what is asked of many at once."""

    def __init__(self) -> None:
        super().__init__(empty_values=(), verbose_name="Tick", attrs={"td": {"class": "tick"}})

    def render(self, record: Any) -> SafeString:
        return format_html(_TICK, record.pk, record.pk, record)


class ActsTable(List):
    """Entries of a tracking list, with what can be done about them."""

    chosen = Tick()
    state = tables.Column(attrs={"td": {"class": "standing"}})
    done = tables.Column(empty_values=(), verbose_name="What can be done")
    kind = ""  # the name of its address

    def __init__(self, *args: Any, pair: str, may_operate: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pair, self._may_operate = pair, may_operate
        self._below = reverse(self.kind, args=[pair, 0, "act"]).removesuffix("0/act/")

    def render_state(self, record: Any) -> SafeString:
        """What comes as the value is its label."""
        return format_html_join("", "<div>{}</div>", ((each,) for each in self.shows(record)))

    def shows(self, record: Any) -> list[SafeString]:
        """The lines that say how an entry stands."""
        shows = [status("TRACKING_STATE", record.state)]
        if record.started_at:
            shows.append(format_html('<span class="quiet">since {}</span>', shown.when(record.started_at)))
        if record.set_aside:
            by = format_html("{} {}", shown.when(record.set_aside_at), record.set_aside_by)
            shows.append(
                format_html('{} <span class="quiet">{}</span>', status("SET_ASIDE", record.set_aside), by)
            )
        return shows

    def render_done(self, record: Any) -> str:
        acts = [act for act in _WORDS if act in record.offered()] if self._may_operate else []
        first = [self._button(record, act) for act in acts if act in _FIRST]
        parts = (self.note(record), _joined(first), self._more(record, acts))
        return format_html('<div class="acts">{}{}{}</div>', *parts) if any(parts) else ""

    def note(self, record: Any) -> str:
        """What stands above the buttons."""
        return ""

    def _more(self, record: Any, acts: list[str]) -> str:
        """What is seldom done, folded."""
        more = [self._button(record, act) for act in acts if act not in _FIRST]
        if "prioritize" in acts:
            more.insert(-1, format_html(_PRIORITY, record.pk, _options(record.priority)))
        if not more:
            return ""
        return format_html(
            '<details id="more-{}-{}"><summary>More</summary><div class="acts">{}</div></details>',
            self.kind, record.pk, _joined(more),
        )  # fmt: skip

    def _button(self, record: Any, act: str) -> SafeString:
        address = f"{self._below}{record.pk}/{act}/"
        return format_html(_BUTTON, address, f"{self.kind}-{act}-{record.pk}", _WORDS[act])


class LibraryTable(ActsTable):
    """Entries of the library tracking list."""

    pool = tables.Column()
    tracked_at = When(verbose_name="Changed")

    @cached_property
    def _attempts(self) -> str:
        return reverse("attempts", args=[self._pair])

    def shows(self, record: Any) -> list[SafeString]:
        """With the priority, and what was asked for."""
        shows = super().shows(record)
        if record.priority is not None:
            shows.append(format_html('<span class="quiet">priority {}</span>', record.priority))
        if record.retry_asked:
            shows.append(format_html('<span class="quiet">{}</span>', "to be tried again"))
        return shows

    def named(self, name: str, schema: str) -> SafeString:
        """A name, and the way to what has become of it; there it stands with its schema."""
        bare = name.replace('"', "")
        whole = name if not schema or bare.startswith(f"{schema}.") else f"{schema}.{name}"
        address = f"{self._attempts}?{urlencode({'object': whole})}"
        return format_html('{}<div class="quiet"><a href="{}">Attempts</a></div>', name, address)

    def note(self, record: Any) -> str:
        """Who has ticked it off."""
        if not record.done_at:
            return ""
        return format_html("<div>ticked off {} {}</div>", shown.when(record.done_at), record.done_by)


def _joined(parts: list[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((each,) for each in parts))


@lru_cache
def _options(chosen: int | None) -> SafeString:
    """The priorities that can be chosen, and the one that it has; more can be given in a shell."""
    values = sorted({*_PRIORITIES, *(() if chosen is None else (chosen,))})
    rows = [("", " selected" if chosen is None else "", "none")]
    rows += [(value, " selected" if value == chosen else "", value) for value in values]
    return format_html_join("", '<option value="{}"{}>{}</option>', rows)


class DefinitionTable(LibraryTable):
    """Definition changes on their way to the secondary."""

    command = tables.Column(attrs=_STATE)
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


def failure(message: str, job: str) -> str:
    """The message, and who has seen it."""
    return format_html('{}<div class="quiet">{}</div>', message, job) if job else message


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
        return format_html(_BUTTON, address, f"migrated-remove-{record.pk}", "Forget")


class AttemptTable(List):
    """What became of entries, the newest first."""

    pool = tables.Column()
    ended_at = When(verbose_name="At")
    outcome = tables.Column(attrs=_STATE)
    change = tables.Column(accessor="command", default="", attrs=_STATE)
    identity = tables.Column(verbose_name="Object", attrs={"td": {"class": "name"}})
    took = tables.Column(empty_values=(), verbose_name="Took", attrs=NUMBER)
    times = Number()
    message = tables.Column(default="", attrs={"td": {"class": "long"}})
    job = tables.Column(verbose_name="Carried by", default="")
    by = tables.Column(verbose_name="By", default="", attrs=_STATE)

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
