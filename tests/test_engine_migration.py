import threading

import pytest

from nodes.models import Pair
from nodes.postgres import blocked
from nodes.postgres.connect import connect, one, wait_until
from tests.mirror import content
from tracking.models import JournalEntry, TableCopy

SHOP = """
    create table customer (id int generated always as identity primary key, name text not null);
    create table purchase (
        id bigserial primary key, customer int not null references customer, total numeric);
    create index on purchase (customer);
    create table log (line text);
    create view totals as select customer, sum(total) from purchase group by 1;
    insert into customer (name) select 'c' || i from generate_series(1, 200) i;
    insert into purchase (customer, total) select 1 + i % 200, i from generate_series(1, 2000) i;
    insert into log values ('first')
"""
CATALOGS = """
    select 'slot ' || slot_name from pg_replication_slots where database = current_database()
    union all select 'publication ' || pubname from pg_publication
    union all select 'subscription ' || subname from pg_subscription
        where subdbid = (select oid from pg_database where datname = current_database())
    union all select 'event trigger ' || evtname from pg_event_trigger
    union all select 'schema ' || nspname from pg_namespace where nspname !~ '^pg_(toast_)?temp'
    union all select 'identity ' || relname || relreplident::text from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace
    union all select 'setting ' || setconfig::text from pg_db_role_setting
        where setdatabase = (select oid from pg_database where datname = current_database())
    union all select 'origin ' || roname from pg_replication_origin where roname like '%mwa%'
    order by 1
"""


def catalogs(connection) -> list[str]:
    return [row[0] for row in connection.execute(CATALOGS)]


def test_a_database_moves_while_it_is_written_to(engine):
    source = engine.database.source
    source.execute(SHOP)
    stop = threading.Event()

    def write() -> None:
        with connect(engine.database.source_conninfo, "app", search_path="public") as session:
            while not stop.is_set():
                session.execute(
                    "insert into purchase (customer, total) values (1 + (random() * 199)::int, 1)"
                )
                session.execute("update customer set name = name || '.' where id = 1 + (random() * 199)::int")
                session.execute("update log set line = 'again'")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        engine.migrate()
    finally:
        stop.set()
        writer.join()
    engine.until_equal()
    codes = set(engine.pair.messages.values_list("code", flat=True))
    assert {"CPI3712", "766", "768", "844", "782"} <= codes
    assert set(TableCopy.objects.values_list("name", "state")) == {
        ("customer", "COPIED"), ("purchase", "COPIED"), ("log", "COPIED")
    }  # fmt: skip
    assert TableCopy.objects.get(name="purchase").rows >= 2000


def test_every_transition_is_in_the_journal(engine):
    engine.database.source.execute(SHOP)
    engine.migrate()
    phases = list(JournalEntry.objects.filter(entry_type="M").order_by("id").values_list("state", flat=True))
    assert phases == ["SETUP", "FINAL SETUP", "SYNC"]
    states = list(
        JournalEntry.objects.filter(entry_type="C").order_by("id").values_list("previous_state", "state")
    )
    assert list(states) == [("NOT MIRRORED", "TRACKING"), ("TRACKING", "ACTIVE")]


def test_only_what_has_replicated_before_is_said_to_do_so_again(engine):
    engine.database.source.execute(SHOP)
    engine.migrate()
    said = engine.pair.messages.filter(text__startswith="Replicating")
    assert said.get().text.startswith("Replicating after")
    engine.ask("PAUSED")
    engine.until("the pause", lambda: engine.pair.phase == "PAUSED")
    engine.ask("SYNC")
    engine.until("the message", lambda: said.count() == 2)
    assert said.first().text.startswith("Replicating again after")


def test_removing_a_pair_leaves_nothing_on_either_node(engine):
    source, copy = engine.database.source, engine.database.copy
    source.execute(SHOP)
    before = catalogs(source)
    engine.migrate()
    assert catalogs(source) != before
    blocked_copy = blocked.is_blocked(copy, engine.database.name)
    engine.ask("REMOVED")
    wait_until(lambda: not Pair.objects.exists(), "the pair to be gone", seconds=30)
    assert blocked_copy
    assert catalogs(source) == before
    assert catalogs(copy) == [name for name in before if not name.startswith("slot")]


def test_a_failed_preflight_touches_nothing(engine):
    source, copy = engine.database.source, engine.database.copy
    source.execute(SHOP)
    copy.execute("create table in_the_way (id int)")
    before = catalogs(source), catalogs(copy)
    engine.start()
    engine.ask("SYNC")
    engine.until("the refusal", lambda: engine.pair.phase_detail == "E")
    assert "in_the_way" in engine.pair.detail_text
    assert engine.pair.goal == "" and engine.pair.phase == ""
    assert (catalogs(source), catalogs(copy)) == before


def test_a_locked_table_comes_in_the_end(engine):
    source = engine.database.source
    source.execute(SHOP)
    source.execute("create table big as select i, repeat('x', 200) from generate_series(1, 600000) i")
    engine.set(savactwait_seconds=1, parallel_degree=1)
    engine.start()
    engine.ask("SYNC")
    engine.until("the copying", lambda: TableCopy.objects.filter(name="big", state="COPYING").exists())
    with connect(engine.database.source_conninfo, "app", autocommit=False) as holder:
        holder.execute("lock table public.purchase")
        copied = TableCopy.objects.filter(state="COPIED")
        engine.until("the others to be copied", lambda: copied.count() == 3)
        locked = TableCopy.objects.filter(name="purchase", state="LOCKED")
        engine.until("it to be reported", locked.exists)
    engine.until("SYNC", lambda: engine.pair.phase == "SYNC")
    engine.until_equal()


@pytest.mark.parametrize("step", ["INSTALLED", "DEFINED", "COPIED", "INDEXED"])
def test_an_engine_that_is_killed_after_any_step_goes_on_there(engine, step):
    engine.database.source.execute(SHOP)
    engine.set_up_to(step)
    engine.database.source.execute("insert into customer (name) values ('while nobody looked')")
    copied = set(TableCopy.objects.filter(state="COPIED").values_list("name", "ended_at"))
    engine.start()
    engine.until("SYNC", lambda: engine.pair.phase == "SYNC")
    engine.until_equal()
    assert copied <= set(TableCopy.objects.values_list("name", "ended_at"))
    assert len(content(engine.database.copy)["public.customer"]) == 201


def test_an_engine_that_ended_right_after_the_first_hand_over_goes_on(engine):
    """The stream was on already, but nobody had written down that it was."""
    engine.database.source.execute(SHOP)
    engine.migrate()
    engine.stop()
    engine.pair.pools.update(step="INDEXED", state="ACTIVE", detail="SYNCHRONIZING")
    engine.set(phase="FINAL SETUP")
    engine.database.source.execute("insert into customer (name) values ('streamed')")
    engine.start()
    engine.until("SYNC", lambda: engine.pair.phase == "SYNC")
    engine.until_state("ACTIVE", "REPLICATING")
    engine.until_equal()


def test_roles_that_the_copy_lacks_are_made_before_what_they_own(engine):
    name = f"owner_of_{engine.database.name}"
    source, copy = engine.database.source, engine.database.copy
    source.execute(f"create role {name} login password 'x'; create table owned (id int primary key)")
    source.execute(f"alter table owned owner to {name}; grant {name} to pg_monitor")
    try:
        engine.migrate()
        assert one(copy, "select tableowner from pg_tables where tablename = 'owned'") == name
        hashes = [
            one(node, f"select rolpassword from pg_authid where rolname = '{name}'")
            for node in (source, copy)
        ]
        assert hashes[0] == hashes[1]
    finally:
        engine.stop()
        for node in (source, copy):
            node.execute(f"drop owned by {name} cascade; drop role {name}")
