"""make bench BENCH=resync: what 2,000,000 updates of 100,000 rows cost after a suspend."""

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from nodes.postgres import slot
from nodes.postgres.connect import Connection, one, wait_until
from tracking.mirror import subscription

from .bed import Bed, Mirrored, bed, end_of_log, line, seconds_since, wait_confirmed

ROUNDS = 3
_TABLE = "create table hot (id bigint primary key, a int, b int, words text)"
_ROWS = "insert into hot select i, 0, 0, repeat('x', 84) from generate_series(1, 100000) i"


def run() -> Iterator[dict[str, Any]]:
    """From Start until both nodes are in step, ours and a native subscription in turn."""
    with bed() as made:
        ours, native = [], []
        mirrored, peer = _mirrored(made), _Native(made)
        for _ in range(ROUNDS):
            ours.append(_ours(mirrored))
            native.append(peer.catch_up())
        for source, copy in ((mirrored.source, mirrored.copy), (peer.source, peer.copy)):
            _equal(source, copy)
        yield line("resync", median(ours), "s", "native subscription catching up", median(native))


def _mirrored(made: Bed) -> Mirrored:
    source, copy = made.database("ours")
    for session in (source, copy):
        session.execute(_TABLE)
    source.execute(_ROWS)
    mirrored = Mirrored(made, "ours", source, copy, 1)
    mirrored.hand_over(mirrored.capture())
    return mirrored


def _update(source: Connection) -> None:
    """20 updates of each row, in 200 transactions."""
    for number in range(200):
        low = number % 10 * 10_000
        source.execute("update hot set a = a + 1 where id > %s and id <= %s", (low, low + 10_000))


def _ours(mirrored: Mirrored) -> float:
    mirrored.suspend()
    process = mirrored.capture()
    _update(mirrored.source)
    end = end_of_log(mirrored.source)
    wait_until(lambda: process.latest.get("position", 0) >= end, "the list", seconds=300)
    began = time.monotonic()
    mirrored.hand_over(process)
    wait_confirmed(mirrored.source, mirrored.route.slot, end_of_log(mirrored.source))
    return seconds_since(began)


class _Native:
    """A plain subscription, with PostgreSQL's own defaults."""

    def __init__(self, made: Bed) -> None:
        self.source, self.copy = made.database("native")
        for session in (self.source, self.copy):
            session.execute(_TABLE)
            session.execute(_ROWS)
        self.source.execute("create publication p for table hot")
        slot.create(self.source, "native", seconds=10)
        self.copy.execute(
            f"create subscription native connection '{made.source.conninfo('native')}' publication p"
            " with (create_slot = false, copy_data = false)"
        )

    def catch_up(self) -> float:
        """Disable, update, enable; seconds until the copy has everything."""
        subscription.stop(self.copy, "native")
        _update(self.source)
        end = end_of_log(self.source)
        began = time.monotonic()
        self.copy.execute("alter subscription native enable")
        wait_confirmed(self.source, "native", end)
        return seconds_since(began)


def _equal(source: Connection, copy: Connection) -> None:
    total = "select count(*), sum(a) from hot"
    here, there = source.execute(total).fetchone(), copy.execute(total).fetchone()
    if here != there or one(source, "select count(*) from hot") != 100_000:
        raise RuntimeError(f"the copies differ: {here} and {there}")
