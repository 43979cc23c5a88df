"""The properties of a pair and of its pools: which there are, and changing them.

The shell and the page both come here.
"""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from mwaportal import typed

from .models import Pair, PropertyChange, StoragePool
from .property import Property, of_size
from .property_holders import OfPair, properties_of

_ROWS, _RESUME, _FIRST, _SWAP = "Replication", "Suspend and resume", "System migration", "Role swap"
PROPERTIES = (
    Property(
        "synchronous", "Synchronous", _ROWS,
        "Every commit on the primary waits until the secondary has applied it. Only while the pool is"
        " replicating and close; otherwise commits do not wait.",
        "within a second, while a pool is replicating",
    ),
    Property(
        "parallel_degree", "Parallel degree", _ROWS,
        "How many tables, files or indexes are brought at once. More load both nodes more.",
        "with the next copy or resynchronization",
        "at once",
    ),
    of_size(
        "lag_limit_bytes", "Lag limit", _ROWS,
        "A pool whose lag is larger is suspended and brought by keys; a role swap needs less.",
        "within a second",
    ),
    Property(
        "whole_share_percent", "Whole share", _ROWS,
        "A table of which more rows have changed is brought whole instead of row by row.",
        "when tracking begins again",
        "% of its rows",
    ),
    Property(
        "auto_resume", "Auto resume", _RESUME,
        "A suspend ends by itself when its reason is gone. With No somebody has to press Start.",
        "with the next suspend that could end",
    ),
    Property(
        "suspend_wait_seconds", "Suspend wait", _RESUME,
        "How long a node may not answer before a pool is suspended; how long commits may wait for a"
        " secondary that is away.",
        "within a second; for commits that wait, when synchronous mode begins again",
        "s",
    ),
    of_size(
        "wal_limit_bytes", "WAL limit", _RESUME,
        "How much log the primary may keep for us. Beyond it the slot is given up, and every table is"
        " brought whole when the pool resumes.",
        "within a second",
    ),
    Property(
        "savact", "SAVACT", _FIRST,
        "How wide one checkpoint reaches. A wider one holds its snapshot longer on the source.",
        "with the next copying of tables",
    ),
    Property(
        "savactwait_seconds", "SAVACTWAIT", _FIRST,
        "How long a table that somebody has locked is waited for; then it comes in the end.",
        "with the next copying of tables, the next slot and the next hand-over",
        "s",
    ),
    Property(
        "swap_budget_ms", "Swap budget", _SWAP,
        "How long nobody may be able to write in a role swap. Beyond it the old primary is opened again.",
        "with the next role swap; one that is open is for the old value, and becomes void",
        "ms",
    ),
)  # fmt: skip
BY_NAME = {each.name: each for each in PROPERTIES}


def change(
    holder: Pair | StoragePool, wanted: Mapping[str, Any], by: str, seen: Mapping[str, str] | None = None
) -> list[PropertyChange]:
    """Give properties of a pair or a pool new values, and note who did; returns what has become different.

    None, or nothing typed, takes a pool's own value back: the pair's holds again. With `seen`, the values
    that a person saw, nothing is done to those that he left alone, and everything is refused where one that
    he changed is not in force any more: somebody else was first. Raises `ValidationError`, by property.
    """
    with transaction.atomic():
        held = properties_of(holder).held()
        values = _different(held, wanted, seen)
        noted = [_set(held, BY_NAME[name], value, by) for name, value in values.items()]
        _refuse_nonsense(held, values)  # undoes all of it
        return noted


def _different(held: OfPair, wanted: Mapping[str, Any], seen: Mapping[str, str] | None) -> dict[str, Any]:
    """The values that are not in force yet; everything that is refused is said at once."""
    values, refusals = {}, {}
    for name, given in wanted.items():
        what = BY_NAME[name]
        try:
            value = held.clean(what, given)
            if seen is None or held.seen(value) != seen.get(name):
                _refuse_if_overtaken(held, what, seen)
                if value != held.value(what):
                    values[name] = value
        except ValidationError as refusal:
            refusals[name] = refusal
    if refusals:
        raise ValidationError(refusals)
    return values


def _refuse_if_overtaken(held: OfPair, what: Property, seen: Mapping[str, str] | None) -> None:
    now = held.value(what)
    if seen is None or held.seen(now) == seen.get(what.name):
        return
    last = held.changes().filter(name=what.name).first()
    who = f" by {last.by} at {last.at:%H:%M:%S} UTC" if last else ""
    raise ValidationError(
        f"was changed to {held.shown(what, now)}{who} while you had it before you; nothing is saved. Save"
        " again to replace that value, too"
    )


def _refuse_nonsense(held: OfPair, changed: Mapping[str, Any]) -> None:
    """What each value allows and both together do not, wherever they hold."""
    name = next((name for name in ("lag_limit_bytes", "wal_limit_bytes") if name in changed), "")
    for where, found in held.in_force() if name else ():
        lag, log = found.lag_limit_bytes, found.wal_limit_bytes
        if lag > log:
            why = (
                f"{where}the lag limit is {typed.as_size(lag)} and the WAL limit {typed.as_size(log)};"
                " needed is a lag limit that is not the larger one, else the slot is given up before the lag"
                " is noticed"
            )
            raise ValidationError({name: why})


def _set(held: OfPair, what: Property, value: Any, by: str) -> PropertyChange:
    before, after = (held.shown(what, each) for each in (held.value(what), value))
    held.put(what, value)
    return PropertyChange.objects.create(
        about=str(held), key=held.pair.token, pool=held.pool_key, name=what.name,
        before=before, after=after, by=by,
    )  # fmt: skip
