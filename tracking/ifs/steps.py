"""Work in steps: each stops where something has to be on disk before it may go on.

So what many of them need on disk is written together, which takes little longer than for one.
"""

import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, wait
from typing import TypeVar

from .opened import sync

T = TypeVar("T")
Steps = Generator[int, None, T]

LONG = -1  # in place of a descriptor: what comes now takes long, and others need not wait for it
_MANY = 32  # from so many on, the whole file system is written out at once


def alone(steps: Steps[T]) -> T:
    """To the end; each descriptor is written to disk when it comes."""
    try:
        fd = next(steps)
        while True:
            error = None if fd == LONG else _tried(os.fsync, fd)
            fd = steps.throw(error) if error else next(steps)
    except StopIteration as end:
        result: T = end.value
        return result


def together(many: Iterable[Steps[T]], executor: Executor) -> list[T]:
    """All of them to the end, stop by stop; those that take long by the executor. The results in order."""
    going = dict(enumerate(many))
    results: dict[int, T] = {}
    elsewhere: dict[int, Future[T]] = {}
    errors: dict[int, OSError] = {}
    try:
        while going:
            stops: dict[int, int] = {}
            for number, steps in list(going.items()):
                try:
                    fd = steps.throw(errors[number]) if number in errors else next(steps)
                except StopIteration as end:
                    results[number] = end.value
                    del going[number]
                    continue
                if fd == LONG:
                    elsewhere[number] = executor.submit(alone, going.pop(number))
                else:
                    stops[number] = fd
            failed = _all_synced(stops.values())
            errors = {number: failed[fd] for number, fd in stops.items() if fd in failed}
    finally:
        wait(elsewhere.values())
    results |= {number: future.result() for number, future in elsewhere.items()}
    return [results[number] for number in sorted(results)]


def _all_synced(fds: Iterable[int]) -> dict[int, OSError]:
    """Which could not be written to disk.

    Many go with all that is to be written to their file system: each by itself is a request of its own to
    the disk, and a burst of small files has hundreds.
    """
    errors: dict[int, OSError] = {}
    for some in _by_device(fds):
        if len(some) < _MANY:
            errors |= {fd: error for fd in some if (error := _tried(os.fsync, fd))}
        elif error := _tried(sync, some[0]):
            errors |= dict.fromkeys(some, error)
    return errors


def _by_device(fds: Iterable[int]) -> Iterable[list[int]]:
    found: dict[int, list[int]] = {}
    for fd in fds:
        found.setdefault(os.fstat(fd).st_dev, []).append(fd)
    return found.values()


def _tried(write: Callable[[int], None], fd: int) -> OSError | None:
    try:
        write(fd)
    except OSError as error:
        return error
    return None
