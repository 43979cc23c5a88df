"""make bench BENCH=compare: 5,000,000 equal rows on two servers, against one pass over them on one."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from psycopg import sql

from nodes.postgres import catalog
from nodes.postgres.connect import Connection, connect
from nodes.postgres.embedded import EmbeddedServer
from tracking.compare.hashing import row_hash
from tracking.compare.session import read
from tracking.compare.shape import Subject
from tracking.compare.table import compare_table

ROWS = 5_000_000
ROUNDS = 3
_TABLE = """
    create table public.measured (id bigint, number int, words text, at timestamptz);
    insert into public.measured
    select i, i * 7919 % 1000003, repeat(md5(i::text), 2) || substr(md5((i + 1)::text), 1, 20),
           '2024-01-01'::timestamptz + i * interval '1.7 seconds'
    from generate_series(1, {rows}::bigint) i;
    alter table public.measured add primary key (id);
    vacuum analyze public.measured
"""


def run(rows: int = ROWS, rounds: int = ROUNDS) -> Iterator[dict[str, Any]]:
    """Yield the one figure: seconds of a compare and of its peer, alternating, medians of `rounds`.

    The peer is the sum of the same hash of every row, read sequentially by one process of the source.
    """
    top = Path(tempfile.mkdtemp(prefix="mwa-bench-"))
    top.chmod(0o755)
    servers = EmbeddedServer(top / "source", 16), EmbeddedServer(top / "copy", 18)
    try:
        for server in servers:
            server.start()
        source, copy = (connect(server.conninfo(), "bench") for server in servers)
        with source, copy:
            yield _measure(source, copy, rows, rounds)
    finally:
        for server in servers:
            server.stop("immediate")
        shutil.rmtree(top, ignore_errors=True)


def _measure(source: Connection, copy: Connection, rows: int, rounds: int) -> dict[str, Any]:
    for connection in (source, copy):
        for statement in _TABLE.format(rows=rows).split(";"):
            connection.execute(statement)
    table = catalog.table(source, "public", "measured")
    assert table is not None
    subject = Subject.of(table)
    sequential = sql.SQL("select sum({}) from {}").format(row_hash(subject.columns), subject.relation)
    ours, peer = [], []
    for _ in range(rounds + 1):  # the first round only warms both servers' caches
        started = time.monotonic()
        read(source, sequential, {})  # pins max_parallel_workers_per_gather=0 as for the compare
        peer.append(time.monotonic() - started)
        result = compare_table(source, copy, ("public", "measured"))
        if result.verdict != "equal" or result.rows_compared != rows:
            raise RuntimeError(
                f"the compare said {result.verdict} of {result.rows_compared} rows: {result.reason}"
            )
        ours.append(result.seconds)
    seconds, peer_seconds = median(ours[1:]), median(peer[1:])
    return {
        "bench": "compare",
        "ours": round(seconds, 3),
        "peer_name": "one sequential hash of the table on one server",
        "peer": round(peer_seconds, 3),
        "ratio": round(seconds / peer_seconds, 2),
        "unit": "s",
    }
