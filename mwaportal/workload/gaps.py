"""How long the writers had to wait, and how fast they were, from their acknowledgements."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import chain, pairwise
from pathlib import Path

from mwaportal.workload.acknowledgements import read

Span = tuple[int, int]  # from, to: wall time in ns, as by time.time_ns()


def write_gap_ms(directory: Path, around: Span) -> float:
    """The longest time that touches `around` in which no writer at all had a commit acknowledged, in ms.

    A wait that began before `around` or ended after it counts in full. Where there is nothing acknowledged
    before or after, it is counted from or to the edge of `around`.
    """
    return _longest_ms(
        chain.from_iterable(_times(given.times, around) for given in read(directory).values()), around
    )


def client_gaps_ms(directory: Path, around: Span) -> dict[int, float]:
    """The same for each writer alone: what a single client has noticed."""
    given = read(directory)
    return {writer: _longest_ms(_times(one.times, around), around) for writer, one in given.items()}


def commits_per_second(directory: Path, during: Span) -> float:
    """The acknowledged commits/s of all writers together in that time."""
    begin, end = during
    given = read(directory).values()
    count = sum(bisect_right(one.times, end) - bisect_left(one.times, begin) for one in given)
    return count / (end - begin) * 1e9


def _times(times: "array[int]", around: Span) -> "array[int]":
    # Those within, with the last one before and the first one after.
    begin, end = around
    return times[max(0, bisect_left(times, begin) - 1) : bisect_right(times, end) + 1]


def _longest_ms(times: Iterable[int], around: Span) -> float:
    begin, end = around
    moments = sorted(times)
    if not moments or moments[0] > begin:
        moments.insert(0, begin)
    if moments[-1] < end:
        moments.append(end)
    # The moments outside belong to several writers: what is between two of them on one side does not count.
    waits = (after - before for before, after in pairwise(moments) if after > begin and before < end)
    return max(waits, default=0) / 1e6
