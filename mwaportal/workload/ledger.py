"""What the writers' ledger proves about a node: nothing acknowledged is lost, nothing was done twice."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mwaportal.workload.acknowledgements import Acknowledged, read
from nodes.postgres.connect import Connection

_RUNS = Path(__file__).with_name("check.sql").read_text()
_STOCKS = """
    select s.product_id, s.quantity, s.initial - coalesce(m.moved, 0)
    from warehouse.stock s
    left join (select product_id, sum(quantity) as moved from warehouse.movements group by product_id) m
    using (product_id)
    where s.quantity <> s.initial - coalesce(m.moved, 0) order by 1
"""
_EXAMPLES = 20
_LAST = 2**63 - 1


@dataclass
class LedgerReport:
    """The verdict on one node."""

    acknowledged: int = 0
    lost: int = 0  # transactions that are not there or not all there, and products with too much in stock
    duplicated: int = 0  # transactions that are there more than once, and products with too little in stock
    unacknowledged: int = 0  # committed, but the answer has not reached the writer's file: legal
    examples: list[str] = field(default_factory=list)  # the first of what was lost or duplicated, in words

    def note(self, what: str, *, lost: int = 0, duplicated: int = 0) -> None:
        """Count a finding, and keep its description if it is one of the first."""
        self.lost += lost
        self.duplicated += duplicated
        if (lost or duplicated) and len(self.examples) < _EXAMPLES:
            self.examples.append(what)


def check(directory: Path, connection: Connection) -> LedgerReport:
    """Hold the writers' acknowledgements against what a node has of them; they may go on writing.

    Each transaction leaves one row in ledger and one in movements, and takes from a stock what the movement
    says. It is lost if it was acknowledged and neither is there, or if one is there without the other; it is
    duplicated if either is there twice, whether or not a key forbids that. A product's stock that is below
    what its movements leave counts as duplicated, one above as lost. `connection` is in autocommit mode.
    """
    acknowledged = read(directory)  # before the snapshot: all that is in it has to be in the database
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        runs = connection.execute(_RUNS).fetchall()
        stocks = connection.execute(_STOCKS).fetchall()
    report = LedgerReport(acknowledged=sum(len(given.numbers) for given in acknowledged.values()))
    for writer, first, last, ledger_rows, movement_rows in runs:
        count = last - first + 1
        report.note(
            f"writer {writer}, {first} to {last}: {ledger_rows} ledger rows, {movement_rows} movements each",
            lost=count if min(ledger_rows, movement_rows) == 0 else 0,
            duplicated=count if max(ledger_rows, movement_rows) > 1 else 0,
        )
        report.unacknowledged += count
    for product, quantity, left in stocks:
        what = f"product {product}: {quantity} in stock, its movements leave {left}"
        report.note(what, lost=int(quantity > left), duplicated=int(quantity < left))
    for writer, given in acknowledged.items():
        _hold_against(
            report, writer, given, [(first, last) for who, first, last, *_ in runs if who == writer]
        )
    return report


def _hold_against(
    report: LedgerReport, writer: int, given: Acknowledged, present: list[tuple[int, int]]
) -> None:
    absent = 0
    for first, last in _between(present):
        # The numbers ascend (see Writer), so how many fall into a range is the distance of two positions.
        if missing := bisect_right(given.numbers, last) - bisect_left(given.numbers, first):
            one = given.numbers[bisect_left(given.numbers, first)]
            report.note(f"writer {writer}: {missing} acknowledged from {one} on are not there", lost=missing)
            absent += missing
    report.unacknowledged -= len(given.numbers) - absent


def _between(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    # What ascending, disjoint ranges leave out, from 1 to the last number there can be.
    following = 1
    for first, last in ranges:
        if first > following:
            yield following, first - 1
        following = last + 1
    yield following, _LAST
