"""The shop's schema, its role and its first rows."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nodes.postgres.connect import Connection, connect, one

APP = "app"
_SCHEMA = Path(__file__).with_name("shop.sql")
_FILL = Path(__file__).with_name("fill.sql")
_SEQUENCES = """
    select setval('public.order_numbers', (select max(id) from public.orders)),
           setval('public.products_id_seq', (select max(id) from public.products)),
           setval('public.payments_id_seq', (select max(id) from public.payments)),
           setval('public.shipments_id_seq', (select max(id) from public.shipments))
"""


def create_roles(conninfo: str) -> None:
    """Create the role of the writers, which may log in and owns nothing, on a server that lacks it."""
    with connect(conninfo, "shop") as connection:
        connection.execute("""
            do $$ begin create role app login; exception when duplicate_object then null; end $$
        """)


def create(connection: Connection) -> None:
    """Create the empty shop, all of it or nothing, unless it is there; the role has to exist."""
    if one(connection, "select to_regclass('public.settings')") is None:
        connection.execute(_SCHEMA.read_text())


def plan(rows: int) -> dict[str, int]:
    """How many rows of each kind make up a shop of `rows` rows in all; raises ValueError below 1000."""
    if rows < 1000:
        raise ValueError(f"a shop has at least 1000 rows, not {rows}")
    orders = rows // 20 * 4  # a multiple of 4 orders has exactly 2.5 lines on average
    counts = {
        "orders": orders,
        "order_lines": orders * 5 // 2,
        "customers": rows // 20,
        "products": rows // 300,
        "stock": rows // 300,
        "shipments": orders // 4,
        "wishes": rows // 100,
        "audit": min(rows // 100, 1000),
        "settings": 1,
    }
    return {**counts, "payments": rows - sum(counts.values())}


def filled(connection: Connection) -> int | None:
    """How many rows the shop was filled with, or None while that has not happened or has not ended."""
    rows: int | None = one(connection, "select value from public.settings where key = 'rows'")
    return rows


def fill(conninfo: str, rows: int) -> None:
    """Fill the shop with exactly `rows` rows, made by the server, the same ones every time.

    Does nothing to a shop that is filled; one whose filling was interrupted is emptied first.
    Raises ValueError for less than 1000 rows.
    """
    counts = plan(rows)
    with connect(conninfo, "shop") as connection:
        if filled(connection) is not None:
            return
        connection.execute("""
            truncate public.customers, public.products, public.audit_log restart identity cascade
        """)
        # Two sessions, the biggest tables first. Only the last commit below waits for the disk, for all.
        with ThreadPoolExecutor(2) as sessions:
            statements = _FILL.read_text().split(";\n")
            list(sessions.map(lambda statement: _insert(conninfo, statement, counts), statements))
        connection.execute(_SEQUENCES)
        connection.execute("insert into public.settings values ('rows', %s)", (rows,))
        connection.execute("analyze")


def _insert(conninfo: str, statement: str, counts: dict[str, int]) -> None:
    # Foreign keys and triggers are off in the role of a replica: the rows fit together by themselves.
    with connect(
        conninfo, "shop", session_replication_role="replica", synchronous_commit="off"
    ) as connection:
        connection.execute(statement, counts)
