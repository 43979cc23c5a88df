"""The slow walk beside the tracker: which directories to compare by metadata, one after another.

For what no watch tells: writes through a mapping that stays open, changes by a hard link's name outside the
root, file systems that other hosts write too. Whoever carries compares each directory's entries, not what is
below them.
"""

import time
from collections.abc import Iterator

from .beneath import Root, directories
from .watching import Excluded

_LEAST_SECONDS = 60.0  # for one round; a small tree isn't gone through again and again


def rounds(
    root: bytes, excluded: Excluded, per_second: float, *, least_seconds: float = _LEAST_SECONDS
) -> Iterator[bytes | None]:
    """The directories of a root for ever, at most so many a second; None at the end of each round.

    Raises `RootGone`, and then nothing is to be concluded from what was not found.
    """
    while True:
        began = time.monotonic()
        for number, path in enumerate(directories(Root(root), excluded)):
            _sleep_until(began + number / per_second)
            yield path
        yield None
        _sleep_until(began + least_seconds)


def _sleep_until(then: float) -> None:
    if (ahead := then - time.monotonic()) > 0:
        time.sleep(ahead)
