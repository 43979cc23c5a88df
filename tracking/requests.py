"""What people ask of the lists; a request that is not possible now raises `ValidationError`."""

from django.core.exceptions import ValidationError
from django.utils import timezone

from nodes.models import StoragePool

from .models import CompareRun, DefinitionEntry


def may_compare(pool: StoragePool) -> bool:
    """Whether a compare can run now: both nodes have to be in step."""
    return (pool.state, pool.detail) == ("ACTIVE", "REPLICATING")


def request_compare(pool: StoragePool) -> CompareRun:
    """Ask for a compare of every table of a pool; the engine picks it up."""
    if not may_compare(pool):
        now = f"{pool.state} {pool.detail}".strip()
        raise ValidationError(f"pool {pool} of pair {pool.pair} is {now}; a compare needs ACTIVE REPLICATING")
    if running := pool.compares.filter(ended_at__isnull=True).first():
        raise ValidationError(f"{running} has not ended yet")
    return CompareRun.objects.create(pool=pool)


def tick_off(entry: DefinitionEntry, username: str) -> None:
    """Note that somebody has carried a definition by hand."""
    changed = DefinitionEntry.objects.filter(pk=entry.pk, done_at__isnull=True).update(
        done_at=timezone.now(), done_by=username
    )
    if not changed:
        raise ValidationError(f"'{entry}' was ticked off already")
