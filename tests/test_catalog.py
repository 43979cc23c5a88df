from nodes.postgres import catalog


def test_a_table_is_described_by_its_identity(database):
    database.source.execute("""
        create table plain (a int primary key, b text, c int generated always as (a * 2) stored);
        create table keyless (a int);
        create table by_index (a int not null, b int not null, c text);
        create unique index by_index_ba on by_index (b, a);
        alter table by_index replica identity using index by_index_ba;
        create table whole (a int primary key); alter table whole replica identity full;
        create table parent (a int primary key) partition by range (a);
        create table child partition of parent default;
    """)
    found = {table.name: table for table in catalog.tables(database.source)}
    assert set(found) == {"plain", "keyless", "by_index", "whole", "child"}
    assert found["plain"].key == ("a",) and found["plain"].stored == ("a", "b")
    assert found["plain"].type_of("b") == "text"
    assert found["by_index"].key == ("b", "a") and found["by_index"].tracked_by_key
    assert not found["keyless"].tracked_by_key and not found["whole"].tracked_by_key
    assert found["child"].is_partition and found["child"].key == ("a",)


def test_a_keys_equality_is_that_of_its_index(database):
    database.source.execute("""
        create schema "x y"; create extension vector schema "x y";
        create table t (v "x y".vector(2), n varchar(9), extra int, primary key (n, v) include (extra));
    """)
    (table,) = catalog.tables(database.source)
    assert dict(zip(table.key, table.equals, strict=True)) == {
        "n": "operator(pg_catalog.=)", "v": 'operator("x y".=)',
    }  # fmt: skip
