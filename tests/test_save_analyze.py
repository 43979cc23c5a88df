"""The copy's planner knows its tables before anybody uses them."""

from nodes.postgres.connect import one
from tests.save import create, run
from tracking.save.analyze import analyze


def test_all_tables_partitions_and_their_parents_have_statistics(database):
    create(database, """
        create table plain (a int);
        create table parent (a int) partition by range (a);
        create table child partition of parent default;
    """)  # fmt: skip
    database.source.execute(
        "insert into plain select generate_series(1, 100); insert into parent values (1), (2)"
    )
    run(database)
    analyze(database.copy_conninfo, 2)
    analyze(database.copy_conninfo, 2)
    known = (
        "select array(select distinct tablename::text from pg_stats where schemaname = 'public' order by 1)"
    )
    assert one(database.copy, known) == ["child", "parent", "plain"]
    assert one(database.copy, "select reltuples from pg_class where oid = 'plain'::regclass") == 100


def test_rows_on_a_server_that_cannot_be_reached_hold_nothing_up(database):
    database.copy.execute("""
        create foreign data wrapper nowhere; create server away foreign data wrapper nowhere;
        create table days (a int, b int) partition by list (a);
        create table near partition of days for values in (1);
        create foreign table far partition of days for values in (2) server away;
        create table halves partition of days for values in (3) partition by range (b);
        create table half partition of halves default;
        create table base (a int); create foreign table heir () inherits (base) server away;
        create table plain (a int); create table child () inherits (plain);
        insert into near values (1); insert into half values (3); insert into plain values (1);
        insert into child values (1);
    """)
    analyze(database.copy_conninfo, 2)
    analyzed = (
        "select array_agg(relname::text order by relname) from pg_class where reltuples > 0 and relname ~ %s"
    )
    assert one(database.copy, analyzed, ("^(days|near|far|hal|base|heir|plain|child)",)) == [
        "child", "half", "halves", "near", "plain",
    ]  # fmt: skip
