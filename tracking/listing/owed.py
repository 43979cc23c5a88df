"""The object tracking list in one line."""

from collections.abc import Collection
from dataclasses import dataclass

from . import totals


@dataclass(frozen=True)
class Owed:
    """So many entries (a table has two while it is on two sheets, in a hand-over), and what is on them."""

    entries: int
    changes: int
    keys: int
    whole: int


def owed(pools: Collection[int]) -> Owed:
    """What the secondary is owed by these pools."""
    found = totals.read("tables", pools)
    return Owed(
        sum(total.entries for total in found), sum(total.changes for total in found),
        sum(total.keys for total in found), sum(total.whole for total in found),
    )  # fmt: skip
