"""What is under way, as rows for the pages: written when something that takes long begins and ends."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from mwaportal import doorbell
from nodes.models import FileRoot, StoragePool
from tracking.models import Job

_log = logging.getLogger("mwa.engine")


def begin(pair_id: int, owner: str, kind: str, about: StoragePool | FileRoot | None = None) -> Job | None:
    """Something has begun; None where that could not be written, which is in nobody's way."""
    what = {
        "pair_id": pair_id, "kind": kind,
        "pool": about if isinstance(about, StoragePool) else None,
        "root": about if isinstance(about, FileRoot) else None,
    }  # fmt: skip
    try:
        Job.objects.filter(**what).delete()  # whose end could not be written
        job = Job.objects.create(owner=owner, **what)
    except DatabaseError as error:
        _log.warning("pair %s: job %s is not shown: %s", pair_id, kind, error)
        return None
    doorbell.notify(pair_id)
    return job


def end(job: Job | None) -> None:
    """It is over, however it ended."""
    if job is None:
        return
    try:
        Job.objects.filter(pk=job.pk).delete()
    except DatabaseError as error:
        _log.warning("%s is still shown: %s", job, error)
    doorbell.notify(job.pair_id)


@contextmanager
def under_way(
    pair_id: int, owner: str, kind: str, about: StoragePool | FileRoot | None = None
) -> Iterator[None]:
    """A row as long as this lasts."""
    job = begin(pair_id, owner, kind, about)
    try:
        yield
    finally:
        end(job)


class Shown:
    """The jobs of a loop that begin in one step of it and end in another."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._jobs: dict[str, Job | None] = {}

    def begin(self, kind: str, root: FileRoot) -> None:
        """It is at this from here on, or still."""
        if kind not in self._jobs:
            self._jobs[kind] = begin(root.pair_id, self._owner, kind, root)

    def end(self, kind: str) -> None:
        """It is not at this any more."""
        end(self._jobs.pop(kind, None))


def forget(pair_id: int) -> None:
    """What those before this loop were at; whoever begins with a pair calls it."""
    try:
        Job.objects.filter(pair=pair_id).delete()
    except DatabaseError as error:
        _log.warning("pair %s: jobs of an engine before this one are still shown: %s", pair_id, error)
