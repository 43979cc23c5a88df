"""make bench BENCH=definitions: changes of definitions carried while ACTIVE, and what noting one costs."""

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from nodes.postgres import install
from nodes.postgres.connect import Connection, connect

from .bed import Mirrored, bed, end_of_log, line, seconds_since, wait_confirmed

ROUNDS = 5
CHANGES = 200
_TABLE = """
    create table changing (id bigint primary key, a int not null default 0, b text, at timestamptz);
    create index on changing (a)
"""


def run() -> Iterator[dict[str, Any]]:
    """ALTER TABLE in turn on a database that is mirrored and on one that is not; how many are carried."""
    with bed() as made:
        source, copy = made.database("definitions")
        for node in (source, copy):
            node.execute(_TABLE)
        plain, _ = made.database("plain")
        plain.execute(_TABLE)
        mirrored = Mirrored(made, "definitions", source, copy, 1)
        for node in (source, copy):
            install.learn(node)
        process = mirrored.capture()
        mirrored.hand_over(process)
        latency, rates = [], []
        with (
            connect(made.source.conninfo("definitions"), "x", search_path="public") as ours,
            connect(made.source.conninfo("plain"), "x", search_path="public") as theirs,
        ):
            for session in (ours, theirs):
                session.execute("set application_name = 'shop'")
            for number in range(ROUNDS + 1):  # the first one only plans the triggers' queries
                with_us, without = _altered(ours, number), _altered(theirs, number)
                latency += [(with_us - without) * 1000] if number else []
                rates += [_rate(mirrored, ours)] if number else []
        yield line("definitions-latency", median(latency), "ms")
        yield line("definitions-rate", median(rates), "changes/s")


def _altered(session: Connection, number: int) -> float:
    """Seconds that one ALTER TABLE takes, the median of some."""
    taken = []
    for each in range(20):
        began = time.monotonic()
        session.execute(f"alter table changing add column c{number}_{each} int default 7")
        taken.append(seconds_since(began))
        session.execute(f"alter table changing drop column c{number}_{each}")
    return median(taken)


def _rate(mirrored: Mirrored, session: Connection) -> float:
    """Changes per second from the first ALTER TABLE until the copy has all of them."""
    began = time.monotonic()
    for number in range(CHANGES // 2):
        session.execute(f"alter table changing add column r{number} int")
        session.execute(f"alter table changing drop column r{number}")
    wait_confirmed(mirrored.source, mirrored.route.slot, end_of_log(mirrored.source))
    return CHANGES / seconds_since(began)
