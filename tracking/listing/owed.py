"""The object tracking list in one line."""

from collections.abc import Collection
from dataclasses import dataclass

from . import totals


@dataclass(frozen=True)
class Owed:
    """So many tables (twice, while on the old and the new sheet of a hand-over), and what of them."""

    tables: int
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
