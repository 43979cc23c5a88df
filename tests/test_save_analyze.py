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
