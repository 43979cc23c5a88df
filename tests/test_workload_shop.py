import pytest
from psycopg import errors
from psycopg.conninfo import make_conninfo

from mwaportal.workload import shop
from nodes.postgres import catalog
from nodes.postgres.connect import connect, one

ROWS = 10_007


@pytest.fixture
def filled(database):
    shop.create_roles(database.source_conninfo)
    shop.create(database.source)
    shop.fill(database.source_conninfo, ROWS)
    return database


def counts(connection):
    return {
        table.name: one(connection, b"select count(*) from " + table.identifier.as_bytes(connection))
        for table in catalog.tables(connection)
    }


def test_the_shop_has_exactly_the_rows_asked_for(filled):
    found = counts(filled.source)
    assert sum(found.values()) == ROWS
    assert shop.filled(filled.source) == ROWS
    empty = {name for name, rows in found.items() if rows == 0}
    assert empty == {"ledger", "movements", "invoices"}  # invoices come with their files
    assert found["order_lines"] == 2.5 * found["orders"]


@pytest.mark.parametrize("rows", [1000, 1019, 4999, 3_000_000])
def test_the_plan_adds_up_and_no_order_is_paid_twice(rows):
    plan = shop.plan(rows)
    assert sum(plan.values()) == rows
    assert 0 < plan["payments"] <= plan["orders"]
    assert min(plan.values()) > 0


def test_too_small_a_shop_is_refused():
    with pytest.raises(ValueError, match="at least 1000 rows, not 999"):
        shop.plan(999)


def test_the_rows_keep_every_constraint_although_none_was_checked_while_filling(filled):
    constraints = filled.source.execute("""
        select conrelid::regclass::text, quote_ident(conname) from pg_constraint
        where contype = 'f' and conparentid = 0
    """).fetchall()
    assert len(constraints) >= 8
    for table, name in constraints:
        definition = one(
            filled.source,
            "select pg_get_constraintdef(oid) from pg_constraint"
            " where conrelid = %s::regclass and quote_ident(conname) = %s",
            (table, name),
        )
        filled.source.execute(f"alter table {table} drop constraint {name}")
        filled.source.execute(f"alter table {table} add constraint {name} {definition}")
    paid = one(filled.source, "select sum(paid) from orders")
    assert paid == one(filled.source, "select sum(amount) from payments")


def test_the_next_ids_are_free(filled):
    filled.source.execute("insert into orders (customer_id) values (1)")
    filled.source.execute("insert into payments (order_id, amount) values (1, 1)")
    filled.source.execute("insert into shipments (planned_on, order_id) values ('2026-01-05', 1)")
    filled.source.execute("insert into products (sku, name, price, description) values ('x', 'x', 1, 'x')")
    filled.source.execute(
        "insert into customers (reference, email, name, address) values (gen_random_uuid(), 'x@y', 'x', '{}')"
    )


def test_filling_twice_changes_nothing_and_an_interrupted_filling_is_done_again(filled):
    before = counts(filled.source)
    shop.create(filled.source)
    shop.fill(filled.source_conninfo, ROWS)
    assert counts(filled.source) == before
    filled.source.execute("delete from settings")  # the mark of a filling that has ended
    filled.source.execute("delete from payments")
    shop.fill(filled.source_conninfo, ROWS)
    assert counts(filled.source) == before


def test_the_shop_holds_what_makes_moving_hard(filled):
    tables = {table.name: table for table in catalog.tables(filled.source)}
    assert not tables["audit_log"].key
    assert tables["order_lines"].key == ("order_id", "line")
    assert tables["order_lines"].generated == ("amount",)
    assert sum(table.is_partition for table in tables.values()) == 7
    assert {"public", "warehouse"} == {table.schema for table in tables.values()}
    assert any("'" in name and '"' in name for name in tables)
    assert {sequence.cache for sequence in catalog.sequences(filled.source)} == {1, 20}
    toasted = """
        select pg_table_size(reltoastrelid) from pg_class where oid = 'public.products'::regclass
    """
    assert one(filled.source, toasted) > 50_000


def test_the_role_of_the_writers_may_write_and_owns_nothing(filled):
    shop.create_roles(filled.source_conninfo)
    with connect(make_conninfo(filled.source_conninfo, user="app"), "test", search_path="public") as app:
        app.execute("update products set price = price + 1 where id = 1")
        assert (
            one(app, "select rolsuper or rolcreatedb or rolreplication from pg_roles where rolname = 'app'")
            is False
        )
        assert one(app, "select count(*) from pg_class where relowner = 'app'::regrole") == 0
        with pytest.raises(errors.InsufficientPrivilege):
            app.execute("alter table products add column x int")
