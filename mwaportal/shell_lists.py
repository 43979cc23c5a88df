"""The tracking lists of a pair from a shell: what stands on them, and what is done with an entry."""

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from tracking.models import DefinitionEntry, FileChange, OtherObject


def listed(pair):
    """A line for each entry; the letter of its number says on which list it stands."""
    return [line(mark, entry) for mark, entries in _lists(pair).items() for entry in entries]


def line(mark, entry):
    """An entry, how it stands, and why."""
    why = getattr(entry, "failure", "") or getattr(entry, "why", "")
    where = entry.root.asp_name if mark == "f" else entry.pool.database
    priority = getattr(entry, "priority", None)
    words = [f"{mark}{entry.pk}", where, entry.standing]
    words += [] if priority is None else [f"priority {priority}"]
    return "  ".join(filter(None, [*words, str(entry), why]))


def act(pair, number, act, priority, user):
    """Do it; returns how the entry stands then. Raises `CommandError` or `ValidationError`."""
    entries, pk = _lists(pair).get(number[:1]), number[1:]
    if entries is None or not pk.isdecimal() or (entry := entries.filter(pk=pk).first()) is None:
        raise CommandError(f"pair {pair} has no entry {number}; mwa list {pair} shows those that there are")
    if why := entry.refusal(act):
        raise ValidationError(why)
    entry.act(act, user, *([priority] if act == "prioritize" else []))
    left = entries.filter(pk=pk).first()
    return f"{entry}: {left.standing if left else 'removed'}"


def _lists(pair):
    return {
        "d": DefinitionEntry.objects.filter(pool__pair=pair).select_related("pool"),
        "o": OtherObject.objects.filter(pool__pair=pair).select_related("pool"),
        "f": FileChange.objects.filter(root__pair=pair).select_related("root"),
    }
