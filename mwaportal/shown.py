"""How values are written for people: numbers, sizes, durations, times; unknown is said, never shown as 0."""

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

UNKNOWN = "unknown"
_UNITS = ("B", "kB", "MB", "GB", "TB")


def number(value: float | None) -> str:
    """With separators for thousands."""
    return UNKNOWN if value is None else f"{round(value):,}"


def size(value: float | None) -> str:
    """Bytes, in the largest fitting unit of 1,024."""
    if value is None:
        return UNKNOWN
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.1f} {unit}"


def rate(value: float | None) -> str:
    """Bytes a second."""
    return UNKNOWN if value is None else f"{size(value)}/s"


def duration(seconds: float | None) -> str:
    """Seconds, in at most two units."""
    if seconds is None:
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def columns(row: dict[str, str | None] | None) -> str:
    """A row of a table, as a compare has found it on one of the nodes."""
    if not row:
        return "nothing"
    return " ".join(f"{name}={'null' if value is None else value}" for name, value in row.items())


def when(at: datetime | None) -> SafeString | str:
    """A time of today, or a day and a time; in UTC, as every time of the portal."""
    if at is None:
        return UNKNOWN
    today = at.date() == timezone.now().date()
    text = at.strftime("%H:%M:%S") if today else at.strftime("%d %b %H:%M")
    return format_html('<time datetime="{}">{}</time>', at.isoformat(timespec="seconds"), text)
