"""Where the definitions of a pool lie between their dump and its first hand-over."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from nodes.models import StoragePool
from tracking.save import definitions


def dump(pool: StoragePool, primary_conninfo: str) -> None:
    """Dump the definitions as of now. Whoever is killed in it leaves nothing that counts."""
    with workplace(pool) as unfinished:
        definitions.dump(primary_conninfo, unfinished)
        unfinished.rename(_directory(pool))


def path(pool: StoragePool) -> Path:
    """The archive; it is there only once its dump was finished."""
    return _directory(pool) / "definitions.dump"


@contextmanager
def workplace(pool: StoragePool) -> Iterator[Path]:
    """An empty directory for one step; one that a killed step has left is emptied by the next."""
    place = _directory(pool).with_suffix(".unfinished")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700, parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def forget(pool: StoragePool) -> None:
    """Delete all of it: the definitions are on the copy, or nobody wants them any more."""
    shutil.rmtree(_directory(pool), ignore_errors=True)
    shutil.rmtree(_directory(pool).with_suffix(".unfinished"), ignore_errors=True)


def _directory(pool: StoragePool) -> Path:
    return Path(settings.HOME) / "definitions" / f"{pool.pair.token}_{pool.number}"
