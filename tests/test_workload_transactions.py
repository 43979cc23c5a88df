import random
from collections import Counter

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from mwaportal.workload import shop
from mwaportal.workload.transactions import WEIGHTS, Shop, any_kind
from nodes.postgres.connect import one, wait_until

WISHES = 'Wünsche der "Kunden" \N{EN DASH} o\'clock'
ALWAYS = {("ledger", "insert"), ("movements", "insert"), ("stock", "update")}
BY_HAND = {("orders", "insert"), ("order_lines", "insert"), ("payments", "insert"), ("orders", "update")}
CHANGES = {
    "order": {("orders", "insert"), ("order_lines", "insert")},
    "pay": {("payments", "insert"), ("orders", "update")},
    "move stock": set(),
    "change customer": {("customers", "update")},
    "new customer": {("customers", "insert")},
    "change price": {("products", "update")},
    "change description": {("products", "update")},
    "new product": {("products", "insert"), ("stock", "insert")},
    "ship": {("shipments", "insert")},
    "postpone": {("shipments", "insert"), ("shipments", "delete"), ("shipments", "update")},
    "wish": {(WISHES, "insert"), (WISHES, "update")},
    "change wish": {(WISHES, "update")},
    "renumber lines": {("order_lines", "update")},
    "return lines": {("order_lines", "delete")},
    "cancel order": {(name, "delete") for name in ("orders", "order_lines", "payments", "shipments")},
    "update many": {("orders", "update")},
    "log": {("audit_log", "insert")},
    "correct log": {("audit_log", "update")},
    "bulk": {("order_lines", "update")},
    "order by hand": BY_HAND,
    "abandoned order": BY_HAND,  # the statistics count what is rolled back, too
}
REPEATS = 60


@pytest.fixture
def selling(database):
    """A shop's session as role app; nobody else writes."""
    shop.create_roles(database.source_conninfo)
    shop.create(database.source)
    shop.fill(database.source_conninfo, 1000)
    # A session adds what it did to the statistics when it ends, which is after its client has gone.
    others = "select count(*) from pg_stat_activity where application_name = 'mwa shop'"
    wait_until(lambda: one(database.source, others) == 0, "the filling sessions to end", seconds=5)
    with psycopg.connect(make_conninfo(database.source_conninfo, user=shop.APP), autocommit=True) as session:
        yield Shop(session, 1)


def statistics(selling):
    """How many rows have been inserted, updated and deleted, by table; partitions count as their parent."""
    selling.session.execute("select pg_stat_force_next_flush()")
    rows = selling.session.execute("""
        select change, regexp_replace(relname, '^shipments_.*', 'shipments'), sum(rows)::int
        from pg_stat_user_tables,
             lateral (values ('insert', n_tup_ins), ('update', n_tup_upd), ('delete', n_tup_del))
             as c(change, rows)
        group by 1, 2
    """).fetchall()
    return Counter({(table, change): count for change, table, count in rows})


def test_each_transaction_changes_what_it_is_named_after(selling):
    random.seed(2)
    found = {}
    for kind in WEIGHTS:
        before = statistics(selling)
        for _ in range(REPEATS):
            selling.last_number += 1
            selling.commit(kind, selling.last_number)
        found[kind] = set(statistics(selling) - before)
    assert found == {kind: ALWAYS | changes for kind, changes in CHANGES.items()}


def test_each_transaction_leaves_one_row_to_be_counted(selling, database):
    for number, kind in enumerate(WEIGHTS, 1):
        selling.commit(kind, number)
    for table in ("ledger", "warehouse.movements"):
        numbers = database.source.execute(f"select number from {table} order by 1").fetchall()
        assert numbers == [(n,) for n in range(1, len(WEIGHTS) + 1)]
    assert (
        one(database.source, "select count(*) from orders where note = 'by hand'") == 1
    )  # one was abandoned


def test_the_kinds_come_as_often_as_they_weigh():
    random.seed(1)
    found = Counter(any_kind() for _ in range(20_000))
    assert sum(WEIGHTS.values()) == 10_000
    assert found["order"] == pytest.approx(2 * WEIGHTS["order"], rel=0.1)
    assert set(WEIGHTS) - set(found) <= {"bulk"}
