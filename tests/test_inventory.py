"""What a primary has, in numbers, and whether the way back has room."""

import pytest

from nodes.postgres import install, inventory
from nodes.postgres.connect import connect, one
from tests.engine import accounts
from tracking import support
from tracking.models import Inventory, ObjectCount

OBJECTS = """
    create type mood as enum ('sad'); create table a (id serial primary key, m mood);
    create table parts (id int) partition by range (id); create unlogged table u (id int);
    create view v as select 1; create materialized view mv as select 1; create schema s;
    create function f() returns int language sql as 'select 1'; create domain d as int;
    create procedure p() language sql as 'select 1'; create type pair as (a int);
    create type span as range (subtype = int); create statistics st on id, m from a;
    create aggregate total(int) (sfunc = int4pl, stype = int, initcond = '0');
    create publication pub for table a; alter default privileges grant select on tables to public;
    create text search dictionary words (template = simple); create collation c (locale = 'C');
    select lo_create(0); insert into a (m) select 'sad' from generate_series(1, 500); analyze a
"""


@pytest.fixture
def described(database):
    install.install(database.source)
    database.source.execute(OBJECTS)
    return database


def test_what_is_counted_has_a_row_in_the_table_of_object_types(described):
    counts = inventory.counts(described.source, cluster=True)
    assert set(counts) <= {row.object_type for row in support.rows()}
    assert {
        "table": 3, "view": 1, "materialized view": 1, "sequence": 1, "enum": 1, "domain": 1, "range": 1,
        "composite type": 1, "function": 1, "procedure": 1, "aggregate": 1, "schema": 2, "publication": 1,
        "statistics object": 1, "default acl": 1, "text search dictionary": 1, "collation": 1,
        "rows of tables": 500, "LARGE OBJECT": 1, "UNLOGGED TABLE": 1, "MATERIALIZED VIEW": 1,
        "SUBSCRIPTION": 0,
    }.items() <= counts.items()  # fmt: skip


def test_no_object_that_is_described_goes_uncounted(described):
    counts = inventory.counts(described.source, cluster=False)
    assert "ROLE" not in counts
    types = [name for name in support.described() if name in counts]
    constructors = 5  # of the range and its multirange
    every = "select count(*) from mwa.objects() where object >= 16384 or object = 2200"
    assert sum(counts[name] for name in types) == one(described.source, every) - constructors


def test_a_way_back_without_room_says_which_figure_is_in_the_way(described):
    enough = inventory.way_back(described.source, described.copy, 1)
    assert enough.missing == "" and "wal_level logical" in enough.seen
    maximum = int(one(described.copy, "show max_replication_slots"))
    used = one(described.copy, "select count(*) from pg_replication_slots")
    missing = inventory.way_back(described.source, described.copy, maximum + 1).missing
    assert f"{maximum - used} of {maximum} are free of max_replication_slots on the secondary" in missing
    assert f"needed are {maximum + 1}" in missing


def test_the_engine_counts_when_somebody_asks_and_keeps_what_it_knew_when_it_cannot(engine):
    engine.database.source.execute(accounts(50))
    engine.migrate()
    engine.until("the first", Inventory.objects.filter(counted_at__isnull=False).exists)
    before = Inventory.objects.get().counted_at
    engine.database.source.execute("create table further (id int primary key)")
    Inventory.ask(engine.pool)
    engine.until("the next", lambda: Inventory.objects.filter(counted_at__gt=before, asked_at=None).exists())
    assert ObjectCount.objects.get(object_type="table").count == 2
    with connect(engine.database.source_conninfo, "x", autocommit=False) as holder:
        holder.execute("alter function mwa.objects() rename to away")
        holder.commit()
        Inventory.ask(engine.pool)
        engine.until("the failure", lambda: "mwa.objects" in Inventory.objects.get().failure)
        holder.execute("alter function mwa.away() rename to objects")
        holder.commit()
    assert ObjectCount.objects.get(object_type="table").count == 2 and Inventory.objects.get().failed_at
