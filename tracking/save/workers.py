"""The same thing for many objects, several at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")


def each(items: Iterable[T], do: Callable[[T], None], jobs: int) -> None:
    """Call `do` for every item in order, `jobs` at a time.

    Raises the first error after what runs then has ended; what has not begun is left.
    """
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        futures = [pool.submit(do, item) for item in items]
        done, waiting = wait(futures, return_when=FIRST_EXCEPTION)
        for future in waiting:
            future.cancel()
        for future in done:
            future.result()
