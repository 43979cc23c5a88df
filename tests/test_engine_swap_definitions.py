import psycopg

from nodes.postgres.connect import connect, one
from tests.definitions import schema
from tests.engine_swap import approved, ended, ready_to_swap
from tests.mirror import content

_OPTIONS = "-c search_path=public -c client_min_messages=warning"


def on_the_new_primary(engine, statements: str) -> None:
    with psycopg.connect(engine.database.copy_conninfo, autocommit=True, options=_OPTIONS) as session:
        session.execute(statements)


def same(engine) -> None:
    last = "select coalesce(max(id), 0) from mwa.definition_changes where origin = mwa.node()"
    primary = engine.database.copy if engine.pair.swapped else engine.database.source
    engine.until("the changes", lambda: engine.pool.definitions_seen == one(primary, last))
    engine.until("the list", lambda: not engine.pool.definition_entries.filter(done_at=None).exists())
    engine.until_state("ACTIVE", "REPLICATING")
    engine.until_equal()
    assert schema(engine.database.copy_conninfo) == schema(engine.database.source_conninfo)


def test_definitions_travel_back_after_a_role_swap_and_forth_after_the_next(engine):
    ready_to_swap(engine)
    engine.start()
    engine.application("create type mood as enum ('sad'); alter table account add column m mood")
    same(engine)
    assert ended(engine, approved(engine)) == ("COMPLETE", "")
    engine.reconnect()
    on_the_new_primary(
        engine, "alter table account add column x int default 3; alter table account rename m to mood"
    )
    on_the_new_primary(engine, "alter type mood add value 'happy'")
    on_the_new_primary(engine, "insert into account values (100, 1, 'happy', 4); create index on account (x)")
    on_the_new_primary(engine, "create function f(account) returns int language sql as 'select $1.x'")
    same(engine)
    on_the_new_primary(
        engine, "alter table account alter n type text using n || '!'; create table made (id int)"
    )
    on_the_new_primary(engine, "insert into made values (1); update account set n = 'n' where id = 3")
    same(engine)
    assert ended(engine, approved(engine)) == ("COMPLETE", "")
    engine.reconnect()
    engine.application("drop function f; alter table account drop column x; insert into made values (2)")
    same(engine)
    assert content(engine.database.copy)["public.made"] == ["(1)", "(2)"]


def test_owners_that_no_event_trigger_saw_are_on_the_new_primary(engine):
    ready_to_swap(engine)
    source = engine.database.source
    source.execute("create role reassigned nologin")
    try:
        engine.start()
        engine.application("alter table account owner to reassigned")
        engine.application("create table more (id int primary key)")
        same(engine)
        engine.application("reassign owned by reassigned to postgres")
        owner = "select tableowner from pg_tables where tablename = 'account'"
        assert ended(engine, approved(engine)) == ("COMPLETE", "")
        engine.reconnect()
        assert one(engine.database.copy, owner) == "postgres"
    finally:
        engine.stop()
        for conninfo in (engine.database.source_conninfo, engine.database.copy_conninfo):
            with connect(conninfo, "test") as session:
                session.execute("drop owned by reassigned cascade; drop role reassigned")
