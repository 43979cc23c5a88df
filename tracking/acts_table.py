"""Entries of tracking lists, with what can be done about each, and about many at once."""

from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlencode

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mwaportal import shown
from mwaportal.templatetags.portal import status

from .columns import List, When

BUTTON = '<button form="act" formaction="{}" class="button small" id="{}">{}</button>'
# A list to choose from: Enter in a field would press the page's first button.
_PRIORITY = '<select form="act" name="priority-{}" aria-label="Priority, 0 is tried first">{}</select>'
_PRIORITIES = range(10)
_TICK = (
    '<input type="checkbox" form="act" name="row" value="{}" id="tick-{}" aria-label="{}" autocomplete="off">'
)
# What may be asked for, in the order of the buttons; the first ones stand in sight.
WORDS = {
    "retry": "Try again",
    "done": "Tick off",
    "restore": "Take up again",
    "omit": "Omit",
    "defer": "Defer",
    "remove": "Remove",
    "prioritize": "Set priority",
}
_FIRST = ("retry", "done", "restore")


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
        acts = [act for act in WORDS if act in record.offered()] if self._may_operate else []
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
        return format_html(BUTTON, address, f"{self.kind}-{act}-{record.pk}", WORDS[act])


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


def failure(message: str, job: str) -> str:
    """The message, and who has seen it."""
    return format_html('{}<div class="quiet">{}</div>', message, job) if job else message
