"""One thing asked of many entries, of each as if it were asked alone; in short transactions."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from django.core.exceptions import ValidationError
from django.db import transaction

from .spec import Spec

_AT_ONCE = 200
_SECONDS = 5.0
_TOLD = 3


@dataclass
class Asked:
    """What became of it; `left` when the time was over before all had been asked."""

    done: int = 0
    refused: int = 0
    under_way: int = 0
    reasons: list[str] = field(default_factory=list)
    left: bool = False

    def __str__(self) -> str:
        parts = [f"{self.done:,} done"]
        if self.refused:
            untold = self.refused - len(self.reasons)
            more = f"; and {untold:,} more" if untold else ""
            parts.append(f"{self.refused:,} refused: {'; '.join(self.reasons)}{more}")
        if self.under_way:
            parts.append(f"{self.under_way:,} gone, or in somebody else's hands at this moment")
        if self.left:
            parts.append("there are more: ask again for the rest")
        return f"{'. '.join(parts)}."


def ask(
    spec: Spec, keys: Iterable[int], act: str, username: str, value: str = "",
    seconds: float = _SECONDS,
) -> Asked:  # fmt: skip
    """Ask it of the entries with these keys, in their order; nobody who holds an entry is waited for."""
    asked, keys, deadline = Asked(), iter(keys), time.monotonic() + seconds
    while batch := list(islice(keys, _AT_ONCE)):
        if time.monotonic() > deadline:
            asked.left = True
            break
        with transaction.atomic():
            _ask(asked, spec, batch, act, username, value)
    return asked


def _ask(asked: Asked, spec: Spec, batch: list[int], act: str, username: str, value: str) -> None:
    entries = spec.model._default_manager.select_for_update(of=("self",), skip_locked=True)
    held = {entry.pk: entry for entry in entries.select_related(spec.by).filter(pk__in=batch)}
    asked.under_way += len(batch) - len(held)
    for key in batch:
        if key not in held:
            continue
        try:
            held[key].do(act, username, value)
        except ValidationError as refusal:
            asked.refused += 1
            if len(asked.reasons) < _TOLD:
                asked.reasons.append(" ".join(refusal.messages))
        else:
            asked.done += 1
