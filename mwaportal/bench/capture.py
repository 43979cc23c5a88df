"""make bench BENCH=capture: row changes/s that the capture process turns into durable keys."""

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from .bed import Mirrored, bed, end_of_log, line, seconds_since

ROUNDS = 3
_TABLE = """
    create table hot (id bigint primary key, a int, b int, words text, at timestamptz default now());
    insert into hot select i, 0, 0, repeat('x', 84) from generate_series(1, 100000) i
"""


def run() -> Iterator[dict[str, Any]]:
    """2,000,000 updates of 100,000 rows, and 1,000,000 inserts of as many; from the process's start on."""
    with bed() as made:
        source, copy = made.database("capture")
        source.execute(_TABLE)
        mirrored = Mirrored(made, "capture", source, copy, 1)
        rates: dict[str, list[float]] = {"capture": [], "capture-distinct": []}
        mirrored.capture().kill()
        for number in range(ROUNDS):
            for _ in range(20):
                source.execute("update hot set a = a + 1")
            rates["capture"].append(_rate(mirrored, 2_000_000))
            low = 1_000_000 * (number + 1)
            source.execute(
                "insert into hot select i, 0, 0, repeat('x', 84) from generate_series(%s::bigint, %s) i",
                (low + 1, low + 1_000_000),
            )
            rates["capture-distinct"].append(_rate(mirrored, 1_000_000))
            source.execute("delete from hot where id > 100000")
            _rate(mirrored, 1)
            source.execute("vacuum hot")
        for name, found in rates.items():
            yield line(name, median(found), "row changes/s")


def _rate(mirrored: Mirrored, changes: int) -> float:
    end = end_of_log(mirrored.source)
    began = time.monotonic()
    process = mirrored.capture()
    process.until(end, seconds=600)
    took = seconds_since(began)
    process.kill()
    return changes / took
